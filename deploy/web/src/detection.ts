/** What surrounds the face finder's network, as `facemask/inference/detection.py` has it. */

import constants from "../../../facemask/inference/face_detector.json";
import type { Box, Pixels } from "./pixels";

/** Sides of the square that the network takes, in pixels. */
export const INPUT_SIZE = constants.input_size;

/** A box of a face, in pixels of the picture, and how sure it is, 0-1: in one view or in all. */
export interface Detection extends Box {
  score: number;
}

/** What the network gave in a view, and how much a view of its size counts. */
export interface View {
  found: Detection[];
  weight: number;
}

/** A box and the view that it was seen in. */
interface Seen extends Detection {
  view: View;
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

/** A size at which a picture is looked at, and how much a view of it counts. */
export interface Level extends Size {
  weight: number;
}

/** The sizes at which a picture is looked at, the smallest first. */
export function levels(image: Size): Level[] {
  const longer = Math.max(image.width, image.height);
  return constants.zooms
    .filter((zoom) => longer >= zoom.least_side)
    .map((zoom) => {
      const scale = (INPUT_SIZE * zoom.scale) / longer;
      const side = (length: number): number => Math.max(1, Math.floor(length * scale + 0.5));
      return { width: side(image.width), height: side(image.height), weight: zoom.weight };
    });
}

/** Squares of the network's size, which overlap by half, or the one around all of a level. */
export function tiles(level: Size): Box[] {
  return starts(level.height).flatMap((top) =>
    starts(level.width).map((left) => {
      return { left, top, right: left + INPUT_SIZE, bottom: top + INPUT_SIZE };
    }),
  );
}

function starts(length: number): number[] {
  if (length <= INPUT_SIZE) return [0 - ((INPUT_SIZE - length) >> 1)];
  const steps = Math.ceil((2 * (length - INPUT_SIZE)) / INPUT_SIZE);
  return Array.from({ length: steps + 1 }, (_, i) =>
    Math.floor((i * (length - INPUT_SIZE)) / steps + 0.5),
  );
}

/** Make the network's input of a tile of a resized picture: RGB from -1 to 1, black outside. */
export function networkInput({ width, height, rgb }: Pixels, tile: Box): Float32Array {
  const input = new Float32Array(INPUT_SIZE * INPUT_SIZE * 3).fill(-1);
  const [first, last] = [Math.max(0, tile.left), Math.min(width, tile.right)];
  for (let y = Math.max(0, tile.top); y < Math.min(height, tile.bottom); y++) {
    const to = 3 * ((y - tile.top) * INPUT_SIZE - tile.left);
    for (let x = 3 * first; x < 3 * last; x++) input[to + x] = rgb[3 * y * width + x] / 127.5 - 1;
  }
  return input;
}

/**
 * Turn the network's outputs for a tile of a level into boxes of the picture.
 *
 * `boxes` holds x, y, width, height and twelve numbers more for each anchor, `logits` one number.
 */
export function decode(
  boxes: Float32Array,
  logits: Float32Array,
  level: Level,
  tile: Box,
  image: Size,
): Detection[] {
  const stride = boxes.length / anchors.length;
  const [across, down] = [image.width / level.width, image.height / level.height];
  const found: Detection[] = [];
  logits.forEach((logit, i) => {
    const score = 1 / (1 + Math.exp(-logit));
    if (score < constants.view_score) return;
    const [dx, dy, width, height] = boxes.subarray(stride * i);
    const x = dx + anchors[i].x * INPUT_SIZE + tile.left;
    const y = dy + anchors[i].y * INPUT_SIZE + tile.top;
    const box = {
      left: x - width / 2,
      top: y - height / 2,
      right: x + width / 2,
      bottom: y + height / 2,
    };
    if (!isUncut(box, tile, level)) return;
    found.push({
      left: box.left * across,
      top: box.top * down,
      right: box.right * across,
      bottom: box.bottom * down,
      score,
    });
  });
  return found;
}

/** Whether a box is not cut by an edge of the tile that lies within the level. */
function isUncut(box: Box, tile: Box, level: Size): boolean {
  return (
    (box.left > tile.left || tile.left <= 0) &&
    (box.top > tile.top || tile.top <= 0) &&
    (box.right < tile.right || tile.right >= level.width) &&
    (box.bottom < tile.bottom || tile.bottom >= level.height)
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
export function merge(views: View[]): Detection[] {
  const seen = views.flatMap((view) => view.found.map((box) => ({ ...box, view })));
  const faces: Detection[] = [];
  for (const face of sameFaces(seen).sort((a, b) => b.score - a.score)) {
    if (face.score < constants.min_score) break;
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

/** Make one box, the mean of the sure ones weighted by score, of those that show the same face. */
function sameFaces(found: Seen[]): Detection[] {
  const merged: Detection[] = [];
  let rest = [...found].sort((a, b) => b.score - a.score);
  while (rest.length) {
    const best = rest[0];
    const isSame = (box: Seen): boolean => {
      const inner = shared(best, box);
      return box === best || inner / (area(best) + area(box) - inner) > constants.same_face;
    };
    const same = rest.filter(isSame);
    const sure = same.filter((box) => box === best || box.score >= constants.box_score);
    const weight = sure.reduce((sum, box) => sum + box.score, 0);
    const mean = (edge: keyof Box): number =>
      sure.reduce((sum, box) => sum + box[edge] * box.score, 0) / weight;
    const [left, top, right, bottom] = (["left", "top", "right", "bottom"] as const).map(mean);
    merged.push({ left, top, right, bottom, score: faceScore(same) });
    rest = rest.filter(
      (box) =>
        !isSame(box) && shared(best, box) / Math.min(area(best), area(box)) <= constants.inside,
    );
  }
  return merged;
}

/** How sure boxes of one face, the surest first, make it. */
function faceScore(same: Seen[]): number {
  const ofViews = new Map<View, number>();
  for (const { view, score } of same) ofViews.set(view, Math.max(score, ofViews.get(view) ?? 0));
  const sum = [...ofViews].reduce((sum, [view, score]) => sum + view.weight * score, 0);
  const evidence = same[0].score * sum;
  return evidence / (1 - same[0].score + evidence);
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
