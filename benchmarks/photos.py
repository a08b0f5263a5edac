"""How well ordinary photos of one person each are answered, from the photo to the answer.

Run `python -m benchmarks.photos data/photos.zip [MODEL]`: asks as `predict.py` does about each
photo of a source with two class folders, once with its faces found (`default`) and once taken for
a crop (`crop`); some two minutes for 600 photos on two cores. Writes `benchmarks/photos.csv`: for
every second photo, which the scores of the face finder were chosen on, for the others, and for
those of which `--crop` warns (`loose`), what `export_tflite` measures of whole photos: the balanced
accuracy, the share of each class that is right, the share of photos without an answer, and that
with more than one row.
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
    """Return a row for each photo: its class, what each way says of it, how many rows it gets."""
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
    """Return the figures of one way of asking; a photo taken for a crop always has one row."""
    if way == "crop":
        rows = rows.assign(predicted=rows["crop"], faces=1)
    found = end_to_end.measure(rows)
    recall, no_answer, extra = map(found.pop, ("recall_of_class", "no_answer", "extra"))
    right = {f"right_{label}": share for label, share in recall.items()}
    return found | right | {"no_answer": no_answer, "extra_row": extra}


def main(source: Path, model: Path = MODEL) -> None:
    """Ask about the photos and write the table."""
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
