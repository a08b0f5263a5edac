"""Shards of images -> shards of pixels of the network's input size."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from facemask.data import images, shards
from facemask.files import replacing


def resize_all(raw: Path, folder: Path, size: int) -> None:
    """Write for each shard a file of its images, resized, in their order; all cores work.

    Args:
        raw: folder of shards from `shards.write`.
        folder: gets a `.npy` file for each, uint8 (n, size, size, 3), RGB 0-255.
        size: in pixels.

    Raises:
        images.BadImageError: an image cannot be decoded.
        UserError: the disk is full.
    """
    files = shards.files(raw)
    with replacing(folder) as temporary:
        temporary.mkdir()
        total = sum(map(shards.count, files))
        with (
            tqdm(desc=f"resize {raw.name}", total=total, unit="image", disable=None) as bar,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            list(pool.map(partial(_resize_shard, folder=temporary, size=size, bar=bar), files))


def _resize_shard(shard: Path, folder: Path, size: int, bar: "tqdm[Any]") -> None:
    shape = (shards.count(shard), size, size, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    # Written, not mapped: a full disk is an error here, and would be a fatal signal there.
    with (folder / f"{shard.stem}.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for group in shards.images(shard):
            for _, content in group:
                file.write(images.resize(images.open_rgb(content), size).tobytes())
            bar.update(len(group))
