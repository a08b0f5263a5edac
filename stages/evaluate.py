"""Measure the trained model on validation, test and the external test sets; picture its mistakes.

Run by `dvc repro evaluate`; about a minute for ten thousand images.
"""

from pathlib import Path
from typing import Any

import pandas as pd

import facemask.quiet_tensorflow  # noqa: F401, loads TensorFlow first
from facemask import files, params, timing
from facemask.evaluation import comparison, inspection, metrics, people, subsets
from facemask.model import network
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths


def evaluate(options: params.Evaluate, start: Path) -> None:
    """Write headline metrics, curves, every prediction, and contact sheets of the mistakes."""
    model = network.load(paths.KERAS_MODEL)
    table = tables.read(paths.SPLIT)
    pixels = Pixels(paths.RESIZED)
    external = tables.read(paths.EXTERNAL)
    measured = subsets.collect(table, pixels, external, Pixels(paths.RESIZED_EXTERNAL))

    classes = tables.classes(table)
    positive = classes[1]
    scored = subsets.score(model, measured, positive)
    validation = scored[0].rows
    threshold = metrics.threshold(validation, options, positive)
    decided = subsets.decide(scored, threshold, classes)
    predictions = pd.concat([subset.rows for subset in decided])
    tables.write(predictions[subsets.COLUMNS], paths.PREDICTIONS)

    tables.write(metrics.roc(validation, positive), paths.PLOTS / "roc.csv")
    curve = metrics.precision_recall(validation, positive)
    tables.write(curve, paths.PLOTS / "precision_recall.csv")
    tables.write(metrics.reliability(validation, positive), paths.PLOTS / "reliability.csv")

    train_rows = tables.subset(table, tables.TRAIN)
    gains = comparison.against_start(model, start, decided, train_rows, pixels, options)
    attributes = tables.read(paths.PEOPLE)
    figures: dict[str, dict[str, Any]] = {}
    for subset in decided:
        of_subset = attributes[attributes["set"] == subset.name]
        figures[subset.name] = {
            "train_overlap": subset.train_overlap,
            **metrics.summary(subset.rows, classes),
            "sources": metrics.by_source(subset.rows, classes),
            "people": people.error_rates(subset.rows, of_subset),
        }
        if subset.name in gains:
            figures[subset.name]["against_start"] = gains[subset.name]
    for kind in (tables.VALIDATION, subsets.EXTERNAL):
        of_kind = [subset for subset in decided if subset.kind == kind]
        inspections = [inspection.inspect(subset, model, threshold) for subset in of_kind]
        inspection.write(kind, inspections, paths.PLOTS)
        for subset, inspected in zip(of_kind, inspections, strict=True):
            figures[subset.name] |= inspected.figures

    files.write_json({"threshold": threshold, **figures}, paths.DETAILS / "evaluate.json")
    with files.replacing(paths.HEADLINES) as folder:
        for name, of_subsets in metrics.headlines(figures).items():
            files.write_json(of_subsets, folder / f"{name}.json")


if __name__ == "__main__":
    with timing.stage("evaluate", paths.TIMING):
        values = params.load(paths.PARAMS)
        scratch = values.train.start == params.SCRATCH
        evaluate(values.evaluate, paths.PUBLISHED if scratch else Path(values.train.start))
