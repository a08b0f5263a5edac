"""Measure the answers about whole photos of one person each.

Run `python -m benchmarks.photos data/photos.zip [MODEL]`; it takes two minutes for 600 photos on
two cores. The source has two class folders. Each photo is classified as `predict.py` does, with
finding faces (`default`) and as a crop (`crop`). It writes `benchmarks/photos.csv` for three parts
of `photos.zip`: every second photo (`chosen_on`), on which an earlier face finder was tuned; the
other photos (`others`); and the photos for which `--crop` prints a warning (`loose`). The figures
are those of `export_tflite`: balanced accuracy, recall of each class, and the shares of photos with
no answer and with several answers.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from facemask import parallel
from facemask.export import end_to_end
from facemask.inference import photos
from facemask.inference.classifier import Classifier
from facemask.inference.detection import FaceDetector
from facemask.sources.classes import find_classes, folder_of
from facemask.sources.source import Source
from facemask.store import images, tables

MODEL = Path("results/published/facemask.tflite")
RESULT = Path(__file__).with_suffix(".csv")


def classify(source: Source, classifier: Classifier, detector: FaceDetector) -> pd.DataFrame:
    """Return a row for each photo: its label, and the answers with and without finding faces."""
    wanted = sorted(name for name in source.names if Path(name).suffix.lower() in images.SUFFIXES)
    classes = find_classes(wanted)

    def contents() -> Iterator[tuple[str, bytes]]:
        return ((entry.path, entry.content) for entry in source.read(wanted))

    answers = end_to_end.classify(contents(), len(wanted), classifier, detector)
    labels = [folder_of(path, classes) for path in wanted]
    rows = pd.DataFrame({"sha256": wanted, "label": labels})  # the key of a photo is its path
    answered = end_to_end.main_faces(rows, answers)

    as_crop = partial(_as_crop, classifier, detector)
    crops = list(parallel.run(as_crop, contents(), "crops", "photo", len(wanted), local=True))
    return answered.join(pd.DataFrame(crops))


def _as_crop(
    classifier: Classifier, detector: FaceDetector, photo: tuple[str, bytes]
) -> dict[str, Any]:
    _, content = photo
    face, share = photos.answer_crop(images.open_rgb(content), classifier, detector)
    return {"crop": face.label, "loose": share < photos.LOOSE}


def measure(rows: pd.DataFrame, way: str) -> dict[str, Any]:
    """Return the figures of the way `default` or `crop`. A crop has exactly one answer."""
    if way == "crop":
        rows = rows.assign(predicted=rows["crop"], faces=1)
    measured = end_to_end.measure(rows)
    right = {f"right_{label}": share for label, share in measured["recall_of_class"].items()}
    return {
        "photos": measured["photos"],
        "balanced_accuracy": measured["balanced_accuracy"],
        **right,
        "no_answer": measured["no_answer"],
        "extra_row": measured["extra"],
    }


def main(source: Path, model: Path = MODEL) -> None:
    """Classify the photos and write the table."""
    answered = classify(Source(source), Classifier(model), FaceDetector())
    halves = {"chosen_on": answered[::2], "others": answered[1::2]}
    halves["loose"] = answered[answered["loose"]]
    measured = {
        (half, way): measure(rows, way)
        for half, rows in halves.items()
        for way in ("default", "crop")
    }
    table = pd.DataFrame(measured).T.rename_axis(["half", "asked"]).astype({"photos": int})
    tables.write(table.round(4).reset_index(), RESULT)
    print(table.round(4).to_string())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
