/** A picture -> its faces, each with the classifier's answer, as `photos.py` has it. */

import classifierUrl from "@model?url";
import faceFinderUrl from "../../../facemask/inference/face_finder.tflite?url";
import type { Answer } from "./answer";
import { Classifier } from "./classifier";
import { crop, isTooSmall } from "./detection";
import { FaceDetector } from "./faceDetector";
import { type Box, fullFrame } from "./pixels";
import { type Progress, start } from "./runtime";

/** A part of a picture, in its pixels, and what the classifier says of it. */
export interface Checked {
  box: Box;
  /** None if the face is too small to be classified. */
  answer?: Answer;
}

export class MaskChecker {
  private constructor(
    private readonly classifier: Classifier,
    private readonly faceDetector: FaceDetector,
  ) {}

  /** Fetch all that is needed, so that an open page works without its host. */
  static async load(progress: Progress): Promise<MaskChecker> {
    const [classifier, faceDetector] = await start([classifierUrl, faceFinderUrl], progress);
    return new MaskChecker(
      await Classifier.load(classifier),
      await FaceDetector.load(faceDetector),
    );
  }

  /** Find and classify the faces in a picture, the largest first; see `FaceDetector.find`. */
  async checkFaces(image: ImageData, sides: number[]): Promise<Checked[]> {
    const margins = this.classifier.contract.input.crop;
    const checked: Checked[] = [];
    for (const face of await this.faceDetector.find(image, sides)) {
      const box = crop(face, image, margins);
      const answer = isTooSmall(face) ? undefined : await this.classifier.classify(image, box);
      checked.push({ box, answer });
    }
    return checked;
  }

  /** Classify a picture that is a crop of one face already. */
  async checkFrame(image: ImageData): Promise<Checked> {
    const box = fullFrame(image);
    return { box, answer: await this.classifier.classify(image, box) };
  }
}
