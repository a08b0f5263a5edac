"""Measure the trained model on validation, test and the external test sets; picture its mistakes.

Run by `dvc repro evaluate`; about a minute for ten thousand images.
"""

from typing import Any

import pandas as pd

from facemask import params, report, timing
from facemask.data import tables
from facemask.data.pixels import Pixels
from facemask.evaluation import inspection, metrics, subsets
from facemask.files import replacing
from facemask.model import network
from stages import paths


def evaluate(options: params.Evaluate) -> None:
    """Write metrics, curves, each image's prediction and contact sheets of the worst mistakes."""
    table, external = tables.read(paths.SPLIT), tables.read(paths.EXTERNAL)
    pixels, external_pixels = Pixels(paths.RESIZED), Pixels(paths.RESIZED_EXTERNAL)
    classes, model = tables.classes(table), network.load(paths.KERAS_MODEL)
    scored = subsets.score(model, table, pixels, external, external_pixels)
    validation = scored[0].rows
    threshold = metrics.threshold(validation, options, classes[1])
    decided = [one._replace(rows=metrics.decide(one.rows, threshold, classes)) for one in scored]

    figures: dict[str, Any] = {
        one.name: {"train_overlap": one.train_overlap} | metrics.summary(one.rows, classes)
        for one in decided
        if len(one.rows)
    }
    for kind in (tables.VALIDATION, subsets.EXTERNAL):
        seen = {
            one.name: inspection.inspect(one, model, threshold, options.worst_mistakes)
            for one in decided
            if one.kind == kind
        }
        inspection.write(kind, list(seen.values()), paths.PLOTS)
        for name in figures.keys() & seen.keys():
            figures[name] |= seen[name].figures
    for curve in (metrics.roc, metrics.precision_recall, metrics.reliability):
        tables.write(curve(validation, classes[1]), paths.PLOTS / f"{curve.__name__}.csv")
    predictions = pd.concat([one.rows for one in decided])
    tables.write(predictions[subsets.COLUMNS], paths.PREDICTIONS)
    report.write_json({"threshold": threshold, **figures}, paths.DETAILS / "evaluate.json")
    with replacing(paths.METRICS) as folder:
        for name, values in metrics.headlines(figures).items():
            report.write_json(values, folder / f"{name}.json")


if __name__ == "__main__":
    with timing.stage("evaluate", paths.TIMING):
        evaluate(params.load(paths.PARAMS).evaluate)
