"""Measure which class the model predicts for masks that are worn wrong.

Such a mask is under the nose or at the chin. The model has no class for it. Run

    python -m benchmarks.worn data/scenes.zip=LABEL [data/others.zip=LABEL]... [--model FILE]

with sources that have boxes of faces. LABEL is the source's label for masks that are worn wrong. It
takes a minute for 200 faces on two cores. It writes `benchmarks/worn.csv`: for each source, the
number of faces, and the share with the model's first label, with its 95 % interval (Wilson). There
is a row for faces cropped by their boxes, and a row for faces cropped by the face finder.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from facemask import params
from facemask.errors import one_line_errors
from facemask.evaluation.people import share_interval
from facemask.inference.classifier import Classifier
from facemask.sources import boxes
from facemask.sources import crops as cropping
from facemask.sources.annotation import Annotation
from facemask.sources.crops import FINDER_ENDING
from facemask.sources.source import Entry, Source
from facemask.store import images, tables
from stages import ingest, paths

RESULT = Path(__file__).with_suffix(".csv")


def crops(source: Source, label: str, margins: params.Crop) -> Iterator[Entry]:
    """Yield the crops of the faces with a label."""
    labelled: dict[str, Annotation] = {}
    for path, annotation in boxes.read(source).items():
        chosen = [box for box in annotation.boxes if box.label == label]
        if chosen:
            labelled[path] = Annotation(chosen)
    cropper = ingest.face_cropper(margins)
    entries = cropping.crops(
        source,
        labelled,
        cropper,
        paths.CACHE,
        crop_faces=False,
        whole=False,
    )
    for entry in entries:
        if entry.part and not entry.fault:
            yield entry


def measure(predicted: pd.Series, first: str) -> dict[str, Any]:
    """Return the share of predictions that are the first label, with its interval."""
    count = int((predicted == first).sum())
    low, high = share_interval(count, len(predicted))
    return {
        "faces": len(predicted),
        "label": first,
        "share": count / len(predicted),
        "low": low,
        "high": high,
    }


def main() -> None:
    """Measure each source and write the table."""
    parser = argparse.ArgumentParser(description="What a model says about masks worn wrong.")
    parser.add_argument("sources", nargs="+", metavar="SOURCE=LABEL")
    parser.add_argument("--model", type=Path, default=paths.PUBLISHED.with_name("facemask.tflite"))
    options = parser.parse_args()
    classifier = Classifier(options.model)
    margins = params.Crop.model_validate(classifier.contract.input["crop"])
    results = []
    for argument in options.sources:
        path, _, label = argument.rpartition("=")
        rows = []
        for entry in crops(Source(path), label, margins):
            answer = classifier.classify(images.open_rgb(entry.content))
            cut = "face finder" if entry.part.endswith(FINDER_ENDING) else "box"
            rows.append({"crop": cut, "predicted": answer.label})
        for crop, of_crop in pd.DataFrame(rows).groupby("crop"):
            measured = measure(of_crop["predicted"], classifier.contract.labels[0])
            results.append({"source": Path(path).stem, "crop": crop, **measured})
    table = pd.DataFrame(results)
    tables.write(table, RESULT)
    print(table.to_string(index=False))


if __name__ == "__main__":
    with one_line_errors("worn"):
        main()
