/** Find faces with MediaPipe's BlazeFace, short range, run by LiteRT.js. */

import modelUrl from "@mediapipe/face_detection/face_detection_short_range.tflite?url";
import { type Detection, decode, levels, merge, networkInput, tiles, type View } from "./detection";
import { cropped, fullFrame, resize } from "./pixels";
import { fetchAll, Network } from "./runtime";

export class FaceDetector {
  private static loading?: Promise<FaceDetector>;

  private constructor(private readonly network: Network) {}

  /** Fetch the network when it is first needed. */
  static load(): Promise<FaceDetector> {
    FaceDetector.loading ??= fetchAll([modelUrl], () => {})
      .then(([file]) => Network.compile(file))
      .then((network) => new FaceDetector(network))
      .catch((error: unknown) => {
        FaceDetector.loading = undefined; // so that the next photo tries again
        throw error;
      });
    return FaceDetector.loading;
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
