"""Tell from pixels alone which images descend from the same picture.

Such images share local features. Each image's nearest neighbours in feature space vote for the
images that it is compared with; the correlation of the two, once aligned, decides.
"""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from facemask.dedup.fingerprints import (
    BINS,
    KEYPOINTS,
    SIDE,
    SIMILAR,
    Fingerprints,
    Floats,
    Indices,
    fingerprint,
    in_threads,
    mirror_halves,
)
from facemask.errors import UserError

Owners = NDArray[np.int32]
"""Of keypoints: numbers of images, or of their kinds; there may be tens of millions."""

DIMENSIONS, BITS = 24, 24
"""Principal components of each half of a descriptor, and length of the codes they are sorted by."""

ORDERS, WINDOW = 12, 128
"""How many such codes, and most descriptors of like codes that are compared: more find more, but
slower."""

NEIGHBOURS, VOTES = 8, 2
"""Most images that one image proposes to be compared with, and fewest votes for each."""

NOISE_IMAGES = 200
"""From which the components come."""

CHUNK, BATCH = 20_000, 64
"""Descriptors, and images or windows, that are worked on at once: they bound the memory."""

CODES = 12 * 2048
"""Codes that are made at once. BLAS kernels round by where in its block, of up to 12, a row lies:
with whole blocks in each part, a product in parts is the same, to the bit, as one in one piece."""


def candidates(
    fingerprints: Fingerprints, kinds: Indices | None = None, scratch: Path | None = None
) -> Indices:
    """Find the pairs of images that are worth comparing.

    Args:
        fingerprints: (n,) of type `FINGERPRINT`.
        kinds: (n,), from 0; only images of different kinds are paired; all differ if not given.
        scratch: folder for a temporary file, up to 11.5 kB an image; the system's if not given.

    Returns:
        (m, 2) indices of images, the smaller first, sorted and unique; m <= n x `NEIGHBOURS`.

    Raises:
        UserError: the disk has no room for the file.
    """
    count = len(fingerprints)
    kinds = np.append(np.arange(count) if kinds is None else kinds, -1)  # of no image
    pairs, votes = _votes(*_matches(fingerprints, kinds, scratch), count)
    images = np.concatenate(np.divmod(pairs, count))
    order = np.lexsort((-np.tile(votes, 2), images))
    rank = np.arange(len(order)) - np.searchsorted(images[order], images[order])
    chosen = np.unique(np.tile(pairs, 2)[order[rank < NEIGHBOURS]])
    return np.stack(np.divmod(chosen, count), axis=1)


