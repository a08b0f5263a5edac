"""Files of images -> files of the network's input size."""

import hashlib
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import PIL
from tqdm import tqdm

from facemask import images
from facemask.cache import Cache
from facemask.files import code_version, reuse


def resize_all(files: Sequence[Path], folder: Path, size: int, *, before: Path, memo: Path) -> None:
    """Write `NAME.png`, `size` x `size` pixels, for each file, on all cores.

    Args:
        files: decodable images, named by their SHA-256.
        folder: where the results go.
        size: in pixels.
        before: the same folder of an earlier run, if there is one: its results are linked where the
            memo knows them and they are still what was written.
        memo: file of what earlier runs found out.

    Raises:
        images.BadImageError: a file cannot be decoded.
    """
    known = Cache(memo, "resize", f"{code_version(sys.modules[__name__], images, PIL)} {size}")
    written = known.recall(file.name for file in files)

    def resize_one(file: Path) -> bytes:
        name = f"{file.name}.png"
        old = before / name
        if file.name in written and old.is_file() and _digest(old) == written[file.name]:
            reuse(old, folder / name)
            return written[file.name]
        images.resize(images.open_rgb(file), size).save(folder / name)
        return _digest(folder / name)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = tqdm(pool.map(resize_one, files), "resize", len(files), unit="image", disable=None)
        known.keep(dict(zip((file.name for file in files), done, strict=True)))


def _digest(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()
