"""Resized images as memory-mapped arrays, read by row number."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Pixels:
    """The images of a folder of `.npy` shards from `resize`. Only those that are indexed are read.

    Attributes:
        shape: (side, side, 3) of each image.
    """

    def __init__(self, folder: Path) -> None:
        """Map the shards of a folder, in the order of their names."""
        files = sorted(folder.glob("*.npy"))
        self._shards = [np.load(file, mmap_mode="r") for file in files]
        self._ends = np.cumsum([len(shard) for shard in self._shards])
        self.shape: tuple[int, ...] = self._shards[0].shape[1:]

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, rows: NDArray[np.int64] | Sequence[int]) -> NDArray[np.uint8]:
        """Return a copy of the images of these row numbers, (n, side, side, 3), RGB 0-255."""
        rows = np.asarray(rows, np.int64)
        images = np.empty((len(rows), *self.shape), np.uint8)
        shards = np.searchsorted(self._ends, rows, side="right")
        for number in np.unique(shards):
            shard = self._shards[number]
            start = self._ends[number] - len(shard)
            chosen = shards == number
            images[chosen] = shard[rows[chosen] - start]
        return images
