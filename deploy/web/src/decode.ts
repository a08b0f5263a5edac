/** Files -> pixels, as the browser shows them: upright, in sRGB, on white where transparent. */

import { decodeWebp } from "./orientation";
import { type Box, fullFrame } from "./pixels";
import { trouble } from "./strings";

/** Longer side of what is read out of a photo at once; canvases of phones end not far above. */
const MAX_SIDE = 4096;

/** Decode a picture; of an animated one, the first frame. The message of an error is for people. */
export async function decode(file: Blob): Promise<ImageBitmap> {
  if (file.size === 0) throw new Error(trouble.empty);
  try {
    return (
      (await decodeWebp(file)) ??
      (await createImageBitmap(file, { imageOrientation: "from-image" }))
    );
  } catch {
    const head = new TextDecoder("latin1").decode(await file.slice(0, 16).arrayBuffer());
    if (head.startsWith("%PDF")) throw new Error(trouble.pdf);
    if (/^.{4}ftyp(hei|hev|mif|msf)/s.test(head)) throw new Error(trouble.heic);
    throw new Error(trouble.noImage);
  }
}

/** Give the pixels of a part of a picture, pixel for pixel unless it is longer than `maxSide`. */
export function pixelsOf(
  image: ImageBitmap,
  box: Box = fullFrame(image),
  maxSide = MAX_SIDE,
): ImageData {
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const scale = Math.min(1, maxSide / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, box.left, box.top, width, height, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** Enlarge a box found in a reduced copy to the picture's own pixels. */
export function enlarge(box: Box, from: ImageData, to: ImageBitmap): Box {
  const [x, y] = [to.width / from.width, to.height / from.height];
  return { left: box.left * x, top: box.top * y, right: box.right * x, bottom: box.bottom * y };
}
