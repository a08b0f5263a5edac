/** Start the page: it answers at once, while the model loads. */

import { describeModel } from "./about";
import { camera } from "./camera";
import { loadModels, type Models } from "./models";
import { byId } from "./page";
import { photos } from "./photo";
import { Refusal, text, trouble } from "./strings";

for (const element of document.querySelectorAll<HTMLElement>("[data-text], [data-label]")) {
  const words = text as unknown as Record<string, string>;
  if (element.dataset.text) element.textContent = words[element.dataset.text];
  if (element.dataset.label) element.ariaLabel = words[element.dataset.label];
}
describeModel();

const status = byId("status");
const progress = byId<HTMLProgressElement>("progress");
const models = load();
const findFaces = (): boolean => byId<HTMLInputElement>("find-faces").checked;
photos(models, findFaces);
camera(models, findFaces);

async function load(): Promise<Models> {
  try {
    if (typeof WebAssembly === "undefined") throw new Refusal(trouble.noWebAssembly);
    status.textContent = text.loading;
    const loaded = await loadModels((loaded, total) => {
      progress.value = loaded / total;
      progress.ariaValueText = text.progress(loaded, total);
    });
    status.textContent = text.ready;
    void keepOffline();
    return loaded;
  } catch (error) {
    const { message } = error as Error;
    status.textContent = error instanceof Refusal ? message : trouble.load(message);
    status.className = "trouble";
    throw error;
  } finally {
    progress.hidden = true;
  }
}

/** Keep the page for when there is no network; after loading, so that nothing is fetched twice. */
async function keepOffline(): Promise<void> {
  if (import.meta.env.PROD) await navigator.serviceWorker?.register("./sw.js");
}

models.catch(() => {}); // `load` has shown the error
