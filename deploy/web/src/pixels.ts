/** Resize pixels as `facemask.store.images.resize` does, byte for byte: Pillow's bilinear filter. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Return the box around a whole picture. */
export function fullFrame(image: { width: number; height: number }): Box {
  return { left: 0, top: 0, right: image.width, bottom: image.height };
}

/** A picture, row by row from the top; each pixel is three numbers, 0-255: red, green, blue. */
export interface Pixels {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/** Weights of the input pixels from `start[i]` on that make output pixel `i`, in fixed point. */
interface Weights {
  start: Int32Array;
  values: Int32Array[];
}

const PRECISION = 22; // bits after the point; 8 for a pixel, 22 and 2 to spare make 32
const HALF = 1 << (PRECISION - 1);

/** Stretch a picture to a size. */
export function resize({ width, height, rgb }: Pixels, toWidth: number, toHeight: number): Pixels {
  const [columns, rows] = [triangle(width, toWidth), triangle(height, toHeight)];
  // Each pass rounds, so their order matters; Pillow takes the columns first if that saves much.
  const downFirst = height > toHeight && height - toHeight > 2 * (width - toWidth);
  const resized = downFirst
    ? across(down(rgb, 3 * width, rows), width, columns)
    : down(across(rgb, width, columns), 3 * toWidth, rows);
  return { width: toWidth, height: toHeight, rgb: resized };
}

/** Return a part of what a canvas gives, without its alpha. */
export function cropped({ data, width }: ImageData, box: Box): Pixels {
  const part = { width: box.right - box.left, height: box.bottom - box.top };
  const rgb = new Uint8Array(3 * part.width * part.height);
  let to = 0;
  for (let y = box.top; y < box.bottom; y++) {
    const end = 4 * (y * width + box.right);
    for (let at = 4 * (y * width + box.left); at < end; at += 4) {
      rgb[to++] = data[at];
      rgb[to++] = data[at + 1];
      rgb[to++] = data[at + 2];
    }
  }
  return { ...part, rgb };
}

function across(pixels: Uint8Array, width: number, { start, values }: Weights): Uint8Array {
  const height = pixels.length / (3 * width);
  const result = new Uint8Array(height * start.length * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < start.length; x++) {
      const weights = values[x];
      let at = 3 * (y * width + start[x]);
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let k = 0; k < weights.length; k++, at += 3) {
        const weight = weights[k];
        red += pixels[at] * weight;
        green += pixels[at + 1] * weight;
        blue += pixels[at + 2] * weight;
      }
      result[to++] = red >> PRECISION;
      result[to++] = green >> PRECISION;
      result[to++] = blue >> PRECISION;
    }
  }
  return result;
}

function down(pixels: Uint8Array, stride: number, { start, values }: Weights): Uint8Array {
  const result = new Uint8Array(start.length * stride);
  let to = 0;
  for (let y = 0; y < start.length; y++) {
    const weights = values[y];
    const first = start[y] * stride;
    for (let x = 0; x < stride; x++) {
      let sum = HALF;
      for (let k = 0, at = first + x; k < weights.length; k++, at += stride) {
        sum += pixels[at] * weights[k];
      }
      result[to++] = sum >> PRECISION;
    }
  }
  return result;
}

/** Return the triangle filter; its support grows with the reduction, so it is antialiased. */
function triangle(from: number, to: number): Weights {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const start = new Int32Array(to);
  const values = Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(from, Math.trunc(centre + support + 0.5));
    start[i] = first;
    const raw = Array.from({ length: last - first }, (_, k) =>
      Math.max(0, 1 - Math.abs((first + k - centre + 0.5) / support)),
    );
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return Int32Array.from(raw, (weight) => Math.trunc((weight / sum) * 2 ** PRECISION + 0.5));
  });
  return { start, values };
}
