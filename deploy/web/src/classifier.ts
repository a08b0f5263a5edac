/** The model: a picture of a face -> label and probability. */

import { type Answer, decide } from "./answer";
import { type Contract, readContract } from "./contract";
import { type Box, cropped, resize } from "./pixels";
import { Network } from "./runtime";
import { Refusal, trouble } from "./strings";

export class Classifier {
  private constructor(
    readonly contract: Contract,
    private readonly network: Network,
  ) {}

  /** Check the contract of a model file and make the model ready. */
  static async load(file: Uint8Array): Promise<Classifier> {
    const contract = await readContract(file);
    const network = await Network.compile(file);
    const { side } = contract.input;
    const { input, output } = network.interface;
    if (input !== `uint8 1,${side},${side},3` || output !== "float32 1,2") {
      throw new Refusal(trouble.interface);
    }
    return new Classifier(contract, network);
  }

  /** Classify the part of a picture that shows one face. */
  async classify(image: ImageData, box: Box): Promise<Answer> {
    const { side } = this.contract.input;
    const { rgb } = resize(cropped(image, box), side, side);
    return decide(await this.network.run(rgb, side), this.contract);
  }
}
