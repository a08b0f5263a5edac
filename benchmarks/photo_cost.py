"""Compare the time that a photo takes with the time that its networks take.

Run `python -m benchmarks.photo_cost [MODEL]`; it takes a few seconds. The photo has 1280 x 960
pixels and one face. In turn, it times the whole work for the photo, and the runs of the networks
alone. It prints the median of each in milliseconds. It also prints the median of their ratio, which
should be at most 1.5.
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
    """Return the milliseconds that a function takes."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def main(model: Path = MODEL) -> None:
    """Measure and print."""
    detector = FaceDetector()
    classifier = Classifier(model)
    face = next(entry for entry in Source(FACES) if entry.path.endswith(".jpg"))
    photo, _ = compose([("", face.content)], GRIDS[0], np.random.default_rng(0))
    squares = [np.zeros((side, side, 3), np.uint8) for side in SETTINGS["sides"]]
    side = classifier.contract.input["side"]
    crop = Image.new("RGB", (side, side))

    def networks() -> None:
        for square in squares:
            detector.run(square)
        classifier.classify(crop)

    times = [
        (milliseconds(lambda: photos.answer(photo, classifier, detector)), milliseconds(networks))
        for _ in range(ROUNDS)
    ]
    of_photo, of_networks = np.median(times, axis=0)
    ratio = np.median(
        [time_of_photo / time_of_networks for time_of_photo, time_of_networks in times]
    )
    print(f"photo {of_photo:.0f} ms, networks {of_networks:.0f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
