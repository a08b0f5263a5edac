/** Turn a WebP upright by its EXIF orientation, as browsers do with JPEG, PNG and AVIF. */

const TAG = 0x0112; // EXIF's name for the orientation

/** Where a file says how it is to be turned, and that number, 1-8. */
interface Orientation {
  at: number;
  littleEndian: boolean;
  value: number;
}

/** Decode a WebP and turn it; return nothing for any other file. */
export async function decodeWebp(file: Blob): Promise<ImageBitmap | undefined> {
  const head = new TextDecoder("latin1").decode(await file.slice(0, 12).arrayBuffer());
  if (!/^RIFF.{4}WEBP$/s.test(head)) return undefined;
  const view = new DataView(await file.arrayBuffer());
  const orientation = findOrientation(view);
  if (!orientation) return createImageBitmap(file);
  const { at, littleEndian, value } = orientation;
  view.setUint16(at, 1, littleEndian); // a browser that would turn it leaves it as it is
  return turn(await createImageBitmap(new Blob([view])), value);
}

function findOrientation(view: DataView): Orientation | undefined {
  try {
    for (let chunk = 12; ; chunk += 8 + size(chunk) + (size(chunk) % 2)) {
      if (view.getUint32(chunk) === 0x45584946) return inExif(view, chunk + 8); // "EXIF"
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined; // the file has no whole EXIF chunk
    throw error;
  }
  function size(chunk: number): number {
    return view.getUint32(chunk + 4, true);
  }
}

/** Look through the first directory of the TIFF structure that EXIF is. */
function inExif(view: DataView, start: number): Orientation | undefined {
  const tiff = view.getUint32(start) === 0x45786966 ? start + 6 : start; // after "Exif\0\0"
  const littleEndian = view.getUint16(tiff) === 0x4949; // "II"
  const directory = tiff + view.getUint32(tiff + 4, littleEndian);
  const entries = view.getUint16(directory, littleEndian);
  for (let entry = directory + 2; entry < directory + 2 + 12 * entries; entry += 12) {
    if (view.getUint16(entry, littleEndian) !== TAG) continue;
    const at = entry + 8;
    return { at, littleEndian, value: view.getUint16(at, littleEndian) };
  }
  return undefined;
}

/** Turn or mirror a picture; `orientation` says as EXIF does what its first row and column are. */
async function turn(image: ImageBitmap, orientation: number): Promise<ImageBitmap> {
  const { width, height } = image;
  const matrices: Record<number, DOMMatrix2DInit> = {
    2: { a: -1, d: 1, e: width },
    3: { a: -1, d: -1, e: width, f: height },
    4: { a: 1, d: -1, f: height },
    5: { a: 0, b: 1, c: 1, d: 0 },
    6: { a: 0, b: 1, c: -1, d: 0, e: height },
    7: { a: 0, b: -1, c: -1, d: 0, e: height, f: width },
    8: { a: 0, b: -1, c: 1, d: 0, f: width },
  };
  const matrix = matrices[orientation];
  if (!matrix) return image;
  const canvas = document.createElement("canvas");
  canvas.width = orientation < 5 ? width : height;
  canvas.height = orientation < 5 ? height : width;
  const context = canvas.getContext("2d")!;
  context.setTransform(matrix);
  context.drawImage(image, 0, 0);
  image.close();
  return createImageBitmap(canvas);
}
