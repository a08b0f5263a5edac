"""Contact sheets of wrong predictions, and of the network's attention."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from facemask import pictures
from facemask.store.pixels import Pixels

MISTAKES = 24
"""Largest number of images on the sheet of mistakes."""

ATTENTION = 12
"""Largest number of wrong predictions, and of right ones, on the sheet of attention."""


def mistakes(name: str, rows: pd.DataFrame, pixels: Pixels) -> Image.Image:
    """Return a contact sheet of the wrong predictions, the most confident first.

    Args:
        name: of the subset.
        rows: n rows from `metrics.decide`.
        pixels: the images, by `row`.
    """
    wrong = rows[rows["label"] != rows["predicted"]]
    worst = wrong.nlargest(MISTAKES, "confidence")
    title = f"{len(wrong)} mistakes in {len(rows)} {name} images"
    if len(worst) < len(wrong):
        title += f"; the {len(worst)} most confident"
    tiles = []
    worst_images = _images(worst, pixels)
    for image, row in zip(worst_images, worst.to_dict("records"), strict=True):
        caption = [*_caption(row), row["path"]]
        tiles.append(pictures.captioned(image, caption))
    return pictures.sheet(title, tiles)


def attention(
    name: str,
    rows: pd.DataFrame,
    pixels: Pixels,
    maps: NDArray[np.float32],
) -> Image.Image:
    """Return a contact sheet of where the network looks in wrong and in right predictions.

    Args:
        name: of the subset.
        rows: n rows from `metrics.decide`, numbered from 0.
        pixels: the images, by `row`.
        maps: (n, h, w) from `grad_cam.maps`.
    """
    is_wrong = rows["label"] != rows["predicted"]
    sheets = []
    for kind, predictions in (("wrong", rows[is_wrong]), ("right", rows[~is_wrong])):
        sample = predictions.sample(min(len(predictions), ATTENTION), random_state=0)
        tiles = []
        for image, attention_map, row in zip(
            _images(sample, pixels),
            maps[sample.index.to_numpy()],
            sample.to_dict("records"),
            strict=True,
        ):
            spotlit = _spotlit(image, attention_map)
            tiles.append(pictures.captioned(spotlit, _caption(row)))
        counts = f"{len(sample)} of {len(predictions)}"
        title = f"Where the network looks: {counts} {kind} {name} predictions"
        sheets.append(pictures.sheet(title, tiles))
    return pictures.stack(sheets)


def _images(rows: pd.DataFrame, pixels: Pixels) -> list[Image.Image]:
    """Return the images of rows; there may be no row."""
    numbers = rows["row"].to_numpy()
    return [Image.fromarray(image) for image in pixels[numbers]]


def _caption(row: Mapping[Hashable, Any]) -> list[str]:
    """Return the two lines below an image: the prediction and the label."""
    return [
        f"predicted {row['predicted']} {row['confidence']:.3f}",
        f"is {row['label']}",
    ]


def _spotlit(image: Image.Image, attention: NDArray[np.float32]) -> Image.Image:
    """Return an RGB image that is dark where the map of attention is low."""
    brightest = max(attention.max(), 1e-12)
    grey = np.uint8(255 * attention / brightest)
    strength = Image.fromarray(grey).resize(image.size, Image.Resampling.BICUBIC)
    dark = image.point(lambda value: value // 5)
    return Image.composite(image, dark, strength)
