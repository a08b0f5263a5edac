"""Measure the trained model on validation, test and the external test sets; picture its mistakes.

Run by `dvc repro evaluate`; about a minute for ten thousand images.
"""

from pathlib import Path
from typing import Any

import pandas as pd

import facemask.quiet_tensorflow  # noqa: F401, loads TensorFlow first
from facemask import files, params, timing
from facemask.evaluation import comparison, inspection, metrics, subsets
from facemask.files import replacing
from facemask.model import network
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths


def evaluate(options: params.Evaluate, start: str) -> None:
    """Write metrics, curves, each image's prediction and contact sheets of the worst mistakes."""
    table, external = tables.read(paths.SPLIT), tables.read(paths.EXTERNAL)
    data = table, Pixels(paths.RESIZED), external, Pixels(paths.RESIZED_EXTERNAL)
    classes, model = tables.classes(table), network.load(paths.KERAS_MODEL)
    scored = subsets.score(model, *data)
    threshold = metrics.threshold(scored[0].rows, options, classes[1])
    decided = [one._replace(rows=metrics.decide(one.rows, threshold, classes)) for one in scored]
    before = paths.PUBLISHED if start == params.SCRATCH else Path(start)
    compared = comparison.against_start(model, before, decided, data, options)

    figures: dict[str, Any] = {
        one.name: {"train_overlap": one.train_overlap}
        | metrics.summary(one.rows, classes)
        | compared.get(one.name, {})
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
        tables.write(curve(scored[0].rows, classes[1]), paths.PLOTS / f"{curve.__name__}.csv")
    tables.write(pd.concat([one.rows for one in decided])[subsets.COLUMNS], paths.PREDICTIONS)
    files.write_json({"threshold": threshold, **figures}, paths.DETAILS / "evaluate.json")
    with replacing(paths.HEADLINES) as folder:
        for name, values in metrics.headlines(figures).items():
            files.write_json(values, folder / f"{name}.json")


if __name__ == "__main__":
    with timing.stage("evaluate", paths.TIMING):
        values = params.load(paths.PARAMS)
        evaluate(values.evaluate, values.train.start)
