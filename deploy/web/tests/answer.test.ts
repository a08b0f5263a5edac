import { expect, test } from "vitest";
import { decide } from "../src/answer";
import type { Contract } from "../src/contract";

const contract = { labels: ["WithMask", "WithoutMask"], threshold: 0.4 } as Contract;

test.each([
  [0.0, "WithMask", 1.0, false],
  [0.25, "WithMask", 0.75, false],
  [0.31, "WithMask", 0.69, true],
  [0.39, "WithMask", 0.61, true],
  [0.4, "WithoutMask", 0.4, true],
  [0.69, "WithoutMask", 0.69, true],
  [0.7, "WithoutMask", 0.7, false],
  [1.0, "WithoutMask", 1.0, false],
])("decides by the contract's threshold, not for the likelier label: %d", (...given) => {
  const [second, label, probability, unsure] = given;
  const answer = decide([1 - second, second], contract);
  expect(answer.label).toBe(label);
  expect(answer.positive).toBe(label === "WithoutMask");
  expect(answer.probability).toBeCloseTo(probability, 9);
  expect(answer.unsure).toBe(unsure);
});
