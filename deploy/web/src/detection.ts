/** What surrounds the face finder's network, as `facemask/inference/detection.py` has it. */

import constants from "../../../facemask/inference/face_finder.json";
import { type Box, type Pixels, resize } from "./pixels";

/** A box around a face, in pixels of the picture, and its score, 0-1. */
export interface Face extends Box {
  score: number;
}

/** How a face's box becomes the crop that is classified; it is part of the model's contract. */
export interface CropMargins {
  /** Side of the crop in sides of the box. */
  scale: number;
  /** How far the crop's centre lies above the box's, in sides of the crop. */
  up: number;
}

interface Size {
  width: number;
  height: number;
}

/** Where a picture lies in the square that the network takes, in pixels of the square. */
export interface Placement extends Size {
  side: number;
  left: number;
  top: number;
}

/** Sides in pixels of the squares for a photo; small faces show in the larger square only. */
export const SIDES = constants.sides;

const STRIDE = 4; // pixels of the square from one cell of the network's map to the next
const NUMBERS = 5; // of a cell: score, centre to the right and down, logarithms of width and height

/** Return where a picture lies in a square: whole, in its middle. */
export function place(image: Size, side: number): Placement {
  const scale = side / Math.max(image.width, image.height);
  const width = Math.max(1, Math.floor(image.width * scale + 0.5));
  const height = Math.max(1, Math.floor(image.height * scale + 0.5));
  return { side, width, height, left: (side - width) >> 1, top: (side - height) >> 1 };
}

/** Make the network's input: the resized picture, and black around it. */
export function networkInput(image: Pixels, placement: Placement): Uint8Array {
  const { side, width, height, left, top } = placement;
  const { rgb } = resize(image, width, height);
  const input = new Uint8Array(3 * side * side);
  for (let y = 0; y < height; y++) {
    const row = rgb.subarray(3 * width * y, 3 * width * (y + 1));
    input.set(row, 3 * (side * (top + y) + left));
  }
  return input;
}

/** Turn the network's map of a square into boxes of the picture, row by row. */
export function decode(map: Float32Array, placement: Placement, image: Size): Face[] {
  const cells = placement.side / STRIDE;
  const across = image.width / placement.width;
  const down = image.height / placement.height;
  const faces: Face[] = [];
  for (let cell = 0; cell < map.length / NUMBERS; cell++) {
    if (map[NUMBERS * cell] < constants.min_score) continue;
    const [score, right, below, logWidth, logHeight] = map.subarray(NUMBERS * cell);
    const x = STRIDE * (cell % cells) + right - placement.left;
    const y = STRIDE * Math.floor(cell / cells) + below - placement.top;
    const halfWidth = Math.exp(logWidth) / 2;
    const halfHeight = Math.exp(logHeight) / 2;
    const face = {
      left: clamp((x - halfWidth) * across, 0, image.width),
      top: clamp((y - halfHeight) * down, 0, image.height),
      right: clamp((x + halfWidth) * across, 0, image.width),
      bottom: clamp((y + halfHeight) * down, 0, image.height),
      score,
    };
    if (area(face) > 0) faces.push(face);
  }
  return faces;
}

/** Keep the surest of the boxes that show the same face; the largest comes first. */
export function distinct(boxes: Face[]): Face[] {
  const faces: Face[] = [];
  for (const box of [...boxes].sort((a, b) => b.score - a.score)) {
    if (!faces.some((face) => overlap(face, box) >= constants.same_face)) faces.push(box);
  }
  return faces.sort((a, b) => area(b) - area(a));
}

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const shared = area({
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  });
  return shared / (area(a) + area(b) - shared);
}

/** Whether a face has too few pixels to be classified. */
export function isTooSmall(face: Box): boolean {
  return Math.min(face.right - face.left, face.bottom - face.top) < constants.smallest_face;
}

const area = (box: Box): number =>
  Math.max(0, box.right - box.left) * Math.max(0, box.bottom - box.top);

const clamp = (value: number, least: number, most: number): number =>
  Math.min(Math.max(value, least), most);

/** Return the part of the picture around a face's box that a training image would show. */
export function crop(box: Box, image: Size, margins: CropMargins): Box {
  const side = (margins.scale * (box.right - box.left + box.bottom - box.top)) / 2;
  const x = (box.left + box.right) / 2;
  const y = (box.top + box.bottom) / 2 - margins.up * side;
  const left = clamp(Math.floor(x - side / 2 + 0.5), 0, image.width - 1);
  const top = clamp(Math.floor(y - side / 2 + 0.5), 0, image.height - 1);
  const right = Math.min(image.width, Math.floor(x + side / 2 + 0.5));
  const bottom = Math.min(image.height, Math.floor(y + side / 2 + 0.5));
  return { left, top, right: Math.max(right, left + 1), bottom: Math.max(bottom, top + 1) };
}
