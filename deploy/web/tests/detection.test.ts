import { expect, test } from "vitest";
import {
  anchors,
  crop,
  decode,
  INPUT_SIZE,
  levels,
  merge,
  networkInput,
  tiles,
} from "../src/detection";
import { resize } from "../src/pixels";
import * as golden from "./golden";

const UNSEEN = -20;

function outputs(answers: { index: number; box: number[]; logit: number }[]) {
  const boxes = new Float32Array(16 * anchors.length);
  const logits = new Float32Array(anchors.length).fill(UNSEEN);
  for (const { index, box, logit } of answers) {
    boxes.set(box, 16 * index);
    logits[index] = logit;
  }
  return [boxes, logits] as const;
}

test.each(golden.views)("looks at the same parts of $width x $height pixels", (one) => {
  const seen = levels(one).map((level) => ({ ...level, tiles: tiles(level) }));
  expect(seen).toEqual(
    one.levels.map(({ size: [width, height], weight, tiles }) => {
      return { width, height, weight, tiles: tiles.map(golden.box) };
    }),
  );
});

test("has the same anchors", () => {
  expect(anchors).toHaveLength(golden.anchors.at(-1)!.index + 1);
  for (const { index, x, y } of golden.anchors) expect(anchors[index]).toEqual({ x, y });
});

test.each(golden.scenes)("decodes, merges and crops: $name", (scene) => {
  const answers = scene.views.values();
  const views = levels(scene)
    .reverse()
    .flatMap((level) =>
      tiles(level).map((tile) => {
        const found = decode(...outputs(answers.next().value!), level, tile, scene);
        return { found, weight: level.weight };
      }),
    );
  const faces = merge(views);
  expect(faces).toHaveLength(scene.faces.length);
  scene.faces.forEach(({ box, score }, i) => {
    for (const [edge, value] of Object.entries(golden.box(box))) {
      expect(faces[i]).toHaveProperty(edge, expect.closeTo(value, 2));
    }
    expect(faces[i].score).toBeCloseTo(score, 5);
  });
  expect(faces.map((face) => crop(face, scene, scene.crop))).toEqual(scene.crops.map(golden.box));
});

test("lays a picture in the middle of the network's input, on black", () => {
  const white = { width: 60, height: 31, rgb: new Uint8Array(3 * 60 * 31).fill(255) };
  const [level] = levels(white);
  const [tile] = tiles(level);
  const input = networkInput(resize(white, level.width, level.height), tile);
  const height = Math.round((31 * INPUT_SIZE) / 60);
  const top = (INPUT_SIZE - height) >> 1;
  const rows = Array.from({ length: INPUT_SIZE }, (_, y) =>
    input.subarray(3 * INPUT_SIZE * y, 3 * INPUT_SIZE * (y + 1)),
  );
  rows.forEach((row, y) => {
    const shown = y >= top && y < top + height ? 1 : -1;
    expect(row.every((value) => value === shown)).toBe(true);
  });
});