def _votes(matches: Indices, owners: Owners, count: int) -> tuple[Indices, Indices]:
    """Return pairs, (p,) smaller image x `count` + larger one, sorted, and their matches, (p,)."""
    first, second = owners[matches // count], (matches % count).astype(np.int32)
    pairs = np.minimum(first, second).astype(np.int64) * count + np.maximum(first, second)
    pairs, votes = np.unique(pairs, return_counts=True)
    return pairs[votes >= VOTES], votes[votes >= VOTES]


def _matches(
    fingerprints: Fingerprints, kinds: Indices, scratch: Path | None
) -> tuple[Indices, Owners]:
    """Find each keypoint's nearest ones in any order of codes.

    Returns:
        (m,) keypoint x n + the nearest one's image, sorted and unique, and what `_reduce` returns.
    """
    matches = np.zeros(0, np.int64)
    with threadpool_limits(1), tempfile.TemporaryFile(dir=scratch) as file:
        owners = _reduce(fingerprints, file)
        of_keypoint = kinds.astype(np.int32)[owners]
        for seed in tqdm(range(ORDERS), "searches", unit="search", disable=None):
            found = _search(owners, of_keypoint, file, seed)
            packed = [points * len(fingerprints) + images for points, images in found]
            matches = np.union1d(matches, np.concatenate(packed))
    return matches, owners


def _halves(file: IO[bytes], count: int) -> Floats:
    """Map what `_reduce` wrote, (k + 1, 2, d); its pages leave the memory along with the array."""
    return np.asarray(np.memmap(file, np.float32, "r", shape=(count, 2, DIMENSIONS)))


def _reduce(fingerprints: Fingerprints, file: IO[bytes]) -> Owners:
    """Write every keypoint's halves by principal components, (k + 1, 2, d) float32, to a file.

    They have length 1 together; the last, of zeros, stands for no keypoint. Return (k + 1,) the
    image of each keypoint, and -1.
    """
    mean, bases = _components()

    def find(start: int) -> Indices:
        some = np.arange(start, min(start + BATCH, len(fingerprints)))
        found = np.flatnonzero(fingerprints[some]["descriptors"].any(axis=2))
        return start * KEYPOINTS + found

    def reduce(start: int) -> bytes:
        owners, places = np.divmod(points[start : start + CHUNK], KEYPOINTS)
        images, numbers = np.unique(owners, return_inverse=True)
        halves = mirror_halves(fingerprints[images]["descriptors"][numbers, places])
        halves[0] -= mean
        projected: Floats = halves @ bases
        projected /= np.maximum(np.sqrt((projected**2).sum(axis=(0, 2))), 1e-6)[:, None]
        return projected.swapaxes(0, 1).tobytes()

    found = in_threads(find, range(0, len(fingerprints), BATCH))
    points = np.concatenate([np.zeros(0, np.int64), *found])
    try:
        for part in in_threads(reduce, range(0, len(points), CHUNK)):
            file.write(part)
        file.write(np.zeros((2, DIMENSIONS), np.float32).tobytes())
        file.flush()
    except OSError as error:
        raise UserError(f"near-duplicates cannot be searched for: {error.strerror}") from error
    return np.append(points // KEYPOINTS, -1).astype(np.int32)


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


def _search(
    owners: Owners, kinds: Owners, file: IO[bytes], seed: int
) -> Iterator[tuple[Indices, Owners]]:
    """Find the nearest keypoint of another kind among those with a like code.

    Args:
        owners: as `_reduce` returns them.
        kinds: (k + 1,) of the owners.
        file: what `_reduce` wrote.
        seed: of the codes.

    Yields:
        (m,) keypoints, and (m,) the images of their nearest ones.
    """
    order, starts, sizes = _by_code(file, len(owners) - 1, seed)
    halves = _halves(file, len(owners))

    def search(some: Indices) -> tuple[Indices, Owners]:
        places = starts[some, None] + np.arange(sizes[some].max(initial=1))
        inside = places < (starts + sizes)[some, None]
        window = np.where(inside, order[np.minimum(places, len(order) - 1)], -1)
        near, nearest = _nearest(halves[window], kinds[window])
        return window[near], np.take_along_axis(owners[window], nearest, axis=1)[near]

    by_size = np.argsort(sizes, kind="stable")
    return in_threads(search, np.array_split(by_size, len(sizes) // BATCH + 1))


def _nearest(halves: Floats, kinds: Owners) -> tuple[NDArray[np.bool_], Indices]:
    """Find the nearest keypoint of another kind in windows of w keypoints.

    Args:
        halves: (n, w, 2, d).
        kinds: (n, w).

    Returns:
        (n, w) whether a keypoint has one that is `SIMILAR`, and (n, w) its place in the window.
    """
    even, odd = halves[:, :, 0], halves[:, :, 1]
    cosines = even @ even.swapaxes(1, 2) + np.abs(odd @ odd.swapaxes(1, 2))
    cosines[kinds[:, :, None] == kinds[:, None]] = 0
    return cosines.max(axis=2) >= SIMILAR, cosines.argmax(axis=2)


def _by_code(file: IO[bytes], count: int, seed: int) -> tuple[Indices, Indices, Indices]:
    """Sort keypoints by a code, and cut them into windows of like codes.

    The codes are random hyperplanes' sides (Charikar 2002) of the even halves alone, so that a
    mirror image has the same.

    Returns:
        (k,) keypoints in order, (w,) where each window starts, and (w,) how many it has.
    """
    directions = np.random.default_rng(seed).standard_normal((DIMENSIONS, BITS), np.float32)

    def code(start: int) -> Indices:
        even = _halves(file, count)[start : start + CODES, 0]
        sides = np.packbits(even @ directions > 0, axis=1)
        return (sides @ 256.0 ** np.arange(BITS // 8)).astype(np.int64)

    codes = np.concatenate([np.zeros(0, np.int64), *in_threads(code, range(0, count, CODES))])
    codes <<= 32
    codes |= np.arange(count)
    codes.sort()
    return codes & (1 << 32) - 1, *_windows(codes >> 32)


def _windows(codes: Indices) -> tuple[Indices, Indices]:
    """Cut sorted codes by their leading bits into windows of at most `WINDOW` (Bawa 2005).

    Windows cut by position would all be other ones after one more code.

    Returns:
        (w,) where each starts, and (w,) how many codes it has.
    """
    differing = np.frexp(codes[1:] ^ codes[:-1])[1]
    cuts = np.array([0, len(codes)])
    for bits in range(BITS, 0, -1):
        ends = np.flatnonzero(differing == bits) + 1
        sizes = np.diff(cuts)[np.searchsorted(cuts, ends, side="right") - 1]
        cuts = np.union1d(cuts, ends[sizes > WINDOW])
    parts = [np.arange(*ends, WINDOW) for ends in zip(cuts[:-1], cuts[1:], strict=True)]
    starts = np.concatenate([cuts[:0], *parts])
    return starts, np.diff(starts, append=len(codes))
