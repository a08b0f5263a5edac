/** The two networks of the page: one finds faces, one classifies them. */

import faceDetectorUrl from "@mediapipe/face_detection/face_detection_short_range.tflite?url";
import classifierUrl from "@model?url";
import { Classifier } from "./classifier";
import { FaceDetector } from "./faceDetector";
import { type Progress, start } from "./runtime";

export interface Models {
  classifier: Classifier;
  faceDetector: FaceDetector;
}

/** Fetch both, so that an open page needs its host no more. */
export async function loadModels(progress: Progress): Promise<Models> {
  const [classifier, faceDetector] = await start([classifierUrl, faceDetectorUrl], progress);
  return {
    classifier: await Classifier.load(classifier),
    faceDetector: await FaceDetector.load(faceDetector),
  };
}
