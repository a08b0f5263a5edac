/** What Python makes of the same inputs; `tools/golden.py` tells what is in the files. */

import contracts from "../../../tests/golden/contract.json";
import scenes from "../../../tests/golden/detection.json";
import placements from "../../../tests/golden/placement.json";
import resized from "../../../tests/golden/resize.json";
import type { Box } from "../src/pixels";

export { contracts, placements, resized, scenes };

export function bytes(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

export function box([left, top, right, bottom]: number[]): Box {
  return { left, top, right, bottom };
}

/** Make of RGB values what a canvas would give. */
export function picture(width: number, height: number, rgb: Uint8Array): ImageData {
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  rgb.forEach((value, i) => {
    data[4 * Math.floor(i / 3) + (i % 3)] = value;
  });
  return { width, height, data } as ImageData;
}
