/** Photos: chosen, dropped or pasted; each gets its faces, their labels, and the time it took. */

import type { Answer, Classifier } from "./classifier";
import { decode, enlarge, pixelsOf } from "./decode";
import { FaceDetector } from "./detection";
import { breathe, byId, describe, drawBox, make } from "./page";
import { type Box, whole } from "./pixels";
import { text, trouble } from "./strings";

/** Longer sides in pixels of the copy that faces are looked for in, and of the one that is shown. */
const SEARCHED = 1280;
const SHOWN = 320;

interface Judged {
  box: Box;
  answer: Answer;
}

export function photos(model: Promise<Classifier>, findFaces: () => boolean): void {
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
      byId("results").append(await result(file, model, findFaces()));
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
  model: Promise<Classifier>,
  findFaces: boolean,
): Promise<HTMLLIElement> {
  const item = make("li", make("h3", file.name || text.photo));
  try {
    const image = await decode(file);
    const classifier = await model.catch(() => Promise.reject(new Error(trouble.notModel)));
    await show(item, image, classifier, findFaces);
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
  classifier: Classifier,
  findFaces: boolean,
): Promise<void> {
  const start = performance.now();
  const judged = await judge(image, classifier, findFaces);
  const took = text.took(performance.now() - start);
  item.append(picture(image, judged, findFaces, item.textContent ?? ""));
  if (judged.length) {
    item.append(make("ul", ...judged.map(({ answer }, i) => line(answer, i, findFaces))));
    item.append(make("p", took));
    image.close();
    return;
  }
  const button = make("button", text.whole);
  button.type = "button";
  const offer = make("p", `${text.noFace} `, button);
  button.addEventListener("click", () => {
    item.replaceChildren(item.firstElementChild!); // the file's name stays
    item.tabIndex = -1;
    item.focus();
    void show(item, image, classifier, false);
  });
  item.append(offer);
}

async function judge(
  image: ImageBitmap,
  classifier: Classifier,
  findFaces: boolean,
): Promise<Judged[]> {
  let boxes = [whole(image)];
  if (findFaces) {
    const detector = await FaceDetector.load();
    const small = pixelsOf(image, whole(image), SEARCHED);
    boxes = (await detector.find(small, true)).map((box) => enlarge(box, small, image));
  }
  const judged: Judged[] = [];
  for (const box of boxes) {
    const pixels = pixelsOf(image, box);
    judged.push({ box, answer: await classifier.classify(pixels, whole(pixels)) });
  }
  return judged;
}

function picture(
  image: ImageBitmap,
  judged: Judged[],
  boxes: boolean,
  name: string,
): HTMLCanvasElement {
  const scale = SHOWN / Math.max(image.width, image.height);
  const canvas = make("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.role = "img";
  canvas.ariaLabel = boxes ? text.faces(name, judged.length) : name;
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  if (boxes) {
    judged.forEach(({ box: { left, top, right, bottom } }, i) => {
      const [l, t, r, b] = [left, top, right, bottom].map((pixel) => pixel * scale);
      drawBox(context, { left: l, top: t, right: r, bottom: b }, `${i + 1}`);
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
  if (answer.unsure) item.className = "unsure";
  return item;
}
