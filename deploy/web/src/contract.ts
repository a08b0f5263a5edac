/** What the model file says of itself, in the zip archive at its end. */

import { trouble } from "./strings";

export interface Contract {
  labels: [string, string];
  input: { side: number; resize: { filter: string; antialiased: boolean; aspect_ratio: string } };
  output: { probability_of: string };
  threshold: number;
}

const END = 0x06054b50; // signatures of the zip format, little endian
const ENTRY = 0x02014b50;
const END_LENGTH = 22;

/** Read the contract, and refuse one that this page does not keep. */
export function readContract(file: Uint8Array): Contract {
  const entry = storedEntries(file).get("contract.json");
  if (!entry) throw new Error(trouble.noContract);
  const contract = JSON.parse(new TextDecoder().decode(entry)) as Contract;
  const { filter, antialiased, aspect_ratio } = contract.input.resize;
  if (filter !== "bilinear" || !antialiased || aspect_ratio !== "stretched") {
    throw new Error(trouble.noContract);
  }
  return contract;
}

function storedEntries(file: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const entries = new Map<string, Uint8Array>();
  const end = file.length - END_LENGTH; // our archives have no comment after it
  if (end < 0 || view.getUint32(end, true) !== END) return entries;
  let at = view.getUint32(end + 16, true);
  while (at < end && view.getUint32(at, true) === ENTRY) {
    const size = view.getUint32(at + 24, true);
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const local = view.getUint32(at + 42, true);
    const start =
      local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const path = new TextDecoder().decode(file.subarray(at + 46, at + 46 + name));
    entries.set(path, file.subarray(start, start + size));
    at += 46 + name + extra + comment;
  }
  return entries;
}
