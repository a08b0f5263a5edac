/** The model: a picture of a face -> label and probability. */

import { type Answer, decide } from "./answer";
import { type Contract, readContract } from "./contract";
import { type Box, cropped, resize } from "./pixels";
import { Network } from "./runtime";

export class Classifier {
  private constructor(
    readonly contract: Contract,
    private readonly network: Network,
  ) {}

  /** Check the contract of a model file and make the model ready. */
  static async load(file: Uint8Array): Promise<Classifier> {
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
