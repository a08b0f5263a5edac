import { expect, test } from "vitest";
import { cropped, fullFrame, resize } from "../src/pixels";
import { box, bytes, picture, resized } from "./golden";

const cases = resized.map((sample) => ({
  ...sample,
  name: `${sample.width} x ${sample.height}, ${sample.box}, to ${sample.to}`,
}));

test.each(cases)("resizes as Pillow does, byte for byte: $name", (sample) => {
  const image = picture(sample.width, sample.height, bytes(sample.rgb));
  const [width, height] = sample.to;
  expect(resize(cropped(image, box(sample.box)), width, height).rgb).toEqual(bytes(sample.resized));
});

test("a picture of the size asked for comes back as it is", () => {
  const [sample] = resized;
  const image = picture(sample.width, sample.height, bytes(sample.rgb));
  expect(resize(cropped(image, fullFrame(image)), sample.width, sample.height).rgb).toEqual(
    bytes(sample.rgb),
  );
});
