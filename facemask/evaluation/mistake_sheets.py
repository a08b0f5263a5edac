"""Contact sheets of wrong predictions, and of where the network looks."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from facemask import pictures
from facemask.store.pixels import Pixels

OF_DECISION = 12
"""Most images shown of wrong and of right predictions in `attention`."""


def mistakes(name: str, rows: pd.DataFrame, pixels: Pixels, most: int) -> Image.Image:
    """Show the wrong predictions, the most confident first.

    Args:
        name: of the subset.
        rows: n rows from `metrics.decide`, with `confidence`.
        pixels: the images, by `row`.
        most: how many are shown.
    """
    wrong = rows[rows["label"] != rows["predicted"]]
    worst = wrong.nlargest(most, "confidence")
    title = f"{len(wrong)} mistakes in {len(rows)} {name} images"
    if len(worst) < len(wrong):
        title += f"; the {len(worst)} most confident"
    tiles = [
        pictures.captioned(image, [*_caption(row), row["path"]])
        for image, row in zip(_images(worst, pixels), worst.to_dict("records"), strict=True)
    ]
    return pictures.sheet(title, tiles)


def attention(
    name: str, rows: pd.DataFrame, pixels: Pixels, maps: NDArray[np.float32]
) -> Image.Image:
    """Show where the network looked in some wrong and some right predictions.

    Args:
        name: of the subset.
        rows: n rows from `metrics.decide`, numbered from 0, with `confidence`.
        pixels: the images, by `row`.
        maps: (n, h, w) from `grad_cam.maps`.
    """
    wrong = rows["label"] != rows["predicted"]
    sheets = []
    for kind, those in (("wrong", rows[wrong]), ("right", rows[~wrong])):
        some = those.sample(min(len(those), OF_DECISION), random_state=0)
        tiles = [
            pictures.captioned(_spotlit(image, maps[number]), _caption(row))
            for image, number, row in zip(
                _images(some, pixels), some.index, some.to_dict("records"), strict=True
            )
        ]
        title = f"Where the network looks: {len(some)} of {len(those)} {kind} {name} predictions"
        sheets.append(pictures.sheet(title, tiles))
    return pictures.stack(sheets)


def _images(rows: pd.DataFrame, pixels: Pixels) -> list[Image.Image]:
    return [Image.fromarray(image) for image in pixels[rows["row"].to_numpy()]]


def _caption(row: Mapping[Hashable, Any]) -> list[str]:
    return [f"says {row['predicted']} {row['confidence']:.3f}", f"is {row['label']}"]


def _spotlit(image: Image.Image, attention: NDArray[np.float32]) -> Image.Image:
    """Darken an RGB picture where it has little attention."""
    strength = Image.fromarray(np.uint8(255 * attention / max(attention.max(), 1e-12)))
    strength = strength.resize(image.size, Image.Resampling.BICUBIC)
    dark = image.point(lambda value: value // 5)
    return Image.composite(image, dark, strength)
