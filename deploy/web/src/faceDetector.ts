/** Find faces with MediaPipe's BlazeFace, short range, run by LiteRT.js. */

import { type Detection, decode, levels, merge, networkInput, tiles, type View } from "./detection";
import { cropped, fullFrame, resize } from "./pixels";
import { Network } from "./runtime";

export class FaceDetector {
  private constructor(private readonly network: Network) {}

  /** Make the network of a file ready. */
  static async load(file: Uint8Array): Promise<FaceDetector> {
    return new FaceDetector(await Network.compile(file));
  }

  /** Find the boxes of faces, the surest first; `small` looks for small faces too. */
  async find(image: ImageData, small: boolean): Promise<Detection[]> {
    const views: View[] = [];
    let pixels = cropped(image, fullFrame(image));
    for (const level of levels(image)
      .slice(0, small ? undefined : 1)
      .reverse()) {
      pixels = resize(pixels, level.width, level.height); // each of the larger one before
      for (const tile of tiles(level)) {
        const outputs = await this.network.run(networkInput(pixels, tile));
        const found = decode(outputs.get(16)!, outputs.get(1)!, level, tile, image);
        views.push({ found, weight: level.weight });
      }
    }
    return merge(views);
  }
}
