/** Small helpers for the page. */

import type { Answer } from "./classifier";
import type { Box } from "./pixels";
import { text } from "./strings";

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

export function describe(answer: Answer): string {
  return answer.unsure ? text.unsure(answer.label) : answer.label;
}

/** Draw a box on a picture, with its number; the dark rim shows it on any background. */
export function drawBox(context: CanvasRenderingContext2D, box: Box, name: string): void {
  const unit = Math.max(context.canvas.width, context.canvas.height) / 160;
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  for (const [colour, line] of [
    ["#000", 2 * unit],
    ["#fff", unit],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.strokeRect(box.left, box.top, width, height);
  }
  context.font = `bold ${8 * unit}px sans-serif`;
  const tag = context.measureText(name).width + 4 * unit;
  const left = Math.max(0, Math.min(box.left, context.canvas.width - tag));
  context.fillStyle = "#000";
  context.fillRect(left, box.top, tag, 11 * unit);
  context.fillStyle = "#fff";
  context.fillText(name, left + 2 * unit, box.top + 8.5 * unit);
}

/** Let the browser draw and answer before going on. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
