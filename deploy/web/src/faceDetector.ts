/** Find the faces in a picture with CenterFace, run by LiteRT.js. */

import { decode, distinct, type Face, networkInput, place } from "./detection";
import { cropped, fullFrame } from "./pixels";
import { Network } from "./runtime";

export class FaceDetector {
  private constructor(private readonly network: Network) {}

  /** Make the network of a file ready. */
  static async load(file: Uint8Array): Promise<FaceDetector> {
    return new FaceDetector(await Network.compile(file));
  }

  /** Return the faces, the largest first, that are found in squares of these sides. */
  async find(image: ImageData, sides: number[]): Promise<Face[]> {
    const pixels = cropped(image, fullFrame(image));
    const boxes: Face[] = [];
    for (const side of sides) {
      const placement = place(image, side);
      const input = networkInput(pixels, placement);
      const map = await this.network.run(input, side, `side_${side}`);
      boxes.push(...decode(map, placement, image));
    }
    return distinct(boxes);
  }
}
