/** Starts the page, which can be used while the model loads. */

import { describeModel } from "./about";
import { camera } from "./camera";
import { MaskChecker } from "./maskChecker";
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
const checker = load();
const findFaces = (): boolean => byId<HTMLInputElement>("find-faces").checked;
photos(checker, findFaces);
camera(checker, findFaces);

async function load(): Promise<MaskChecker> {
  try {
    if (typeof WebAssembly === "undefined") throw new Refusal(trouble.noWebAssembly);
    status.textContent = text.loading;
    const checker = await MaskChecker.load((loaded, total) => {
      progress.value = loaded / total;
      progress.ariaValueText = text.progress(loaded, total);
    });
    status.textContent = text.ready;
    void keepOffline();
    return checker;
  } catch (error) {
    const { message } = error as Error;
    status.textContent = error instanceof Refusal ? message : trouble.load(message);
    status.className = "trouble";
    throw error;
  } finally {
    progress.hidden = true;
  }
}

/**
 * Keep the page for when there is no network; after loading, so that nothing is fetched twice.
 *
 * The address names the version, because a host whose files all have the same date calls a new
 * `sw.js` unchanged.
 */
async function keepOffline(): Promise<void> {
  const version = new URL(import.meta.url).pathname.split("/").pop();
  if (import.meta.env.PROD) await navigator.serviceWorker?.register(`./sw.js?${version}`);
}

checker.catch(() => {}); // `load` has shown the error
