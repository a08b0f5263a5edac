"""Measure the trained model on validation, test and the external test sets, and show its mistakes.

Run by `dvc repro evaluate`; takes about a minute for ten thousand images.
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
    """Write the metrics, curves and predictions, and contact sheets of the mistakes.

    Args:
        options: determines the threshold.
        start: `.keras` file of the model to compare with.
    """
    model = network.load(paths.KERAS_MODEL)
    table = tables.read(paths.SPLIT)
    pixels = Pixels(paths.RESIZED)
    classes = tables.classes(table)
    positive = classes[1]

    # Predict the class of each image.
    measured = subsets.collect(
        table,
        pixels,
        external=tables.read(paths.EXTERNAL),
        external_pixels=Pixels(paths.RESIZED_EXTERNAL),
    )
    scored = subsets.score(model, measured, positive)
    validation = scored[0].rows
    threshold = metrics.threshold(validation, options, positive)
    decided = subsets.decide(scored, threshold, classes)
    predictions = pd.concat([subset.rows for subset in decided])
    predictions = predictions[subsets.COLUMNS]
    tables.write(predictions, paths.PREDICTIONS)

    # Measure how good the predictions are.
    for name, curve in metrics.curves(validation, positive).items():
        tables.write(curve, paths.PLOTS / f"{name}.csv")
    figures = {}
    for subset in decided:
        figures[subset.name] = measure(subset, classes)

    # Compare with the model in `start`, on images that neither of the two was trained on.
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

    # Show where the model fails.
    for kind in (tables.VALIDATION, subsets.EXTERNAL):
        inspections = []
        for subset in decided:
            if subset.kind == kind:
                inspected = inspection.inspect(subset, model, threshold)
                inspections.append(inspected)
                figures[subset.name] |= inspected.figures
        inspection.write(kind, inspections, paths.PLOTS)

    # Write all figures to `details/`, and the most important ones to `metrics/`.
    details = {"threshold": threshold, **figures}
    files.write_json(details, paths.DETAILS / "evaluate.json")
    headlines = metrics.headlines(figures)
    with files.replacing(paths.HEADLINES) as folder:
        for name, values in headlines.items():
            files.write_json(values, folder / f"{name}.json")


def measure(subset: Subset, classes: list[str]) -> dict[str, Any]:
    """Return the figures of a subset: in total, by source, and by attributes of people.

    Args:
        subset: with predictions, from `subsets.decide`.
        classes: names of the two classes.

    Returns:
        A section of `details/evaluate.json`.
    """
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
        start = Path(values.train.start)
        if values.train.start == params.SCRATCH:
            start = paths.PUBLISHED
        evaluate(values.evaluate, start)
