"""Measure how many decisions change if an app scales images with another filter.

Run `python -m benchmarks.resize_skew` after `dvc repro` with an external test set; it takes a
minute and needs Chromium. It scales each external face in six ways, and classifies it with the
exported file. Training uses Pillow's antialiased bilinear filter. It writes
`benchmarks/resize_skew.csv`.
"""

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import sync_playwright
from tqdm import tqdm

from benchmarks import external
from facemask.inference.classifier import Classifier
from facemask.store import images, tables
from stages import paths
from tools.browser import launch

RESULT = Path(__file__).with_suffix(".csv")
REFERENCE = "Pillow, antialiased bilinear"

Pixels = NDArray[np.uint8]
Scale = Callable[[Image.Image], Pixels]

DRAW = """async ([url, side]) => {
  const image = new Image(); image.src = url; await image.decode();
  const canvas = new OffscreenCanvas(side, side), context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, side, side);
  return Array.from(context.getImageData(0, 0, side, side).data);
}"""


def android(image: Image.Image, side: int) -> Pixels:
    """Scale as `Bitmap.createScaledBitmap(..., filter = true)` does.

    Skia interpolates between the four pixels around a point, even if it shrinks an image much. Its
    weights have 4 bits (SkBitmapProcState).
    """
    pixels = np.asarray(image).astype(np.int64)
    weighted = []
    for axis, length in enumerate(pixels.shape[:2]):
        position = np.clip((np.arange(side) + 0.5) * length / side - 0.5, 0, length - 1)
        sixteenths = np.floor(16 * position).astype(int)
        weighted.append((sixteenths // 16, sixteenths % 16, axis, length))
    for first, weight, axis, length in weighted:
        second = np.minimum(first + 1, length - 1)
        weight = np.expand_dims(weight, (1 - axis, 2))
        pixels = (16 - weight) * pixels.take(first, axis) + weight * pixels.take(second, axis)
    return (pixels // 256).astype(np.uint8)


@contextmanager
def canvas(side: int) -> Iterator[Scale]:
    """Yield a function that scales as the canvas of a web page does."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page()

        def scale(image: Image.Image) -> Pixels:
            file = io.BytesIO()
            image.save(file, "PNG")
            url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
            drawn = np.array(page.evaluate(DRAW, [url, side]), np.uint8)
            return drawn.reshape(side, side, 4)[..., :3]

        yield scale
        browser.close()


def opencv(filtering: int, side: int) -> Scale:
    """Return a function that scales with OpenCV."""
    return lambda image: np.asarray(
        cv2.resize(np.asarray(image), (side, side), interpolation=filtering), np.uint8
    )


def main() -> None:
    """Classify every face in every way, and write the table."""
    faces, is_positive = external.read()
    classifier = Classifier(paths.TFLITE_MODEL)
    side = classifier.contract.input["side"]
    threshold = classifier.contract.threshold
    decided = {}
    with canvas(side) as drawn:
        ways: dict[str, Scale] = {
            REFERENCE: lambda face: np.asarray(images.resize(face, side)),
            "OpenCV, bilinear": opencv(cv2.INTER_LINEAR, side),
            "OpenCV, area": opencv(cv2.INTER_AREA, side),
            "nearest": opencv(cv2.INTER_NEAREST, side),
            "Android, createScaledBitmap": lambda face: android(face, side),
            "browser, canvas": drawn,
        }
        for name, scale in ways.items():
            answers = [classifier.probabilities(scale(face)) for face in tqdm(faces, desc=name)]
            decided[name] = np.array(answers)[:, 1] >= threshold
    table = pd.DataFrame(
        {
            "scaled_by": name,
            "accuracy": (decision == is_positive).mean(),
            "changed_decisions": (decision != decided[REFERENCE]).mean(),
        }
        for name, decision in decided.items()
    )
    tables.write(table, RESULT)
    print(table.to_string(index=False, float_format="%.4f"))


if __name__ == "__main__":
    main()
