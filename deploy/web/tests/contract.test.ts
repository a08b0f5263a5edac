import { expect, test } from "vitest";
import { readContract } from "../src/contract";
import { Refusal, trouble } from "../src/strings";
import { bytes, contracts } from "./golden";

const [sealed] = contracts;
const advice = {
  damaged: trouble.damaged,
  version: trouble.version("3", "4"),
  input: trouble.interface,
};

test("reads what Python sealed", async () => {
  expect(sealed.refused).toBeNull();
  expect(await readContract(bytes(sealed.file))).toEqual(sealed.contract);
});

test.each(contracts.slice(1))("refuses, in a sentence: $name", async ({ file, refused }) => {
  const reading = readContract(bytes(file));
  await expect(reading).rejects.toThrow(Refusal);
  await expect(reading).rejects.toThrow(advice[refused as keyof typeof advice]);
});

test("no changed byte of the model, the labels or the contract goes unnoticed", async () => {
  const file = bytes(sealed.file);
  let refused = 0;
  for (const at of file.keys()) {
    const damaged = file.slice();
    damaged[at] ^= 0x10;
    try {
      expect(await readContract(damaged)).toEqual(sealed.contract); // dates, say, do not matter
    } catch (error) {
      expect(error).toBeInstanceOf(Refusal);
      refused += 1;
    }
  }
  const contents = JSON.stringify(sealed.contract).length + bytes(sealed.model!).length;
  expect(refused).toBeGreaterThan(contents);
});

test("no part of a file is taken for the whole", async () => {
  const file = bytes(sealed.file);
  for (const at of file.keys()) {
    await expect(readContract(file.subarray(0, at))).rejects.toThrow(trouble.damaged);
  }
});
