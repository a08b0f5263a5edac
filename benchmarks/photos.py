"""Measure the answers about whole photos of one person each.

Run `python -m benchmarks.photos data/photos.zip [MODEL]`; it takes two minutes for 600 photos on
two cores. It classifies each photo of a source with two class folders as `predict.py` does, once
with finding faces (`default`) and once as a crop (`crop`). It writes `benchmarks/photos.csv` for
three parts of the photos: every second photo, on which the scores of the face finder were chosen;
the other photos; and photos for which `--crop` prints a warning (`loose`). The figures are those
of `export_tflite`: balanced accuracy, recall of each class, and the shares of photos without a row
and with more than one row.
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


def ask(source: Source, classifier: Classifier, detector: FaceDetector) -> pd.DataFrame:
    """Return a row for each photo: its class, the answer in each way, and its number of rows."""
    wanted = sorted(name for name in source.names if Path(name).suffix.lower() in images.SUFFIXES)
    classes = find_classes(wanted)

    def contents() -> Iterator[tuple[str, bytes]]:
        return ((entry.path, entry.content) for entry in source.read(wanted))

    answered = end_to_end.ask(contents(), len(wanted), classifier, detector)
    as_crop = partial(_as_crop, classifier, detector)
    crops = list(parallel.run(as_crop, contents(), "crops", "photo", len(wanted), local=True))
    labels = [folder_of(path, classes) for path in wanted]
    return answered.assign(label=labels).join(pd.DataFrame(crops, index=wanted))


def _as_crop(
    classifier: Classifier, detector: FaceDetector, photo: tuple[str, bytes]
) -> dict[str, Any]:
    found, share = photos.answer_crop(images.open_rgb(photo[1]), classifier, detector)
    return {"crop": found.label, "loose": share < photos.LOOSE}


def measure(rows: pd.DataFrame, way: str) -> dict[str, Any]:
    """Return the figures of one way; a photo that is taken as a crop has exactly one row."""
    if way == "crop":
        rows = rows.assign(predicted=rows["crop"], faces=1)
    found = end_to_end.measure(rows)
    recall, no_answer, extra = map(found.pop, ("recall_of_class", "no_answer", "extra"))
    right = {f"right_{label}": share for label, share in recall.items()}
    return found | right | {"no_answer": no_answer, "extra_row": extra}


def main(source: Path, model: Path = MODEL) -> None:
    """Classify the photos and write the table."""
    answered = ask(Source(source), Classifier(model), FaceDetector())
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
