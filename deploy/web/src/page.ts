/** Small helpers for the page. */

import type { Answer } from "./answer";
import type { Box } from "./pixels";
import { text } from "./strings";

/** Of the first and of the second label: blue and vermilion, which the colour-blind can tell apart
 * (M. Okabe and K. Ito, "Color Universal Design", 2008), and the ink that is legible on them. */
const COLOURS = {
  negative: { fill: "#0072b2", ink: "#fff" },
  positive: { fill: "#d55e00", ink: "#000" },
};

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

/** Say the label, and that it is unsure where it is. */
export function describe(answer: Answer): string {
  return answer.unsure ? text.unsure(answer.label) : answer.label;
}

/** Draw a box on a picture, with the answer at it; dashed where it is unsure. */
export function drawBox(
  context: CanvasRenderingContext2D,
  box: Box,
  answer: Answer,
  number = "",
): void {
  const unit = Math.max(context.canvas.width, context.canvas.height) / 160;
  const { fill, ink } = answer.positive ? COLOURS.positive : COLOURS.negative;
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  context.save();
  context.lineWidth = 1.5 * unit;
  context.strokeStyle = "#fff"; // between the dashes, and on pictures of the box's own colour
  context.strokeRect(box.left, box.top, width, height);
  context.strokeStyle = fill;
  context.lineWidth = unit;
  context.setLineDash(answer.unsure ? [3 * unit, 2 * unit] : []);
  context.strokeRect(box.left, box.top, width, height);
  context.font = `bold ${4.5 * unit}px sans-serif`;
  const name = `${number}${describe(answer)} ${Math.round(100 * answer.probability)} %`;
  const tag = { width: context.measureText(name).width + 3 * unit, height: 6 * unit };
  const left = Math.max(0, Math.min(box.left, context.canvas.width - tag.width));
  const top = Math.max(0, box.top - tag.height); // above the face, where there is room
  context.fillStyle = fill;
  context.fillRect(left, top, tag.width, tag.height);
  context.fillStyle = ink;
  context.fillText(name, left + 1.5 * unit, top + 4.6 * unit);
  context.restore();
}

/** Let the browser draw and answer before going on. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
