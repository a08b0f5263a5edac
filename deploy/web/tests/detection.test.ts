import { expect, test } from "vitest";
import { crop, decode, distinct, networkInput, place, SIDES } from "../src/detection";
import * as golden from "./golden";

const cellsOf = (side: number): number => side / 4;

/** Make the map that the network gives; cells that are not listed are zeros. */
function map(side: number, cells: { row: number; column: number; numbers: number[] }[]) {
  const numbers = new Float32Array(5 * cellsOf(side) ** 2);
  for (const cell of cells) numbers.set(cell.numbers, 5 * (cellsOf(side) * cell.row + cell.column));
  return numbers;
}

test.each(golden.placements)("places $width x $height pixels in $side x $side", (placement) => {
  const { width, height, side, size, left, top } = placement;
  const expected = { side, width: size[0], height: size[1], left, top };
  expect(place({ width, height }, side)).toEqual(expected);
});

test.each(golden.scenes)("decodes the network's maps and crops: $name", (scene) => {
  const boxes = SIDES.flatMap((side, i) =>
    decode(map(side, scene.looks[i]), place(scene, side), scene),
  );
  const faces = distinct(boxes);
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
  const side = 256;
  const input = networkInput(white, place(white, side));
  const height = Math.round((31 * side) / 60);
  const top = (side - height) >> 1;
  for (let y = 0; y < side; y++) {
    const row = input.subarray(3 * side * y, 3 * side * (y + 1));
    const expected = y >= top && y < top + height ? 255 : 0;
    expect(row.every((value) => value === expected)).toBe(true);
  }
});
