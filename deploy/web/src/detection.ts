/** What surrounds the face finder's network, as `facemask/inference/detection.py` has it. */

import constants from "../../../facemask/inference/face_detector.json";
import { type Box, fullFrame, resize } from "./pixels";

/** Sides of the square that the network takes, in pixels. */
export const INPUT_SIZE = constants.input_size;

/** A box of a face, in pixels of the picture, and how sure the network is of it, 0-1. */
export interface Detection extends Box {
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

/** Centres of the anchors, 0-1, in the network's order. */
export const anchors = constants.grids.flatMap(([side, boxes]) =>
  Array.from({ length: side * side * boxes }, (_, i) => {
    const cell = Math.floor(i / boxes);
    return { x: ((cell % side) + 0.5) / side, y: (Math.floor(cell / side) + 0.5) / side };
  }),
);

/** The full frame and, where it is large enough, tiles that overlap by half. */
export function views(image: Size): Box[] {
  const longer = Math.max(image.width, image.height);
  const tiles = constants.tiles.flatMap(([share, least]) => {
    const side = Math.trunc(longer * share);
    return side < least ? [] : squares(image, side);
  });
  return [fullFrame(image), ...tiles];
}

function squares(image: Size, side: number): Box[] {
  return starts(image.height, side).flatMap((top) =>
    starts(image.width, side).map((left) => ({
      left,
      top,
      right: Math.min(image.width, left + side),
      bottom: Math.min(image.height, top + side),
    })),
  );
}

function starts(length: number, side: number): number[] {
  if (length <= side) return [0];
  const steps = Math.ceil((2 * (length - side)) / side);
  return Array.from({ length: steps + 1 }, (_, i) => Math.round((i * (length - side)) / steps));
}

/** Where a view lies in the network's input: as large as fits, in the middle. */
function fit(view: Box) {
  const [viewWidth, viewHeight] = [view.right - view.left, view.bottom - view.top];
  const scale = INPUT_SIZE / Math.max(viewWidth, viewHeight);
  const width = Math.max(1, Math.round(viewWidth * scale));
  const height = Math.max(1, Math.round(viewHeight * scale));
  return { scale, width, height, left: (INPUT_SIZE - width) >> 1, top: (INPUT_SIZE - height) >> 1 };
}

/** Make the network's input of a view: RGB from -1 to 1, on black. */
export function networkInput(image: ImageData, view: Box): Float32Array {
  const { width, height, left, top } = fit(view);
  const pixels = resize(image, view, width, height);
  const input = new Float32Array(INPUT_SIZE * INPUT_SIZE * 3).fill(-1);
  for (let y = 0; y < height; y++) {
    const to = 3 * ((top + y) * INPUT_SIZE + left);
    for (let x = 0; x < 3 * width; x++) input[to + x] = pixels[3 * y * width + x] / 127.5 - 1;
  }
  return input;
}

/**
 * Turn the network's outputs for a view into boxes of the picture.
 *
 * `boxes` holds x, y, width, height and twelve numbers more for each anchor, `logits` one number.
 */
export function decode(
  boxes: Float32Array,
  logits: Float32Array,
  view: Box,
  image: Size,
): Detection[] {
  const { scale, left, top } = fit(view);
  const isTile = view.right - view.left < image.width || view.bottom - view.top < image.height;
  const least = isTile ? constants.tile_min_score : constants.min_score;
  const stride = boxes.length / anchors.length;
  const found: Detection[] = [];
  logits.forEach((logit, i) => {
    const score = 1 / (1 + Math.exp(-logit));
    if (score < least) return;
    const [dx, dy, width, height] = boxes.subarray(stride * i);
    const x = dx + anchors[i].x * INPUT_SIZE - left;
    const y = dy + anchors[i].y * INPUT_SIZE - top;
    found.push({
      left: (x - width / 2) / scale + view.left,
      top: (y - height / 2) / scale + view.top,
      right: (x + width / 2) / scale + view.left,
      bottom: (y + height / 2) / scale + view.top,
      score,
    });
  });
  return found.filter((box) => isUncut(box, view, image));
}

/** Whether a box is not cut by an edge of the view that lies within the picture. */
function isUncut(box: Box, view: Box, image: Size): boolean {
  return (
    (box.left > view.left || view.left === 0) &&
    (box.top > view.top || view.top === 0) &&
    (box.right < view.right || view.right === image.width) &&
    (box.bottom < view.bottom || view.bottom === image.height)
  );
}

const clamp = (value: number, least: number, most: number): number =>
  Math.min(Math.max(value, least), most);

const area = (box: Box): number =>
  Math.max(0, box.right - box.left) * Math.max(0, box.bottom - box.top);

const shared = (a: Box, b: Box): number =>
  area({
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  });

/** Make of the boxes of all views one for each face, the surest first. */
export function merge(found: Detection[]): Detection[] {
  const faces: Detection[] = [];
  for (const face of sameFaces(found)) {
    if (!faces.some((surer) => isPart(face, surer))) faces.push(face);
  }
  return faces;
}

/** Whether a smaller box shows hair, an ear, the neck or a hand of the person with a surer face. */
function isPart(face: Detection, surer: Detection): boolean {
  const away = Math.max(
    Math.abs(face.left + face.right - surer.left - surer.right) / 2,
    Math.abs(face.top + face.bottom - surer.top - surer.bottom) / 2,
  );
  return meanSide(face) < meanSide(surer) && away < constants.beside * meanSide(surer);
}

const meanSide = (box: Box): number => (box.right - box.left + box.bottom - box.top) / 2;

/** Make one box, their mean weighted by score, of those that show the same face; surest first. */
function sameFaces(found: Detection[]): Detection[] {
  const merged: Detection[] = [];
  let rest = [...found].sort((a, b) => b.score - a.score);
  while (rest.length) {
    const best = rest[0];
    const isSame = (box: Detection): boolean => {
      const inner = shared(best, box);
      return box === best || inner / (area(best) + area(box) - inner) > constants.same_face;
    };
    const same = rest.filter(isSame);
    const weight = same.reduce((sum, box) => sum + box.score, 0);
    const mean = (edge: keyof Box): number =>
      same.reduce((sum, box) => sum + box[edge] * box.score, 0) / weight;
    const [left, top, right, bottom] = (["left", "top", "right", "bottom"] as const).map(mean);
    merged.push({ left, top, right, bottom, score: best.score });
    rest = rest.filter(
      (box) =>
        !isSame(box) && shared(best, box) / Math.min(area(best), area(box)) <= constants.inside,
    );
  }
  return merged;
}

/** Find the part of the picture around a face's box that a training image would show. */
export function crop(box: Box, image: Size, margins: CropMargins): Box {
  const side = margins.scale * meanSide(box);
  const x = (box.left + box.right) / 2;
  const y = (box.top + box.bottom) / 2 - margins.up * side;
  const left = clamp(Math.floor(x - side / 2 + 0.5), 0, image.width - 1);
  const top = clamp(Math.floor(y - side / 2 + 0.5), 0, image.height - 1);
  const right = Math.min(image.width, Math.floor(x + side / 2 + 0.5));
  const bottom = Math.min(image.height, Math.floor(y + side / 2 + 0.5));
  return { left, top, right: Math.max(right, left + 1), bottom: Math.max(bottom, top + 1) };
}
