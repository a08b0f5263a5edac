"""Compare the time of a photo of 1280 x 960 pixels with one face with that of its networks.

Run `python -m benchmarks.photo_cost [MODEL]`; it takes a few seconds. It times the photo and calls
of the same interpreters in turn. It prints the milliseconds of both and the median of their
ratios, which should be at most 1.5.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.composites import GRIDS, MODEL, compose
from facemask.inference import photos
from facemask.inference.classifier import Classifier
from facemask.inference.detection import SETTINGS, FaceDetector
from facemask.sources.source import Source

FACES = Path("data/demo.zip")
ROUNDS = 21


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long a function takes."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def main(model: Path = MODEL) -> None:
    """Measure and print."""
    detector, classifier = FaceDetector(), Classifier(model)
    face = next(entry for entry in Source(FACES) if entry.path.endswith(".jpg"))
    photo, _ = compose([("", face.content)], GRIDS[0], np.random.default_rng(0))
    squares = [np.zeros((side, side, 3), np.uint8) for side in SETTINGS["sides"]]
    side = classifier.contract.input["side"]
    crop = Image.new("RGB", (side, side))

    def bare() -> None:
        for square in squares:
            detector.run(square)
        classifier.classify(crop)

    times = [
        (milliseconds(lambda: photos.answer(photo, classifier, detector)), milliseconds(bare))
        for _ in range(ROUNDS)
    ]
    whole, alone = np.median(times, axis=0)
    ratio = np.median([a / b for a, b in times])
    print(f"photo {whole:.0f} ms, networks {alone:.0f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
