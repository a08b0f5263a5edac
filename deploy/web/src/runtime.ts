/** LiteRT.js with its WebAssembly from this folder; loads models, runs them. */

import { type CompiledModel, loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
// The build without relaxed SIMD: it rounds alike on every device, and runs in every browser.
import scriptUrl from "@litertjs/core/wasm/litert_wasm_compat_internal.js?url";
import wasmUrl from "@litertjs/core/wasm/litert_wasm_compat_internal.wasm?url";
import { trouble } from "./strings";

export type Progress = (loaded: number, total: number) => void;

/** Fetch files together, saying how far they are. */
async function fetchAll(urls: string[], progress: Progress): Promise<Uint8Array[]> {
  const loaded = urls.map(() => 0);
  const totals = urls.map(() => 0);
  const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);
  return Promise.all(
    urls.map(async (url, i) => {
      const response = await fetch(url);
      if (response.status === 404) dispatchEvent(new Event("file-missing")); // see public/heal.js
      if (!response.ok || !response.body) throw new Error(trouble.network(response.status, url));
      totals[i] = Number(response.headers.get("Content-Length"));
      const count = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          loaded[i] += chunk.length;
          totals[i] = Math.max(totals[i], loaded[i]); // the length of a compressed answer is less
          progress(sum(loaded), sum(totals));
          controller.enqueue(chunk);
        },
      });
      return new Uint8Array(await new Response(response.body.pipeThrough(count)).arrayBuffer());
    }),
  );
}

/** Fetch the runtime and models, and start the runtime; return the bytes of each model. */
export async function start(modelUrls: string[], progress: Progress): Promise<Uint8Array[]> {
  const [wasm, ...models] = await fetchAll([wasmUrl, ...modelUrls], progress);
  Object.assign(self, { Module: { wasmBinary: wasm } }); // Emscripten takes it from there
  await loadLiteRt(scriptUrl);
  return models;
}

export class Network {
  private constructor(private readonly model: CompiledModel) {}

  static async compile(file: Uint8Array): Promise<Network> {
    return new Network(await loadAndCompile(file, { accelerator: "wasm" }));
  }

  /** The side of the square that goes in. */
  get side(): number {
    return this.model.getInputDetails()[0].shape[1];
  }

  /** Run on one picture (side x side RGB); give the outputs by the length of their last axis. */
  async run(input: Uint8Array | Float32Array): Promise<Map<number, Float32Array>> {
    const tensor = new Tensor(input as never, [1, this.side, this.side, 3]);
    const outputs = await this.model.run(tensor);
    tensor.delete();
    const details = this.model.getOutputDetails();
    const results = outputs.map((output, i): [number, Float32Array] => {
      const values = Float32Array.from(output.toTypedArray());
      output.delete();
      return [details[i].shape.at(-1) ?? 0, values];
    });
    return new Map(results);
  }
}
