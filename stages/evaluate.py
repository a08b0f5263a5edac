"""Measure the trained model on validation, test and faces from elsewhere; picture its mistakes.

Run by `dvc repro evaluate`; about a minute for ten thousand images.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facemask import (
    dataset,
    external,
    images,
    network,
    params,
    pictures,
    report,
    scores,
    splitting,
    tables,
)
from facemask.collection import REFUSED
from facemask.errors import one_line_errors
from facemask.files import replacing
from facemask.source import Source
from stages import paths

EXTERNAL = "external"


def evaluate(options: params.Params) -> None:
    """Write metrics, curves, each image's prediction and the pictures of the worst mistakes."""
    table = tables.read(paths.SPLIT_TABLE)
    classes = tables.classes(table)
    model = network.load(paths.KERAS_MODEL)
    metrics: dict[str, Any] = {"threshold": options.evaluate.threshold}
    predictions = []
    parts = {side: tables.side(table, side) for side in (tables.VALIDATION, tables.TEST)}
    notes: dict[str, dict[str, Any]] = {
        side: {"relatives_in_training": splitting.relatives_in_training(table, side)}
        for side in parts
    }
    parts[EXTERNAL], notes[EXTERNAL] = _external(options, table, classes)
    for part, rows in parts.items():
        folder = paths.EXTERNAL / "resized" if part == EXTERNAL else paths.RESIZED
        probability = network.predict(model, dataset.inference_batches(rows, classes[1], folder))
        predicted = scores.predictions(rows, probability, options.evaluate.threshold, classes)
        predictions.append(predicted.assign(part=part))
        if part == tables.VALIDATION:
            _curves(rows["label"], probability, classes[1])
        if part != tables.TEST:
            _mistakes(part, predicted.assign(sha256=rows["sha256"]), folder, options.evaluate)
        if len(rows):
            metrics[part] = notes[part] | scores.judge(predicted, probability, classes)
        elif notes[part].get("left_out"):
            metrics[part] = notes[part] | {"images": 0}
    tables.write(pd.concat(predictions), paths.PREDICTIONS)
    report.write_json(metrics, paths.METRICS / "evaluate.json")


def _external(
    options: params.Params, table: pd.DataFrame, classes: list[str]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Give the rows to measure on, and what there is to know of them."""
    if options.evaluate.external == params.NO_EXTERNAL:
        with replacing(paths.EXTERNAL) as folder:
            folder.mkdir()
        tables.write(pd.DataFrame(columns=REFUSED), paths.EXTERNAL_LEFT_OUT)
        return table.head(0), {}
    found = external.prepare(
        Source(Path(options.evaluate.external), key="evaluate.external"),
        options,
        classes,
        paths.EXTERNAL,
        seen=(table, paths.RAW),
        memo=paths.MEMO,
    )
    tables.write(found.bad[REFUSED], paths.EXTERNAL_LEFT_OUT)
    return found.good.reset_index(drop=True), {
        "source": options.evaluate.external,
        "left_out": found.bad["reason"].value_counts().to_dict(),
    }


def _curves(label: pd.Series, probability: NDArray[np.float64], positive: str) -> None:
    tables.write(scores.roc(label, probability, positive), paths.PLOTS / "roc.csv")
    curve = scores.precision_recall(label, probability, positive)
    tables.write(curve, paths.PLOTS / "precision_recall.csv")


def _mistakes(part: str, predicted: pd.DataFrame, folder: Path, options: params.Evaluate) -> None:
    """Write what was decided on each image, and picture the most confident of the wrong ones."""
    actual = predicted[["label", "predicted"]].rename(columns={"label": "actual"})
    tables.write(actual, paths.PLOTS / f"{part}_confusion.csv")
    wrong = predicted[predicted["label"] != predicted["predicted"]]
    worst = wrong.nlargest(options.worst_mistakes, "probability")
    title = f"{len(wrong)} mistakes in {len(predicted)} {part} images"
    if len(worst) < len(wrong):
        title += f"; the {len(worst)} most confident"
    tiles = [
        pictures.captioned(
            images.open_rgb(folder / f"{row.sha256}.png"),
            [f"says {row.predicted} {row.probability:.3f}", f"is {row.label}", str(row.path)],
        )
        for row in worst.itertuples()
    ]
    pictures.write(pictures.sheet(title, tiles), paths.PLOTS / f"{part}_mistakes.png")


if __name__ == "__main__":
    with one_line_errors("evaluate"):
        evaluate(params.load(paths.PARAMS))
