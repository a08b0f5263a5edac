/** Loads and runs models with LiteRT.js; its WebAssembly is a file of this page. */

import { type CompiledModel, loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
// The build without relaxed SIMD gives the same numbers on every device and runs in every browser.
import scriptUrl from "@litertjs/core/wasm/litert_wasm_compat_internal.js?url";
import wasmUrl from "@litertjs/core/wasm/litert_wasm_compat_internal.wasm?url";
import { trouble } from "./strings";

export type Progress = (loaded: number, total: number) => void;

/** Fetch files at the same time and report how many bytes have arrived. */
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
          totals[i] = Math.max(totals[i], loaded[i]); // a compressed answer announces fewer bytes
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

  /** Shape and type of what goes in and comes out, such as "float32 1,2". */
  get interface(): { input: string; output: string } {
    const [input, output] = [this.model.getInputDetails(), this.model.getOutputDetails()].map(
      ([{ dtype, shape }]) => `${dtype} ${shape}`,
    );
    return { input, output };
  }

  /** Run on a picture of `side` x `side` pixels, RGB 0-255; return all numbers of the output. */
  async run(rgb: Uint8Array, side: number, signature = this.model.key): Promise<Float32Array> {
    const input = new Tensor(rgb as Uint8Array<ArrayBuffer>, [1, side, side, 3]);
    const [output] = await this.model.run(signature, input);
    const values = Float32Array.from(output.toTypedArray());
    input.delete();
    output.delete();
    return values;
  }
}
