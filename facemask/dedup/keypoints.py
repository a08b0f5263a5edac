"""Keypoints of images -> sorted files of them, so that like ones lie side by side in each.

A file holds those of some images, whatever the size of the collection; whoever needs those of like
codes reads a slice of each file (an external merge sort). So no process holds all of them.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from facemask.cache import Records
from facemask.dedup.fingerprints import (
    BINS,
    KEYPOINTS,
    SIDE,
    Floats,
    Indices,
    fingerprint,
    mirror_halves,
)

DIMENSIONS, BITS = 24, 24
"""Principal components of each half of a descriptor, and length of the codes they are sorted by."""

PREFIX = 14
"""Leading bits of a code by which keypoints are counted."""

POINT = 38
"""Bits of a key behind the code: number of the image x `KEYPOINTS` + place of the keypoint."""

NOISE_IMAGES = 200
"""From which the components come."""

IMAGES, BATCH = 1024, 64
"""Images of a file, and those that are worked on at once."""


def reduce(folder: Path, task: tuple[int, Records]) -> int:
    """Write the halves of some images' descriptors by principal components.

    They have length 1 together, 0 where there is no keypoint. BLAS kernels round by where in its
    block, of up to 12, a row lies: as an image always has `KEYPOINTS` rows, a multiple of it, what
    is computed of one is the same, to the bit, whatever the others are.

    Args:
        folder: gets the file, float32 (n x `KEYPOINTS`, 2, `DIMENSIONS`).
        task: number of the file, and (n,) fingerprints.

    Returns:
        The number of the file.
    """
    number, fingerprints = task
    mean, bases = _components()
    with _file(folder, "halves", number).open("wb") as file:
        for start in range(0, len(fingerprints), BATCH):
            descriptors = fingerprints[start : start + BATCH]["descriptors"].reshape(-1, BINS)
            halves = mirror_halves(descriptors)
            halves[0] -= mean
            projected: Floats = halves @ bases
            projected /= np.maximum(np.sqrt((projected**2).sum(axis=(0, 2))), 1e-6)[:, None]
            projected[:, ~descriptors.any(axis=1)] = 0
            file.write(projected.swapaxes(0, 1).tobytes())
    return number


def sort(folder: Path, order: int, number: int) -> NDArray[np.int32]:
    """Sort the keypoints of a file from `reduce` by a code.

    The codes are random hyperplanes' sides (Charikar 2002) of the even halves alone, so that a
    mirror image has the same.

    Args:
        folder: gets two files: keys, int64 (k,), a code before `POINT` bits, and their halves.
        order: seed of the codes.
        number: of the file.

    Returns:
        (2 ** `PREFIX`,) how many keypoints have a code that begins so.
    """
    directions = np.random.default_rng(order).standard_normal((DIMENSIONS, BITS), np.float32)
    halves = np.fromfile(_file(folder, "halves", number), np.float32)
    halves = halves.reshape(-1, 2, DIMENSIONS)
    sides = np.packbits(halves[:, 0] @ directions > 0, axis=1)
    codes = (sides @ 256.0 ** np.arange(BITS // 8)).astype(np.int64)
    keys = (codes << POINT) + number * IMAGES * KEYPOINTS + np.arange(len(codes))
    there = np.flatnonzero(halves.any(axis=(1, 2)))
    there = there[np.argsort(keys[there])]
    _file(folder, "keys", number).write_bytes(keys[there].tobytes())
    _file(folder, "sorted", number).write_bytes(halves[there].tobytes())
    return np.bincount(codes[there] >> BITS - PREFIX, minlength=1 << PREFIX).astype(np.int32)


def between(folder: Path, first: int, end: int) -> tuple[Indices, Floats]:
    """Return all keypoints whose codes lie between two, sorted.

    Args:
        folder: with the files from `sort`.
        first: the least code.
        end: the code after the largest.

    Returns:
        (k,) keys, and (k, 2, `DIMENSIONS`) halves.
    """
    keys: list[Indices] = [np.zeros(0, np.int64)]
    halves: list[Floats] = [np.zeros(0, np.float32)]
    for file in sorted(folder.glob("keys-*")):
        some, start = slice_of(file, first << POINT, end << POINT)
        keys.append(some)
        width = 2 * DIMENSIONS
        of_keys = file.with_name(file.name.replace("keys", "sorted"))
        halves.append(_read(of_keys, np.float32, start * width, len(some) * width))
    found = np.concatenate(keys)
    order = np.argsort(found)
    return found[order], np.concatenate(halves).reshape(-1, 2, DIMENSIONS)[order]


def slice_of(file: Path, first: int, end: int) -> tuple[Indices, int]:
    """Return what lies from `first` to below `end` in a sorted file of int64, and where it is."""
    if not file.stat().st_size:
        return np.zeros(0, np.int64), 0
    start, stop = np.searchsorted(np.memmap(file, np.int64, "r"), [first, end])
    return _read(file, np.int64, int(start), int(stop - start)), int(start)


def _read(file: Path, dtype: DTypeLike, start: int, count: int) -> Any:
    return np.fromfile(file, dtype, count, offset=start * np.dtype(dtype).itemsize)


def _file(folder: Path, kind: str, number: int) -> Path:
    return folder / f"{kind}-{number:06d}"


@cache
def _components() -> tuple[Floats, Floats]:
    """Return the mean of even halves, and principal components of both, (2, `BINS` / 2, d).

    They are those of noise with the spectrum of natural images (Field 1987), not of the images at
    hand: an image that is added must not change what all the others are compared with.
    """
    frequencies = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    noise = np.random.default_rng(0).standard_normal((NOISE_IMAGES, SIDE, SIDE))
    noise = np.fft.irfft2(np.fft.rfft2(noise) / np.maximum(frequencies, 1 / SIDE))
    noise = np.clip(128 + 50 * noise / noise.std(), 0, 255).astype(np.uint8)
    found = np.stack([fingerprint(np.stack([image] * 3, axis=2)) for image in noise])
    descriptors = found["descriptors"].reshape(-1, BINS)
    sample = mirror_halves(descriptors[descriptors.any(axis=1)])
    mean = sample[0].mean(axis=0)
    sample[0] -= mean  # that of the odd halves is 0 already
    return mean, np.linalg.eigh(sample.swapaxes(1, 2) @ sample)[1][:, :, -DIMENSIONS:]
