/** Scale pixels as `facemask/images.py` does, byte for byte: Pillow's bilinear filter. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export function whole(image: { width: number; height: number }): Box {
  return { left: 0, top: 0, right: image.width, bottom: image.height };
}

/** Weights of the input pixels from `start[i]` on that make output pixel `i`, in fixed point. */
interface Weights {
  start: Int32Array;
  values: Int32Array[];
}

const PRECISION = 22; // bits after the point: 8 of a pixel, 2 to spare, and 22 make 32
const HALF = 1 << (PRECISION - 1);

/** Stretch a part of an RGBA image to RGB of a size, channels last. */
export function resize(image: ImageData, box: Box, width: number, height: number): Uint8Array {
  const columns = triangle(box.right - box.left, width);
  const rows = triangle(box.bottom - box.top, height);
  const across = resizeAcross(image, box, columns);
  const stride = 3 * width;
  const result = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const weights = rows.values[y];
    const first = rows.start[y] * stride;
    for (let x = 0; x < stride; x++) {
      let sum = HALF;
      for (let k = 0, at = first + x; k < weights.length; k++, at += stride) {
        sum += across[at] * weights[k];
      }
      result[y * stride + x] = sum >> PRECISION;
    }
  }
  return result;
}

function resizeAcross(image: ImageData, box: Box, { start, values }: Weights): Uint8Array {
  const { data, width } = image;
  const result = new Uint8Array((box.bottom - box.top) * start.length * 3);
  let to = 0;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = 0; x < start.length; x++) {
      const weights = values[x];
      let at = 4 * (y * width + box.left + start[x]);
      let [red, green, blue] = [HALF, HALF, HALF];
      for (let k = 0; k < weights.length; k++, at += 4) {
        const weight = weights[k];
        red += data[at] * weight;
        green += data[at + 1] * weight;
        blue += data[at + 2] * weight;
      }
      result[to++] = red >> PRECISION;
      result[to++] = green >> PRECISION;
      result[to++] = blue >> PRECISION;
    }
  }
  return result;
}

/** The triangle filter; its support grows with the reduction, that is, it is antialiased. */
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
