"""Compare the model with its start: the model that its training started from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facemask import params
from facemask.evaluation import metrics, subsets
from facemask.evaluation.subsets import Subset
from facemask.model import calibration, network
from facemask.store import signature, tables
from facemask.store.pixels import Pixels


def against_start(
    model: keras.Model,
    path: Path,
    decided: Sequence[Subset],
    train_rows: pd.DataFrame,
    pixels: Pixels,
    options: params.Evaluate,
) -> dict[str, dict[str, Any]]:
    """Compare the accuracy of the model with that of its start, on the same images.

    Images that the start was trained on are left out. The threshold of each model is chosen in the
    same way. If the start has the classes in reverse order, its output is reversed first.

    Args:
        model: the trained model.
        path: the start, a `.keras` file.
        decided: the subsets with the model's predictions, validation first.
        train_rows: rows that the model was trained on. They show the order of the start's classes.
        pixels: images of `train_rows`.
        options: say how the threshold is chosen.

    Returns:
        By subset: `start` (the path), `images` (their number), `accuracy` (of the start),
        `difference` (accuracy of the model minus that of the start) and its `interval_95`. A subset
        is left out if the start was trained on all its images. The result is empty if the start
        takes images of another size.

    Raises:
        UserError: the file cannot be read.
    """
    start = network.read_start(path)
    known = signature.read(str(path))
    if start.input_shape != model.input_shape:
        return {}
    classes = tables.classes(train_rows)
    calibration.swap_classes_if_reversed(start, train_rows, classes[1], pixels)
    scored = subsets.score(start, decided, classes[1])
    threshold = metrics.threshold(scored[0].rows, options, classes[1])
    decided_before = subsets.decide(scored, threshold, classes)
    compared = {}
    for subset, before in zip(decided, decided_before, strict=True):
        unseen = ~_is_known(subset, known)
        if unseen.any():
            figures = _compare(subset.rows[unseen], before.rows[unseen])
            compared[subset.name] = {"start": str(path), **figures}
    return compared


def _compare(rows: pd.DataFrame, before: pd.DataFrame) -> dict[str, Any]:
    """Compare two models' decisions about the same images."""
    label = rows["label"]
    right = (rows["predicted"] == label).astype(int)
    right_before = (before["predicted"] == label).astype(int)
    change = right - right_before
    return {
        "images": len(rows),
        "accuracy": float(right_before.mean()),
        "difference": float(change.mean()),
        "interval_95": metrics.difference_interval(change, rows["group"]),
    }


def _is_known(subset: Subset, known: signature.Hashes) -> NDArray[np.bool_]:
    """Return for each image of a subset, (n,), whether its hash is known."""
    if not known.size:
        return np.zeros(len(subset.rows), bool)
    numbers = subset.rows["row"].to_numpy()
    hashes = signature.hashed(numbers, subset.pixels.__getitem__)
    return signature.known(hashes, known)
