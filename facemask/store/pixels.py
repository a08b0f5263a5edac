"""Resized images in memory-mapped files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Pixels:
    """The images in a folder of `.npy` shards from `resize`. An image is read when it is indexed.

    Attributes:
        shape: shape of an image, (side, side, 3).
    """

    def __init__(self, folder: Path) -> None:
        """Open the shards in the order of their names."""
        files = sorted(folder.glob("*.npy"))
        self._shards = [np.load(file, mmap_mode="r") for file in files]
        self._ends = np.cumsum([len(shard) for shard in self._shards])
        self.shape: tuple[int, ...] = self._shards[0].shape[1:]

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, rows: NDArray[np.int64] | Sequence[int]) -> NDArray[np.uint8]:
        """Return images, uint8 (n, side, side, 3), RGB 0-255.

        Args:
            rows: (n,) row numbers of the images.
        """
        numbers = np.asarray(rows, np.int64)
        images = np.empty((len(numbers), *self.shape), np.uint8)
        shard_of_row = np.searchsorted(self._ends, numbers, side="right")
        for index in np.unique(shard_of_row):
            shard = self._shards[index]
            start = self._ends[index] - len(shard)
            is_in_shard = shard_of_row == index
            images[is_in_shard] = shard[numbers[is_in_shard] - start]
        return images
