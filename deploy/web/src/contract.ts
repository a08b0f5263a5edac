/** Reads the contract in the zip archive at the end of a model file; see `contract.py`. */

import type { CropMargins } from "./detection";
import { Refusal, trouble } from "./strings";

export interface Contract {
  labels: [string, string];
  input: {
    /** In pixels. */
    side: number;
    crop: CropMargins;
    resize: { filter: string; antialiased: boolean; aspect_ratio: string };
  };
  threshold: number;
}

const VERSION = "4";
const END = 0x06054b50; // signatures of the zip format, little endian
const ENTRY = 0x02014b50;
const END_LENGTH = 22;

/** Return the contract; throw a `Refusal` if the file is damaged or this page cannot use it. */
export async function readContract(file: Uint8Array): Promise<Contract> {
  try {
    return await read(file);
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(trouble.damaged);
  }
}

async function read(file: Uint8Array): Promise<Contract> {
  const { model, entries } = archive(file);
  const contract = JSON.parse(text(entries.get("contract.json")));
  if (contract.version !== VERSION) throw new Refusal(trouble.version(contract.version, VERSION));
  const { crop, resize } = contract.input;
  const known =
    resize.filter === "bilinear" && resize.antialiased && resize.aspect_ratio === "stretched";
  if (!known || !(crop?.scale > 0) || !Number.isFinite(crop.up))
    throw new Refusal(trouble.interface);
  const labels = contract.labels.map((label: string) => `${label}\n`).join("");
  if (labels !== text(entries.get("labels.txt"))) throw new Refusal(trouble.damaged);
  // Over plain http:// a browser offers no checksums, so the model is not checked there.
  if (crypto.subtle && (await sha256(model)) !== contract.sha256)
    throw new Refusal(trouble.damaged);
  return contract;
}

const text = (bytes?: Uint8Array): string => new TextDecoder().decode(bytes);

/** Return the bytes before the archive and its entries, whose checksums are right. */
function archive(file: Uint8Array): { model: Uint8Array; entries: Map<string, Uint8Array> } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const entries = new Map<string, Uint8Array>();
  const end = file.length - END_LENGTH; // our archives have no comment after it
  if (end < 0 || view.getUint32(end, true) !== END) throw new Refusal(trouble.damaged);
  let at = view.getUint32(end + 16, true);
  let first = at;
  while (at < end && view.getUint32(at, true) === ENTRY) {
    const [checksum, size] = [16, 24].map((field) => view.getUint32(at + field, true));
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const local = view.getUint32(at + 42, true);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const content = file.subarray(start, start + size);
    if (crc32(content) !== checksum) throw new Refusal(trouble.damaged);
    entries.set(text(file.subarray(at + 46, at + 46 + name)), content);
    first = Math.min(first, local);
    at += 46 + name + extra + comment;
  }
  return { model: file.subarray(0, first), entries };
}

/** Return the checksum of the zip format. */
function crc32(bytes: Uint8Array): number {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as BufferSource);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
