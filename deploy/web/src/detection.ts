/** Find faces with MediaPipe's BlazeFace, as `facemask/detection.py` does; the constants are its. */

import modelUrl from "@mediapipe/face_detection/face_detection_short_range.tflite?url";
import { type Box, resize, whole } from "./pixels";
import { fetchAll, Network } from "./runtime";

const SIDE = 128;
const GRIDS = [
  [16, 2],
  [8, 6],
];
const MIN_SCORE = 0.4;
const TILE = 0.5;
const SAME_FACE = 0.3;
const INSIDE = 0.6;
const CROP = 1.19;
const CROP_UP = 0.09;

interface Found extends Box {
  score: number;
}

const anchors = GRIDS.flatMap(([side, boxes]) =>
  Array.from({ length: side * side * boxes }, (_, i) => {
    const cell = Math.floor(i / boxes);
    return [((cell % side) + 0.5) / side, (Math.floor(cell / side) + 0.5) / side];
  }),
);

export class FaceDetector {
  private static loading?: Promise<FaceDetector>;

  private constructor(private readonly network: Network) {}

  /** Fetch the network when it is first needed. */
  static load(): Promise<FaceDetector> {
    FaceDetector.loading ??= fetchAll([modelUrl], () => {})
      .then(([file]) => Network.compile(file))
      .then((network) => new FaceDetector(network))
      .catch((error: unknown) => {
        FaceDetector.loading = undefined; // so that the next photo tries again
        throw error;
      });
    return FaceDetector.loading;
  }

  /** Find the squares to classify, the surest first; `tiles` looks for small faces too. */
  async find(image: ImageData, tiles: boolean): Promise<Box[]> {
    const found: Found[] = [];
    for (const view of tiles ? views(image) : [whole(image)]) {
      found.push(...(await this.look(image, view)));
    }
    return merge(found).map((box) => crop(box, image));
  }

  private async look(image: ImageData, view: Box): Promise<Found[]> {
    const [viewWidth, viewHeight] = [view.right - view.left, view.bottom - view.top];
    const scale = SIDE / Math.max(viewWidth, viewHeight);
    const width = Math.max(1, Math.round(viewWidth * scale));
    const height = Math.max(1, Math.round(viewHeight * scale));
    const [left, top] = [(SIDE - width) >> 1, (SIDE - height) >> 1];
    const pixels = resize(image, view, width, height);
    const input = new Float32Array(SIDE * SIDE * 3).fill(-1);
    for (let y = 0; y < height; y++) {
      const to = 3 * ((top + y) * SIDE + left);
      for (let x = 0; x < 3 * width; x++) input[to + x] = pixels[3 * y * width + x] / 127.5 - 1;
    }
    const outputs = await this.network.run(input);
    const [boxes, logits] = [outputs.get(16)!, outputs.get(1)!];
    const found: Found[] = [];
    logits.forEach((logit, i) => {
      const score = 1 / (1 + Math.exp(-logit));
      if (score < MIN_SCORE) return;
      const [x, y, w, h] = boxes.subarray(16 * i, 16 * i + 4);
      const centre = [x + anchors[i][0] * SIDE - left, y + anchors[i][1] * SIDE - top];
      found.push({
        left: (centre[0] - w / 2) / scale + view.left,
        top: (centre[1] - h / 2) / scale + view.top,
        right: (centre[0] + w / 2) / scale + view.left,
        bottom: (centre[1] + h / 2) / scale + view.top,
        score,
      });
    });
    return found.filter((box) => isWhole(box, view, image));
  }
}

/** The whole photo and, if it is large enough, tiles that overlap by half. */
function views(image: ImageData): Box[] {
  const side = Math.trunc(Math.max(image.width, image.height) * TILE);
  if (side < SIDE) return [whole(image)];
  const tiles = starts(image.height, side).flatMap((top) =>
    starts(image.width, side).map((left) => ({
      left,
      top,
      right: Math.min(image.width, left + side),
      bottom: Math.min(image.height, top + side),
    })),
  );
  return [whole(image), ...tiles];
}

function starts(length: number, side: number): number[] {
  if (length <= side) return [0];
  const steps = Math.ceil((2 * (length - side)) / side);
  return Array.from({ length: steps + 1 }, (_, i) => Math.round((i * (length - side)) / steps));
}

/** Whether a box is not cut by an edge of the view within the photo. */
function isWhole(box: Box, view: Box, image: ImageData): boolean {
  return (
    (box.left > view.left || view.left === 0) &&
    (box.top > view.top || view.top === 0) &&
    (box.right < view.right || view.right === image.width) &&
    (box.bottom < view.bottom || view.bottom === image.height)
  );
}

const area = (box: Box): number =>
  Math.max(0, box.right - box.left) * Math.max(0, box.bottom - box.top);

const shared = (a: Box, b: Box): number =>
  area({
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  });

/** One box, their mean weighted by score, of those that show the same face. */
function merge(found: Found[]): Box[] {
  const merged: Box[] = [];
  let left = [...found].sort((a, b) => b.score - a.score);
  while (left.length) {
    const best = left[0];
    const isSame = (box: Found): boolean => {
      const inner = shared(best, box);
      return box === best || inner / (area(best) + area(box) - inner) > SAME_FACE;
    };
    const same = left.filter(isSame);
    const weight = same.reduce((sum, box) => sum + box.score, 0);
    const mean = (side: keyof Box): number =>
      same.reduce((sum, box) => sum + box[side] * box.score, 0) / weight;
    merged.push({ left: mean("left"), top: mean("top"), right: mean("right"), bottom: mean("bottom") });
    left = left.filter(
      (box) => !isSame(box) && shared(best, box) / Math.min(area(best), area(box)) <= INSIDE,
    );
  }
  return merged;
}

/** The part of the photo around a box that a training image would show. */
function crop(box: Box, image: ImageData): Box {
  const side = (CROP * (box.right - box.left + box.bottom - box.top)) / 2;
  const x = (box.left + box.right) / 2;
  const y = (box.top + box.bottom) / 2 - CROP_UP * side;
  const left = Math.max(0, Math.floor(x - side / 2 + 0.5));
  const top = Math.max(0, Math.floor(y - side / 2 + 0.5));
  const right = Math.min(image.width, Math.floor(x + side / 2 + 0.5));
  const bottom = Math.min(image.height, Math.floor(y + side / 2 + 0.5));
  return { left, top, right: Math.max(right, left + 1), bottom: Math.max(bottom, top + 1) };
}
