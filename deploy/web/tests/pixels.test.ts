import { expect, test } from "vitest";
import { cropped, fullFrame, resize } from "../src/pixels";
import { box, bytes, picture, resized } from "./golden";

const cases = resized.map((one) => ({
  ...one,
  name: `${one.width} x ${one.height}, ${one.box}, to ${one.to}`,
}));

test.each(cases)("resizes as Pillow does, byte for byte: $name", (one) => {
  const image = picture(one.width, one.height, bytes(one.rgb));
  const [width, height] = one.to;
  expect(resize(cropped(image, box(one.box)), width, height).rgb).toEqual(bytes(one.resized));
});

test("a picture of the size asked for comes back as it is", () => {
  const [one] = resized;
  const image = picture(one.width, one.height, bytes(one.rgb));
  expect(resize(cropped(image, fullFrame(image)), one.width, one.height).rgb).toEqual(
    bytes(one.rgb),
  );
});
