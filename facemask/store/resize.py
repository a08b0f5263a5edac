"""Resizing of all images to the network's input size."""

from functools import partial
from pathlib import Path

import numpy as np

from facemask import parallel
from facemask.files import replacing
from facemask.store import images, shards


def resize_all(raw: Path, folder: Path, size: int) -> None:
    """Write a `.npy` file of the resized images of each shard, in the same order.

    Args:
        raw: folder with shards from `shards.write`.
        folder: folder for the `.npy` files, uint8 (n, size, size, 3), RGB 0-255.
        size: side of the resized images in pixels.

    Raises:
        images.BadImageError: an image cannot be decoded.
    """
    files = shards.files(raw.absolute())
    with replacing(folder) as temporary:
        temporary.mkdir()
        counts = parallel.run(
            partial(_resize_shard, folder=temporary.absolute(), size=size),
            files,
            title=f"resize {raw.name}",
            unit="image",
            total=sum(shards.count(file) for file in files),
            units=int,
        )
        parallel.finish(counts)


def _resize_shard(shard: Path, folder: Path, size: int) -> int:
    """Write the resized images of a shard, and return their number.

    The file is not memory-mapped, because a full disk would then kill the process.
    """
    count = shards.count(shard)
    header = {
        "descr": "|u1",
        "fortran_order": False,
        "shape": (count, size, size, 3),
    }
    with (folder / f"{shard.stem}.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for row_group in shards.images(shard):
            for _, content in row_group:
                image = images.resize(images.open_rgb(content), size)
                file.write(image.tobytes())
    return count
