"""Measure the trained model on validation, test and faces from elsewhere; picture its mistakes.

Run by `dvc repro evaluate`; about a minute for ten thousand images.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facemask import (
    attention,
    dataset,
    external,
    galleries,
    invariances,
    network,
    params,
    pictures,
    report,
    scores,
    tables,
)
from facemask.collection import REFUSED
from facemask.dedup.split import train_overlap
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
    parts = {side: tables.side(table, side) for side in (tables.VALIDATION, tables.TEST)}
    notes: dict[str, dict[str, Any]] = {
        side: {"train_overlap": train_overlap(table, side)} for side in parts
    }
    parts[EXTERNAL], notes[EXTERNAL] = _external(options, table, classes)
    threshold = options.evaluate.threshold
    metrics: dict[str, Any] = {"threshold": threshold}
    predictions = []
    for part, rows in parts.items():
        folder = paths.EXTERNAL / "resized" if part == EXTERNAL else paths.RESIZED
        files = [folder / f"{sha256}.png" for sha256 in rows["sha256"]]
        probability = network.predict(model, dataset.inference_batches(rows, classes[1], folder))
        if part == tables.VALIDATION:
            _curves(rows["label"], probability, classes[1])
            if options.evaluate.recall is not None:
                wanted = options.evaluate.recall
                threshold = scores.threshold_for(wanted, rows["label"], probability, classes[1])
                metrics["threshold"] = threshold
        predicted = scores.predictions(rows, probability, threshold, classes)
        predictions.append(predicted.assign(part=part, resized=list(map(str, files))))
        if len(rows):
            metrics[part] = notes[part] | scores.judge(predicted, probability, classes)
            groups = rows.get("group", rows["sha256"])
            metrics[part]["interval_95"] = scores.intervals(predicted, probability, groups, classes)
        elif notes[part].get("left_out"):
            metrics[part] = notes[part] | {"images": 0}
        if part == tables.TEST:
            continue
        sheet = galleries.mistakes(part, predicted, files, options.evaluate.worst_mistakes)
        pictures.write(sheet, paths.PLOTS / f"{part}_mistakes.png")
        actual = predicted[["label", "predicted"]].rename(columns={"label": "actual"})
        tables.write(actual, paths.PLOTS / f"{part}_confusion.csv")
        maps = attention.maps(model, files)
        sheet = galleries.attention(part, predicted, files, maps)
        pictures.write(sheet, paths.PLOTS / f"{part}_attention.png")
        decided = (predicted["predicted"] == classes[1]).to_numpy()
        changed = invariances.changed_decisions(
            lambda shown: model.predict_on_batch(shown)[:, 0], files, decided, threshold
        )
        if len(rows):
            metrics[part]["attention_in_lower_half"] = attention.lower_half(maps)
            metrics[part]["decisions_changed_by"] = changed
        shares = pd.DataFrame({"change": changed.keys(), "share": changed.values()})
        tables.write(shares, paths.PLOTS / f"{part}_invariances.csv")
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
    for name in ("roc", "precision_recall", "reliability"):
        curve = getattr(scores, name)(label, probability, positive)
        tables.write(curve, paths.PLOTS / f"{name}.csv")


if __name__ == "__main__":
    with one_line_errors("evaluate"):
        evaluate(params.load(paths.PARAMS))
