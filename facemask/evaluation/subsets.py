"""The subsets that a model is measured on, with what it says of their images."""

from typing import NamedTuple

import keras
import pandas as pd

from facemask.model import dataset, network
from facemask.store import tables
from facemask.store.pixels import Pixels

EXTERNAL = "external"
"""The kind of every external test set, and the name of one without images."""

COLUMNS = ["split", "path", "label", "group", "row", "probability", "predicted"]
"""Of the table of predictions."""


class Subset(NamedTuple):
    """A subset, scored.

    Attributes:
        name: `validation`, `test` or that of an external test set.
        kind: `validation`, `test` or `external`.
        rows: numbered from 0, with `probability` (0-1) of the positive class.
        pixels: their images, by `row`.
        train_overlap: images that share their group with one that was trained on.
    """

    name: str
    kind: str
    rows: pd.DataFrame
    pixels: Pixels
    train_overlap: int


def score(
    model: keras.Model,
    table: pd.DataFrame,
    pixels: Pixels,
    external: pd.DataFrame,
    external_pixels: Pixels,
) -> list[Subset]:
    """Ask a model about validation, test and each external test set.

    Args:
        model: from `network.load`.
        table: rows of the collection, with `label`, `split`, `group` and `row`.
        pixels: their images.
        external: rows of the external test sets, the same.
        external_pixels: theirs.

    Returns:
        Validation first; one external subset without images where there is no external test set.
    """
    positive = tables.classes(table)[1]
    names = [(name, name, table, pixels) for name in (tables.VALIDATION, tables.TEST)]
    for name in sorted(external["split"].unique()) or [EXTERNAL]:
        names.append((name, EXTERNAL, external, external_pixels))
    trained_on = tables.subset(table, tables.TRAIN)["group"]
    found = []
    for name, kind, rows, images in names:
        own = tables.subset(rows, name)
        own["probability"] = network.predict(
            model, dataset.inference_batches(own, positive, images)
        )
        found.append(Subset(name, kind, own, images, int(own["group"].isin(trained_on).sum())))
    return found
