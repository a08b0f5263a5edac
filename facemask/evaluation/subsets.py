"""The subsets that a model is measured on, and what it predicts for their images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import pandas as pd

from facemask.evaluation import metrics
from facemask.model import dataset, network
from facemask.store import tables
from facemask.store.pixels import Pixels

EXTERNAL = "external"
"""The kind of every external test set."""

COLUMNS = ["split", "path", "label", "group", "row", "probability", "predicted"]
"""Columns of the table of predictions."""


@dataclass(frozen=True)
class Subset:
    """Images that a model is measured on together. There is at least one image.

    Attributes:
        name: `validation`, `test`, or the name of an external test set.
        kind: `validation`, `test` or `external`.
        rows: with an index from 0. `score` adds `probability`; `decide` adds `predicted`.
        pixels: the images, by `row`.
        train_overlap: number of images that share their group with a training image.
    """

    name: str
    kind: str
    rows: pd.DataFrame
    pixels: Pixels
    train_overlap: int


def collect(
    table: pd.DataFrame,
    pixels: Pixels,
    external: pd.DataFrame,
    external_pixels: Pixels,
) -> list[Subset]:
    """Return the subsets that have images: validation first, then test and the external sets.

    Args:
        table: rows of the collection, with `label`, `split`, `group` and `row`.
        pixels: their images.
        external: rows of the external test sets, with the same columns.
        external_pixels: their images.
    """
    trained_on = tables.subset(table, tables.TRAIN)["group"]

    def subset(
        name: str,
        kind: str,
        rows: pd.DataFrame,
        images: Pixels,
    ) -> Subset:
        rows = tables.subset(rows, name)
        overlap = rows["group"].isin(trained_on).sum()
        return Subset(name, kind, rows, images, int(overlap))

    subsets = [
        subset(tables.VALIDATION, tables.VALIDATION, table, pixels),
        subset(tables.TEST, tables.TEST, table, pixels),
    ]
    for name in sorted(external["split"].unique()):
        subsets.append(subset(name, EXTERNAL, external, external_pixels))
    return [subset for subset in subsets if len(subset.rows)]


def score(
    model: keras.Model,
    subsets: Sequence[Subset],
    positive: str,
) -> list[Subset]:
    """Return the subsets with the `probability` (0-1) of the positive class in each row.

    Args:
        model: from `network.load`.
        subsets: from `collect`.
        positive: name of the positive class.
    """
    scored = []
    for subset in subsets:
        batches = dataset.inference_batches(subset.rows, positive, subset.pixels)
        rows = subset.rows.assign(probability=network.predict(model, batches))
        scored.append(replace(subset, rows=rows))
    return scored


def decide(
    subsets: Sequence[Subset],
    threshold: float,
    classes: Sequence[str],
) -> list[Subset]:
    """Return the subsets with `metrics.decide` applied to their rows."""
    return [
        replace(subset, rows=metrics.decide(subset.rows, threshold, classes)) for subset in subsets
    ]
