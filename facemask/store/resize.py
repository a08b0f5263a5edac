"""Shards of images -> shards of pixels of the network's input size."""

from functools import partial
from pathlib import Path

import numpy as np

from facemask import parallel
from facemask.files import replacing
from facemask.store import images, shards


def resize_all(raw: Path, folder: Path, size: int) -> None:
    """Write for each shard a file of its images, resized, in their order.

    Args:
        raw: folder of shards from `shards.write`.
        folder: gets a `.npy` file for each, uint8 (n, size, size, 3), RGB 0-255.
        size: in pixels.

    Raises:
        images.BadImageError: an image cannot be decoded.
        UserError: the disk is full.
    """
    files = shards.files(raw.absolute())
    with replacing(folder) as temporary:
        temporary.mkdir()
        work = partial(_resize_shard, folder=temporary.absolute(), size=size)
        total = sum(map(shards.count, files))
        parallel.finish(parallel.run(work, files, f"resize {raw.name}", "image", total, int))


def _resize_shard(shard: Path, folder: Path, size: int) -> int:
    """Write the file of one shard, and return its number of images."""
    count = shards.count(shard)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    # Written, not mapped: a full disk is an error here, and would be a fatal signal there.
    with (folder / f"{shard.stem}.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for group in shards.images(shard):
            for _, content in group:
                file.write(images.resize(images.open_rgb(content), size).tobytes())
    return count
