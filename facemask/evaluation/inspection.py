"""Inspect the predictions of a model on a subset: robustness, attention, mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import pandas as pd
from PIL import Image

from facemask import pictures
from facemask.evaluation import grad_cam, mistake_sheets, robustness
from facemask.evaluation.subsets import Subset
from facemask.store import tables


@dataclass(frozen=True)
class Inspection:
    """What `inspect` returns.

    Attributes:
        figures: `attention_in_lower_half` and `flip_rate`, for `details/evaluate.json`.
        confusion: a row for each image: subset, actual, predicted.
        robustness: a row for each change of the images: subset, change, flip_rate.
        mistakes: contact sheet of the wrong predictions.
        attention: contact sheet of where the network looks.
    """

    figures: dict[str, Any]
    confusion: pd.DataFrame
    robustness: pd.DataFrame
    mistakes: Image.Image
    attention: Image.Image


def inspect(
    subset: Subset,
    model: keras.Model,
    threshold: float,
) -> Inspection:
    """Inspect the predictions of a model on a subset.

    Args:
        subset: from `subsets.decide`.
        model: from `network.load`.
        threshold: probability from which the positive class is predicted.
    """
    rows = subset.rows
    numbers = rows["row"].to_numpy()
    maps = grad_cam.maps(model, numbers, subset.pixels)
    flip_rates = robustness.flip_rates(
        lambda images: model.predict_on_batch(images)[:, 0],
        numbers,
        subset.pixels,
        is_positive=(rows["probability"] >= threshold).to_numpy(),
        threshold=threshold,
    )
    lower_half = grad_cam.lower_half(maps)
    confusion = rows[["label", "predicted"]].rename(columns={"label": "actual"})
    flips = pd.DataFrame({"change": flip_rates.keys(), "flip_rate": flip_rates.values()})
    return Inspection(
        figures={"attention_in_lower_half": lower_half, "flip_rate": flip_rates},
        confusion=confusion.assign(subset=subset.name),
        robustness=flips.assign(subset=subset.name),
        mistakes=mistake_sheets.mistakes(subset.name, rows, subset.pixels),
        attention=mistake_sheets.attention(
            subset.name,
            rows,
            subset.pixels,
            maps,
        ),
    )


def write(
    kind: str,
    inspections: Sequence[Inspection],
    folder: Path,
) -> None:
    """Write the tables and contact sheets of all subsets of a kind.

    Args:
        kind: of the subsets; the names of the files begin with it.
        inspections: of the subsets; may be empty.
        folder: for the files.
    """
    confusion = [inspection.confusion for inspection in inspections]
    flips = [inspection.robustness for inspection in inspections]
    mistakes = [inspection.mistakes for inspection in inspections]
    attention = [inspection.attention for inspection in inspections]
    if not inspections:
        nothing = pictures.sheet(f"No {kind} images", [])
        confusion = [pd.DataFrame(columns=["actual", "predicted", "subset"])]
        flips = [pd.DataFrame(columns=["change", "flip_rate", "subset"])]
        mistakes = [nothing]
        attention = [nothing]
    tables.write(pd.concat(confusion), folder / f"{kind}_confusion.csv")
    tables.write(pd.concat(flips), folder / f"{kind}_robustness.csv")
    pictures.write(pictures.stack(mistakes), folder / f"{kind}_mistakes.png")
    pictures.write(pictures.stack(attention), folder / f"{kind}_attention.png")
