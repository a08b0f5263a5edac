"""How well ordinary photos of one person each are answered, from the photo to the answer.

Run `python -m benchmarks.photos data/photos.zip [MODEL]`: asks as `predict.py` does about each
photo of a source with two class folders, once with its faces found (`default`) and once taken for
a crop (`crop`); some two minutes for 600 photos on two cores. Writes `benchmarks/photos.csv`: for
every second photo, which the scores of the face finder were chosen on, for the others, and for
those of which `--crop` warns (`loose`), the balanced accuracy, the share of each class that is
right (a photo without an answer is wrong; of several rows the surest counts), the share of
photos without an answer, and that with more than one row.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from facemask.data import images, tables
from facemask.data.classes import class_of, find_classes
from facemask.data.source import Entry, Source
from facemask.inference import photos
from facemask.inference.classifier import Classifier, on_all_cores
from facemask.inference.detection import FaceDetector

MODEL = Path("results/face-mask-12k/facemask.tflite")
RESULT = Path(__file__).with_suffix(".csv")


def ask(source: Source, classifier: Classifier, detector: FaceDetector) -> Iterator[dict[str, Any]]:
    """Yield a row for each photo: its class, what each way says of it, how many rows it gets."""
    wanted = [name for name in source.names if Path(name).suffix.lower() in images.SUFFIXES]
    classes = find_classes(wanted)

    def row(entry: Entry) -> dict[str, Any]:
        image = images.open_rgb(entry.content)
        found = photos.answer(image, classifier, detector)
        crop, share = photos.answer_crop(image, classifier, detector)
        return {
            "label": class_of(entry.path, classes),
            "default": found[0].answer.label if found else "",
            "crop": crop.answer.label,
            "rows": len(found),
            "loose": share < photos.LOOSE,
        }

    entries = sorted(entry for entry in source if entry.path in wanted)
    answered = on_all_cores(row, entries)
    yield from tqdm(answered, "photos", len(entries), unit="photo", disable=None)


def measure(rows: pd.DataFrame, way: str) -> dict[str, Any]:
    """Return the figures of one way of asking."""
    right = (rows[way] == rows["label"]).groupby(rows["label"]).mean()
    return {
        "photos": len(rows),
        "balanced_accuracy": right.mean(),
        **{f"right_{label}": share for label, share in right.items()},
        "no_answer": (rows[way] == "").mean(),
        "extra_row": (rows["rows"] > 1).mean() if way == "default" else 0.0,
    }


def main(source: Path, model: Path = MODEL) -> None:
    """Ask about the photos and write the table."""
    answered = pd.DataFrame(ask(Source(source), Classifier(model), FaceDetector()))
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
