/** The model: a picture of a face -> label and probability. */

import modelUrl from "@model?url";
import { type Answer, decide } from "./answer";
import { type Contract, readContract } from "./contract";
import { type Box, cropped, resize } from "./pixels";
import { Network, type Progress, start } from "./runtime";

export class Classifier {
  private constructor(
    readonly contract: Contract,
    private readonly network: Network,
  ) {}

  /** Fetch the model, check its contract, and make it ready. */
  static async load(progress: Progress): Promise<Classifier> {
    const file = await start(modelUrl, progress);
    return new Classifier(await readContract(file), await Network.compile(file));
  }

  /** Classify the part of a picture that shows one face. */
  async classify(image: ImageData, box: Box): Promise<Answer> {
    const { side } = this.contract.input;
    const outputs = await this.network.run(resize(cropped(image, box), side, side).rgb);
    const [[probability]] = outputs.values();
    return decide(probability, this.contract);
  }
}
