/** Files -> pixels, as the browser shows them: upright, in sRGB, on white where transparent. */

import { decodeWebp } from "./orientation";
import { trouble } from "./strings";

/** Pixels of the longer side; a larger picture is reduced, since canvases of phones end near it. */
const MAX_SIDE = 4096;

/** Decode a picture, or the first frame of an animated one; an error's message is for people. */
export async function decode(file: Blob): Promise<CanvasRenderingContext2D> {
  const image = await open(file);
  const scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return context;
}

async function open(file: Blob): Promise<ImageBitmap> {
  if (file.size === 0) throw new Error(trouble.empty);
  try {
    const turned = await decodeWebp(file);
    return turned ?? (await createImageBitmap(file, { imageOrientation: "from-image" }));
  } catch {
    const head = new TextDecoder("latin1").decode(await file.slice(0, 16).arrayBuffer());
    if (head.startsWith("%PDF")) throw new Error(trouble.pdf);
    if (/^.{4}ftyp(hei|hev|mif|msf)/s.test(head)) throw new Error(trouble.heic);
    throw new Error(trouble.noImage);
  }
}
