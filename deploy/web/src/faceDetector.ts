/** Find faces with MediaPipe's BlazeFace, short range, run by LiteRT.js. */

import modelUrl from "@mediapipe/face_detection/face_detection_short_range.tflite?url";
import { type Detection, decode, merge, networkInput, views } from "./detection";
import { fullFrame } from "./pixels";
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

  /** Find the boxes of faces, the surest first; `tiles` looks for small faces too. */
  async find(image: ImageData, tiles: boolean): Promise<Detection[]> {
    const found: Detection[] = [];
    for (const view of tiles ? views(image) : [fullFrame(image)]) {
      const outputs = await this.network.run(networkInput(image, view));
      found.push(...decode(outputs.get(16)!, outputs.get(1)!, view, image));
    }
    return merge(found);
  }
}
