/** All words on the page, in English. */

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const text = {
  title: "Face mask check",
  tagline: "Photos and the camera's pictures stay on this device.",
  findFaces: "Find the faces first (off: each picture is a crop of one face already)",
  loading: "Loading the model",
  ready: "Ready.",
  photo: "Photos",
  choose: "Choose photos",
  chooseHint: "or drop them here, or paste them",
  clear: "Clear the list",
  noFace: "No face found.",
  fullFrame: "Classify the full frame",
  camera: "Camera",
  start: "Start the camera",
  stop: "Stop the camera",
  turn: "Front or back camera",
  view: "The camera's picture with a box around each face",
  about: "About the model",

  progress: (loaded: number, total: number): string =>
    `Loading the model: ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`,
  working: (done: number, total: number): string => `Picture ${done} of ${total}`,
  done: (total: number): string => (total === 1 ? "1 picture done" : `${total} pictures done`),
  percent,
  tooSmall: "Too small",
  unsure: (label: string): string => `Unsure, rather ${label}`,
  took: (milliseconds: number): string => `${milliseconds.toFixed(0)} ms`,
  rate: (frames: number): string => `${frames.toFixed(0)} frames a second`,
  faces: (file: string, count: number): string =>
    count === 1 ? `${file}, 1 face` : `${file}, ${count} faces`,
};

/** An error with a message for people, from `trouble`. */
export class Refusal extends Error {}

/** Messages that say what went wrong and what to do. */
export const trouble = {
  noWebAssembly:
    "This browser has WebAssembly switched off, which the model needs. Switch it on, or use another browser.",
  load: (detail: string): string => `The model could not be loaded (${detail}). Reload the page.`,
  damaged:
    "The model file is damaged, or is not from this pipeline; build and deploy the page again.",
  version: (has: string, reads: string): string =>
    `The model file has version ${has} of the contract, and this page reads ${reads}; export the model again: dvc repro export_tflite`,
  interface:
    "The model file takes or gives other values than this page knows; export the model again: dvc repro export_tflite",
  network: (status: number, url: string): string => `${url}: status ${status}`,
  empty: "The file is empty. Choose another one.",
  heic: "This browser cannot open HEIC photos. Save it as JPEG; on an iPhone, set Camera, Formats to Most Compatible.",
  pdf: "This is a PDF, not a picture. Save its page as JPEG or PNG first.",
  noImage:
    "Not a picture that this browser can open: damaged, too large, or of another type. Save it as JPEG or PNG.",
  notModel: "The model is not loaded.",
  cameraDenied:
    "The camera is not allowed. Allow it in the browser's settings for this page, and start again.",
  noCamera: "No camera found. Connect one, or choose photos.",
  cameraInsecure: "The camera works only over https:// or on localhost.",
  cameraBusy:
    "The camera does not answer; another program may use it. Close that, and start again.",
};

/** Words of the section about the model. */
export const about = {
  what: "A small network that looks at one face at a time and says whether it wears a mask over mouth and nose. It runs in this page.",
  measured: "How good it is, from the metrics of the run that made it:",
  columns: ["measured on", "images", "accuracy", "95 % interval"],
  recall: (label: string): string => `${label} right`,
  subset: (name: string): string =>
    ({
      validation: "validation (held back from training)",
      test: "test (held back from training and from every choice)",
    })[name] ?? `external test set “${name}”`,
  leaky: (count: number): string =>
    `; ${count} images have a near-duplicate in training, so these figures are too good`,
  trained: (source: string, description: string): string => `Trained on ${source}. ${description}`,
  limits: "What it must not be used for",
  not: [
    "To admit, refuse, punish or watch people: it is wrong about some faces, and not about all people equally often.",
    "To judge whether a mask protects: it does not see the material, the fit, or the air.",
    "For medical decisions, or wherever an error harms someone.",
  ],
  licences: "Licences of the programs and networks in this page",
  people:
    "How often it is wrong about groups of people, by labels that somebody gave to the pictures; the worst groups:",
  peopleColumns: ["people", "class", "images", "wrong", "95 % interval"],
  peopleNotMeasured: "How it does for age, skin colour or sex was not measured. ",
  hardest:
    "Faces turned far away, covered by hands or cut off are the hardest; masked faces are missed by the face finder more often than bare ones.",
};
