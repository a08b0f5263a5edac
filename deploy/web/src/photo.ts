/** The list of photos that were chosen, dropped or pasted, each with its faces and labels. */

import { decode } from "./decode";
import { SIDES } from "./detection";
import type { Checked, MaskChecker } from "./maskChecker";
import { breathe, byId, colour, describe, drawBox, make } from "./page";
import { text, trouble } from "./strings";

/** Longer side in pixels of a photo in the list, with words at its faces; and of a crop, without. */
const PHOTO_SIDE = 640;
const CROP_SIDE = 320;

export function photos(loading: Promise<MaskChecker>, findFaces: () => boolean): void {
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
      byId("results").append(await result(file, loading, findFaces()));
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

/** Make an entry of the list: a photo with its faces, or what is wrong with the file. */
async function result(
  file: File,
  loading: Promise<MaskChecker>,
  findFaces: boolean,
): Promise<HTMLLIElement> {
  const item = make("li", make("h3", file.name || text.photo));
  try {
    const picture = await decode(file);
    const checker = await loading.catch(() => Promise.reject(new Error(trouble.notModel)));
    const start = performance.now();
    const { width, height } = picture.canvas;
    const image = picture.getImageData(0, 0, width, height);
    const checked = findFaces
      ? await checker.checkFaces(image, SIDES)
      : [await checker.checkFrame(image)];
    const took = text.took(performance.now() - start);
    item.className = findFaces ? "photo" : "crop";
    item.append(drawn(picture.canvas, checked, findFaces, file.name));
    if (checked.length) {
      item.append(make("ul", ...checked.map((face, i) => line(face, i, findFaces))));
      item.append(make("p", took));
    } else {
      item.append(offerFullFrame(item, file, loading));
    }
  } catch (error) {
    const message = make("p", (error as Error).message);
    message.className = "trouble";
    item.append(message);
  }
  return item;
}

/** Offer to classify a photo as if it were a crop of one face; it is read again for that. */
function offerFullFrame(
  item: HTMLLIElement,
  file: File,
  loading: Promise<MaskChecker>,
): HTMLParagraphElement {
  const button = make("button", text.fullFrame);
  button.type = "button";
  button.addEventListener("click", async () => {
    button.disabled = true;
    const classified = await result(file, loading, false);
    item.replaceWith(classified);
    classified.tabIndex = -1;
    classified.focus();
  });
  return make("p", `${text.noFace} `, button);
}

/** Draw a smaller copy of a photo, with a box around each face. */
function drawn(
  photo: HTMLCanvasElement,
  checked: Checked[],
  boxes: boolean,
  name: string,
): HTMLCanvasElement {
  const scale = (boxes ? PHOTO_SIDE : CROP_SIDE) / Math.max(photo.width, photo.height);
  const canvas = make("canvas");
  canvas.width = Math.max(1, Math.round(photo.width * scale));
  canvas.height = Math.max(1, Math.round(photo.height * scale));
  canvas.role = "img";
  canvas.ariaLabel = boxes ? text.faces(name, checked.length) : name;
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(photo, 0, 0, canvas.width, canvas.height);
  if (!boxes) return canvas;
  checked.forEach(({ box, answer }, i) => {
    const [left, top] = [box.left * scale, box.top * scale];
    const [right, bottom] = [box.right * scale, box.bottom * scale];
    drawBox(context, { left, top, right, bottom }, answer, `${i + 1}: `);
  });
  return canvas;
}

function line({ box, answer }: Checked, index: number, numbered: boolean): HTMLLIElement {
  const number = numbered ? `${index + 1}: ` : "";
  const item = make("li", number, make("strong", describe(answer)));
  item.className = colour(answer);
  item.dataset.box = `${box.left} ${box.top} ${box.right} ${box.bottom}`;
  if (!answer) return item;
  const probability = make("data", text.percent(answer.probability));
  probability.value = answer.probability.toFixed(6);
  item.append(" ", probability);
  item.dataset.label = answer.label;
  if (answer.unsure) item.classList.add("unsure");
  return item;
}
