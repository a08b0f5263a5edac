/** The model: a picture of a face -> label and probability. */

import modelUrl from "@model?url";
import { type Contract, readContract } from "./contract";
import { type Box, resize } from "./pixels";
import { Network, type Progress, start } from "./runtime";

/** An answer nearer to the threshold than this is called unsure. */
const UNSURE = 0.2;

export interface Answer {
  label: string;
  /** Of the label, 0-1. */
  probability: number;
  unsure: boolean;
}

export class Classifier {
  private constructor(
    readonly contract: Contract,
    private readonly network: Network,
  ) {}

  static async load(progress: Progress): Promise<Classifier> {
    const file = await start(modelUrl, progress);
    return new Classifier(readContract(file), await Network.compile(file));
  }

  async classify(image: ImageData, box: Box): Promise<Answer> {
    const { side } = this.network;
    const outputs = await this.network.run(resize(image, box, side, side));
    const [[second]] = outputs.values();
    const { labels, threshold } = this.contract;
    const isSecond = second >= threshold;
    return {
      label: labels[isSecond ? 1 : 0],
      probability: isSecond ? second : 1 - second,
      unsure: Math.abs(second - threshold) < UNSURE,
    };
  }
}
