"""A model beside the one that its training started from: was the training worth it?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facemask import params
from facemask.evaluation import metrics, subsets
from facemask.model import calibration, network
from facemask.store import signature, tables
from facemask.store.pixels import Pixels


def against_start(
    model: keras.Model,
    path: Path,
    decided: Sequence[subsets.Subset],
    data: tuple[pd.DataFrame, Pixels, pd.DataFrame, Pixels],
    options: params.Evaluate,
) -> dict[str, dict[str, Any]]:
    """Measure the start on the images that a model was measured on.

    Images that the start itself was trained on are left out. Both models choose their threshold the
    same way; a start with the classes the other way round is turned.

    Args:
        model: the trained one.
        path: of the start, a `.keras` file.
        decided: the subsets with what the model predicts, from `metrics.decide`.
        data: as `subsets.score` takes it.
        options: of the threshold.

    Returns:
        By subset, under `against_start`: start, images (that both are compared on), accuracy (of
        the start), difference (of the model's accuracy, minus it) and its interval_95. Empty where
        the file is not there or its network takes images of another size; without the subsets that
        the start has seen whole.

    Raises:
        UserError: the file cannot be read.
    """
    if not path.exists():  # the published model, which a project may have deleted
        return {}
    start, seen = network.read_start(path), signature.read(str(path))
    if start.input_shape != model.input_shape:
        return {}
    table, pixels = data[:2]
    classes = tables.classes(table)
    calibration.turn_if_reversed(start, tables.subset(table, tables.TRAIN), classes[1], pixels)
    scored = subsets.score(start, *data)
    threshold = metrics.threshold(scored[0].rows, options, classes[1])
    found = {}
    for old, new in zip(scored, decided, strict=True):
        unseen = ~_is_known(old, seen)
        rows = metrics.decide(old.rows, threshold, classes)[unseen]
        if rows.empty:
            continue
        right = rows["predicted"] == rows["label"]
        change = (new.rows["predicted"] == new.rows["label"])[unseen].astype(int) - right
        found[new.name] = {
            "against_start": {
                "start": str(path),
                "images": len(rows),
                "accuracy": float(right.mean()),
                "difference": float(change.mean()),
                "interval_95": metrics.difference_interval(change, rows["group"]),
            }
        }
    return found


def _is_known(subset: subsets.Subset, seen: signature.Hashes) -> NDArray[np.bool_]:
    """Tell which images of a subset, (n,), are among those of a signature."""
    if not len(seen):
        return np.zeros(len(subset.rows), bool)
    numbers = subset.rows["row"].to_numpy()
    return signature.known(signature.hashed(numbers, subset.pixels.__getitem__), seen)
