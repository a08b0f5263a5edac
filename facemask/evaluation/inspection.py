"""What there is to know of a model on one subset: numbers, tables and contact sheets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import pandas as pd
from PIL import Image

from facemask import pictures
from facemask.evaluation import grad_cam, mistake_sheets, robustness
from facemask.evaluation.subsets import Subset
from facemask.store import tables


class Inspection(NamedTuple):
    """What `inspect` found out about a subset.

    Attributes:
        figures: numbers by name; empty without images.
        confusion: a row an image: subset, actual, predicted.
        robustness: a row a change: subset, change, flip_rate.
        mistakes: contact sheet of the wrong predictions.
        attention: contact sheet of where the network looks.
    """

    figures: dict[str, Any]
    confusion: pd.DataFrame
    robustness: pd.DataFrame
    mistakes: Image.Image
    attention: Image.Image


def inspect(subset: Subset, model: keras.Model, threshold: float, most: int) -> Inspection:
    """Look at the predictions of a model on a subset.

    Args:
        subset: with `predicted` in its rows, from `metrics.decide`.
        model: from `network.load`.
        threshold: probability from which the positive class is predicted.
        most: mistakes that are shown.
    """
    rows, name = subset.rows, subset.name
    numbers = rows["row"].to_numpy()
    maps = grad_cam.maps(model, numbers, subset.pixels)
    flip_rates = robustness.flip_rates(
        lambda shown: model.predict_on_batch(shown)[:, 0],
        numbers,
        subset.pixels,
        (rows["probability"] >= threshold).to_numpy(),
        threshold,
    )
    actual = rows[["label", "predicted"]].rename(columns={"label": "actual"})
    flips = pd.DataFrame({"change": flip_rates.keys(), "flip_rate": flip_rates.values()})
    return Inspection(
        {"attention_in_lower_half": grad_cam.lower_half(maps), "flip_rate": flip_rates},
        actual.assign(subset=name),
        flips.assign(subset=name),
        mistake_sheets.mistakes(name, rows, subset.pixels, most),
        mistake_sheets.attention(name, rows, subset.pixels, maps),
    )


def write(kind: str, inspections: Sequence[Inspection], folder: Path) -> None:
    """Write the tables and contact sheets of the subsets of a kind, one below the other."""
    for name in ("confusion", "robustness"):
        parts = [getattr(inspection, name) for inspection in inspections]
        tables.write(pd.concat(parts), folder / f"{kind}_{name}.csv")
    for name in ("mistakes", "attention"):
        sheets = [getattr(inspection, name) for inspection in inspections]
        pictures.write(pictures.stack(sheets), folder / f"{kind}_{name}.png")
