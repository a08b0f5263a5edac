"""The views in which a photo is looked at for faces: its full frame and, enlarged, tiles of it.

`zooms` and `input_size` of `face_detector.json` say which; `detection` explains them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SETTINGS: dict[str, Any] = json.loads(Path(__file__).with_name("face_detector.json").read_text())
SIDE: int = SETTINGS["input_size"]

Box = tuple[int, int, int, int]
Array = NDArray[np.float64]


def levels(width: int, height: int) -> list[tuple[tuple[int, int], int]]:
    """Return the sizes that a photo is looked at in, the smallest first, and their `weight`."""
    longer = max(width, height)
    sizes = []
    for zoom in SETTINGS["zooms"]:
        if longer >= zoom["least_side"]:
            scale = SIDE * zoom["scale"] / longer
            size = max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))
            sizes.append((size, zoom["weight"]))
    return sizes


def tiles(width: int, height: int) -> Iterator[Box]:
    """Yield squares of the network's size, which overlap by half, or the one around all of it."""
    for top in _starts(height):
        for left in _starts(width):
            yield left, top, left + SIDE, top + SIDE


def _starts(length: int) -> list[int]:
    if length <= SIDE:
        return [-((SIDE - length) // 2)]
    steps = int(np.ceil(2 * (length - SIDE) / SIDE))
    return [int(step * (length - SIDE) / steps + 0.5) for step in range(steps + 1)]


def is_uncut(boxes: Array, view: Box, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which boxes are not cut by an edge of the view within the level."""
    left, top, right, bottom = boxes.T
    return np.asarray(
        ((left > view[0]) | (view[0] <= 0))
        & ((top > view[1]) | (view[1] <= 0))
        & ((right < view[2]) | (view[2] >= size[0]))
        & ((bottom < view[3]) | (view[3] >= size[1]))
    )
