/** Elements of the page, and what is drawn on pictures. */

import type { Answer } from "./answer";
import type { Box } from "./pixels";
import { text } from "./strings";

/** Of the first and the second label blue and vermilion, which the colour-blind can tell apart (M.
 * Okabe and K. Ito, "Color Universal Design", 2008), each with the ink that is legible on it; grey
 * for a face that is too small. */
const COLOURS = {
  negative: { fill: "#0072b2", ink: "#fff" },
  positive: { fill: "#d55e00", ink: "#000" },
  none: { fill: "#595959", ink: "#fff" },
};

/** Return the name of an answer's colour, which is its class in the style sheet too. */
export function colour(answer?: Answer): keyof typeof COLOURS {
  if (!answer) return "none";
  return answer.positive ? "positive" : "negative";
}

export function byId<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Make an element with text or other elements in it. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  ...content: (string | Node)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.append(...content);
  return element;
}

/** Return the label in words, with a note if it is unsure; no answer: the face is too small. */
export function describe(answer?: Answer): string {
  if (!answer) return text.tooSmall;
  return answer.unsure ? text.unsure(answer.label) : answer.label;
}

/** Draw a box on a picture with its answer in words; an unsure one is dashed. */
export function drawBox(
  context: CanvasRenderingContext2D,
  box: Box,
  answer?: Answer,
  number = "",
): void {
  const unit = Math.max(context.canvas.width, context.canvas.height) / 160;
  const { fill, ink } = COLOURS[colour(answer)];
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  context.save();
  context.lineWidth = 1.5 * unit;
  context.strokeStyle = "#fff"; // between the dashes, and on pictures of the box's own colour
  context.strokeRect(box.left, box.top, width, height);
  context.strokeStyle = fill;
  context.lineWidth = unit;
  context.setLineDash(answer?.unsure ? [3 * unit, 2 * unit] : []);
  context.strokeRect(box.left, box.top, width, height);
  context.font = `bold ${4.5 * unit}px sans-serif`;
  const probability = answer ? ` ${Math.round(100 * answer.probability)} %` : "";
  const words = `${number}${describe(answer)}${probability}`;
  const tag = { width: context.measureText(words).width + 3 * unit, height: 6 * unit };
  const left = Math.max(0, Math.min(box.left, context.canvas.width - tag.width));
  const top = Math.max(0, box.top - tag.height); // above the face, where there is room
  context.fillStyle = fill;
  context.fillRect(left, top, tag.width, tag.height);
  context.fillStyle = ink;
  context.fillText(words, left + 1.5 * unit, top + 4.6 * unit);
  context.restore();
}

/** Let the browser draw and answer before going on. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
