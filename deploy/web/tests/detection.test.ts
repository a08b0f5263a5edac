import { expect, test } from "vitest";
import { anchors, crop, decode, INPUT_SIZE, merge, networkInput, views } from "../src/detection";
import { fullFrame } from "../src/pixels";
import * as golden from "./golden";

const PIXELS = 0.01; // of a box: the network's numbers have 24 bits
const UNSEEN = -20;

interface Scored {
  box: number[];
  score: number;
}

/** Compare boxes and scores with Python's, in any order. */
function expectSame(found: ReturnType<typeof merge>, expected: Scored[]): void {
  expect(found).toHaveLength(expected.length);
  for (const { box, score } of expected) {
    const edges = golden.box(box);
    const near = found.filter((one) =>
      (Object.keys(edges) as (keyof typeof edges)[]).every(
        (edge) => Math.abs(one[edge] - edges[edge]) < PIXELS,
      ),
    );
    expect(near.map((one) => one.score)).toContainEqual(expect.closeTo(score, 5));
  }
}

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
  expect(views(one)).toEqual(one.views.map(golden.box));
});

test("has the same anchors", () => {
  expect(anchors).toHaveLength(golden.anchors.at(-1)!.index + 1);
  for (const { index, x, y } of golden.anchors) expect(anchors[index]).toEqual({ x, y });
});

test.each(golden.scenes)("decodes, merges and crops: $name", (scene) => {
  const found = scene.views.map(({ view, answers }) =>
    decode(...outputs(answers), golden.box(view), scene),
  );
  scene.views.forEach((view, i) => {
    expectSame(found[i], view.found);
  });
  const merged = merge(found.flat());
  expectSame(merged, scene.merged);
  const scores = merged.map(({ score }) => score);
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect(merged.map((box) => crop(box, scene, scene.crop))).toEqual(scene.crops.map(golden.box));
});

test("lays a view in the middle of the network's input, on black", () => {
  const white = golden.picture(60, 31, new Uint8Array(3 * 60 * 31).fill(255));
  const input = networkInput(white, fullFrame(white));
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
