"""Measure the trained model on validation, test and the external test sets; picture its mistakes.

Run by `dvc repro evaluate`; about a minute for ten thousand images.
"""

from pathlib import Path
from typing import Any

import pandas as pd

import facemask.quiet_tensorflow  # noqa: F401, loads TensorFlow first
from facemask import files, params, timing
from facemask.evaluation import comparison, inspection, metrics, people, subsets
from facemask.evaluation.subsets import Subset
from facemask.model import network
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths


def evaluate(options: params.Evaluate, start: Path) -> None:
    """Write headline metrics, curves, every prediction, and contact sheets of the mistakes."""
    model = network.load(paths.KERAS_MODEL)
    table = tables.read(paths.SPLIT)
    pixels = Pixels(paths.RESIZED)
    classes = tables.classes(table)

    # What the model predicts.
    measured = subsets.collect(
        table,
        pixels,
        external=tables.read(paths.EXTERNAL),
        external_pixels=Pixels(paths.RESIZED_EXTERNAL),
    )
    scored = subsets.score(model, measured, classes[1])
    validation = scored[0].rows
    threshold = metrics.threshold(validation, options, classes[1])
    decided = subsets.decide(scored, threshold, classes)
    predictions = pd.concat([subset.rows for subset in decided])
    tables.write(predictions[subsets.COLUMNS], paths.PREDICTIONS)

    # How good that is.
    for name, curve in metrics.curves(validation, classes[1]).items():
        tables.write(curve, paths.PLOTS / f"{name}.csv")
    figures = {subset.name: measure(subset, classes) for subset in decided}
    gains = comparison.against_start(
        model,
        start,
        decided,
        train_rows=tables.subset(table, tables.TRAIN),
        pixels=pixels,
        options=options,
    )
    for name, gain in gains.items():
        figures[name]["against_start"] = gain

    # Where it fails.
    for kind in (tables.VALIDATION, subsets.EXTERNAL):
        of_kind = [subset for subset in decided if subset.kind == kind]
        inspections = [inspection.inspect(subset, model, threshold) for subset in of_kind]
        inspection.write(kind, inspections, paths.PLOTS)
        for subset, inspected in zip(of_kind, inspections, strict=True):
            figures[subset.name] |= inspected.figures

    files.write_json(
        {"threshold": threshold, **figures},
        paths.DETAILS / "evaluate.json",
    )
    with files.replacing(paths.HEADLINES) as folder:
        for name, values in metrics.headlines(figures).items():
            files.write_json(values, folder / f"{name}.json")


def measure(subset: Subset, classes: list[str]) -> dict[str, Any]:
    """Return the figures of a subset: of all images, by source, and by group of people."""
    attributes = tables.read(paths.PEOPLE)
    of_subset = attributes[attributes["set"] == subset.name]
    return {
        "train_overlap": subset.train_overlap,
        **metrics.summary(subset.rows, classes),
        "sources": metrics.by_source(subset.rows, classes),
        "people": people.error_rates(subset.rows, of_subset),
    }


if __name__ == "__main__":
    with timing.stage("evaluate", paths.TIMING):
        values = params.load(paths.PARAMS)
        start = paths.PUBLISHED
        if values.train.start != params.SCRATCH:
            start = Path(values.train.start)
        evaluate(values.evaluate, start)
