"""Random pictures for tests and benchmarks that need many unrelated pictures."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def generated(count: int, side: int = 128) -> Iterator[NDArray[np.uint8]]:
    """Yield unrelated pictures, (side, side, 3), RGB 0-255."""
    return (drawn(number, side) for number in range(count))


def drawn(number: int, side: int) -> NDArray[np.uint8]:
    """Draw one picture: the sum of noise at five scales."""
    rng = np.random.default_rng(number)
    picture = np.zeros((side, side, 3))
    for cells in (3, 6, 12, 24, 48):
        noise = Image.fromarray(rng.integers(0, 255, (cells, cells, 3), dtype=np.uint8))
        picture += np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC)) / cells
    scaled: NDArray[np.uint8] = (255 * picture / picture.max()).astype(np.uint8)
    return scaled
