/** Photos: chosen, dropped or pasted; each gets its faces, their labels, and the time it took. */

import type { Answer } from "./answer";
import { decode, enlarge, pixelsOf } from "./decode";
import { crop } from "./detection";
import type { Models } from "./models";
import { breathe, byId, describe, drawBox, make } from "./page";
import { type Box, fullFrame } from "./pixels";
import { text, trouble } from "./strings";

/** Longer side in pixels of the copy that faces are looked for in. */
const SEARCHED = 1280;
/** Longer side of a photo as it is shown, with words at its faces; and of a crop, without. */
const SHOWN = 640;
const SHOWN_CROP = 320;

interface Classified {
  box: Box;
  answer: Answer;
}

export function photos(models: Promise<Models>, findFaces: () => boolean): void {
  const queue: File[] = [];
  let [done, total] = [0, 0];

  async function add(files: File[]): Promise<void> {
    const idle = done === total;
    if (idle) done = total = 0;
    queue.push(...files);
    total += files.length;
    if (!idle || !files.length) return;
    byId("clear").hidden = false;
    for (let file = queue.shift(); file; file = queue.shift()) {
      byId("photo-status").textContent = text.working(done + 1, total);
      await breathe();
      byId("results").append(await result(file, models, findFaces()));
      done += 1;
    }
    byId("photo-status").textContent = text.done(total);
  }

  const input = byId<HTMLInputElement>("files");
  input.addEventListener("change", () => {
    void add([...(input.files ?? [])]);
    input.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", (event) => void add([...(event.clipboardData?.files ?? [])]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    void add([...(event.dataTransfer?.files ?? [])]);
  });
  byId("clear").addEventListener("click", () => {
    byId("results").replaceChildren();
    byId("photo-status").textContent = "";
    byId("clear").hidden = true;
    byId("files").focus();
  });
}

async function result(
  file: File,
  models: Promise<Models>,
  findFaces: boolean,
): Promise<HTMLLIElement> {
  const item = make("li", make("h3", file.name || text.photo));
  try {
    const image = await decode(file);
    const loaded = await models.catch(() => Promise.reject(new Error(trouble.notModel)));
    await show(item, image, loaded, findFaces);
  } catch (error) {
    const message = make("p", (error as Error).message);
    message.className = "trouble";
    item.append(message);
  }
  return item;
}

async function show(
  item: HTMLLIElement,
  image: ImageBitmap,
  models: Models,
  findFaces: boolean,
): Promise<void> {
  const start = performance.now();
  const classified = await classify(image, models, findFaces);
  const took = text.took(performance.now() - start);
  item.append(picture(image, classified, findFaces, item.textContent ?? ""));
  item.className = findFaces ? "photo" : "crop";
  if (classified.length) {
    item.append(make("ul", ...classified.map(({ answer }, i) => line(answer, i, findFaces))));
    item.append(make("p", took));
    image.close();
    return;
  }
  const button = make("button", text.fullFrame);
  button.type = "button";
  const offer = make("p", `${text.noFace} `, button);
  button.addEventListener("click", () => {
    item.replaceChildren(item.firstElementChild!); // the file's name stays
    item.tabIndex = -1;
    item.focus();
    void show(item, image, models, false);
  });
  item.append(offer);
}

async function classify(
  image: ImageBitmap,
  models: Models,
  findFaces: boolean,
): Promise<Classified[]> {
  let crops = [fullFrame(image)];
  if (findFaces) {
    const small = pixelsOf(image, fullFrame(image), SEARCHED);
    const faces = await models.faceDetector.find(small, true);
    const margins = models.classifier.contract.input.crop;
    crops = faces.map((face) => crop(enlarge(face, small, image), image, margins));
  }
  const classified: Classified[] = [];
  for (const box of crops) {
    const pixels = pixelsOf(image, box);
    classified.push({ box, answer: await models.classifier.classify(pixels, fullFrame(pixels)) });
  }
  return classified;
}

function picture(
  image: ImageBitmap,
  classified: Classified[],
  boxes: boolean,
  name: string,
): HTMLCanvasElement {
  const scale = (boxes ? SHOWN : SHOWN_CROP) / Math.max(image.width, image.height);
  const canvas = make("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.role = "img";
  canvas.ariaLabel = boxes ? text.faces(name, classified.length) : name;
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  if (boxes) {
    classified.forEach(({ box, answer }, i) => {
      const [left, top] = [box.left * scale, box.top * scale];
      const [right, bottom] = [box.right * scale, box.bottom * scale];
      drawBox(context, { left, top, right, bottom }, answer, `${i + 1}: `);
    });
  }
  return canvas;
}

function line(answer: Answer, index: number, numbered: boolean): HTMLLIElement {
  const probability = make("data", text.percent(answer.probability));
  probability.value = answer.probability.toFixed(6);
  const number = numbered ? `${index + 1}: ` : "";
  const item = make("li", number, make("strong", describe(answer)), " ", probability);
  item.dataset.label = answer.label;
  item.className = answer.positive ? "positive" : "negative";
  if (answer.unsure) item.classList.add("unsure");
  return item;
}
