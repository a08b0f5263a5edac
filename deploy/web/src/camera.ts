/** The live camera: finds, classifies and draws as many frames a second as the device manages. */

import { SIDES } from "./detection";
import type { MaskChecker } from "./maskChecker";
import { byId, describe, drawBox } from "./page";
import { text, trouble } from "./strings";

const SMALL = SIDES.slice(-1); // the small square alone, for more frames a second
const SMOOTHING = 0.9; // weight of the earlier frames in the time a frame that is displayed

/** Set up the camera's buttons; the camera itself waits for a click on one. */
export function camera(loading: Promise<MaskChecker>, findFaces: () => boolean): void {
  const video = byId<HTMLVideoElement>("video");
  const view = byId<HTMLCanvasElement>("view");
  const context = view.getContext("2d", { willReadFrequently: true })!;
  let stream: MediaStream | undefined;
  let facing: "user" | "environment" = "user";
  let period = 0;

  function stop(): void {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = undefined;
    video.srcObject = null;
    byId("start").textContent = text.start;
    byId("live").hidden = byId("turn").hidden = true;
  }

  async function start(): Promise<void> {
    stop();
    complain("");
    try {
      const checker = await loading.catch(() => Promise.reject(new Error(trouble.notModel)));
      stream = await open(facing);
      const opened = stream;
      video.srcObject = stream;
      await video.play();
      byId("start").textContent = text.stop;
      byId("live").hidden = byId("turn").hidden = false;
      period = 0;
      while (stream === opened) await frame(checker);
    } catch (error) {
      stop();
      complain((error as Error).message);
    }
  }

  async function frame(checker: MaskChecker): Promise<void> {
    const began = performance.now();
    await nextFrame(video);
    if (!stream) return;
    if (view.width !== video.videoWidth || view.height !== video.videoHeight) {
      [view.width, view.height] = [video.videoWidth, video.videoHeight];
    }
    context.drawImage(video, 0, 0);
    const image = context.getImageData(0, 0, view.width, view.height);
    const find = findFaces();
    const checked = find
      ? await checker.checkFaces(image, SMALL)
      : [await checker.checkFrame(image)];
    if (find) for (const { box, answer } of checked) drawBox(context, box, answer);
    show(checked.map(({ answer }) => describe(answer)).join(", ") || text.noFace);
    const took = performance.now() - began;
    period = period ? SMOOTHING * period + (1 - SMOOTHING) * took : took;
    byId("rate").textContent = text.rate(1000 / period);
  }

  byId("start").addEventListener("click", () => (stream ? stop() : void start()));
  byId("turn").addEventListener("click", () => {
    facing = facing === "user" ? "environment" : "user";
    void start();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop();
  });
}

async function open(facingMode: string): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new Error(trouble.cameraInsecure);
  try {
    const size = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 60 } };
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode, ...size } });
  } catch (error) {
    const { name } = error as DOMException;
    if (name === "NotAllowedError") throw new Error(trouble.cameraDenied);
    throw new Error(name === "NotFoundError" ? trouble.noCamera : trouble.cameraBusy);
  }
}

/** Wait until the camera has another picture. */
function nextFrame(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve) => {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(() => resolve());
    else requestAnimationFrame(() => resolve());
  });
}

/** Change the words only when they differ: a screen reader reads each change aloud. */
function show(words: string): void {
  if (byId("answer").textContent !== words) byId("answer").textContent = words;
}

function complain(words: string): void {
  byId("camera-error").textContent = words;
}
