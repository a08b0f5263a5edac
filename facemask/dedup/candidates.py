"""Search for pairs of images that may be near-duplicates, without comparing all pairs.

Near-duplicates share keypoints. Each keypoint gets a code that is similar for similar keypoints
(locality-sensitive hashing). All keypoints are sorted by their codes and cut into windows. In a
window, each keypoint votes for the image with the most similar keypoint. This is repeated with
other codes. The pairs of images with the most votes are candidates.

Data that grows with the number of images is in files. Each task reads or writes a part of a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facemask import parallel
from facemask.dedup.comparison import SIMILAR, Floats, mirror_halves
from facemask.dedup.fingerprints import BINS, KEYPOINTS, SIDE, Fingerprints, Indices, fingerprint
from facemask.files import scratch

DIMENSIONS = 24
"""Number of principal components of each half of a descriptor; see `mirror_halves`."""

BITS = 24
"""Number of bits in a code."""

ORDERS = 12
"""Number of times that keypoints are sorted. More find more candidates, but take longer."""

WINDOW = 128
"""Largest number of keypoints in a window. More find more candidates, but take longer."""

NEIGHBOURS = 8
"""Largest number of candidates that are kept for an image."""

VOTES = 2
"""Smallest number of votes of a candidate."""

IMAGES = 1024
"""Number of images in a task that computes principal components or codes."""

POINTS = 65_536
"""Number of keypoints in a task that compares keypoints."""

VOTERS = 16_384
"""Number of images in a task that counts votes."""

AT_ONCE = 64
"""Number of images or windows that a task handles together. It bounds the memory."""

PAIR_KEYPOINTS = 128
"""Numbers that are reserved for the keypoints of a pair, at least `KEYPOINTS` for each image."""

NOISE_IMAGES = 200
"""Number of noise images from which the principal components are computed."""

POINT_BYTES = 2 * DIMENSIONS * np.dtype(np.float32).itemsize
"""Size of a keypoint in the file `points`, in bytes."""


def candidates(
    fingerprints: Fingerprints,
    folder: Path,
    first: int = 0,
) -> Indices:
    """Return the pairs of images that may be near-duplicates.

    Args:
        fingerprints: fingerprints of n images.
        folder: folder for temporary files of up to 20 kB for each image.
        first: if not 0, return only pairs of one of the first `first` images and one of the rest.

    Returns:
        (m, 2) indices of the images, sorted and unique. The smaller index of a pair comes first. m
        is at most n x `NEIGHBOURS`.
    """
    count = len(fingerprints)
    with scratch(folder / "tmp-candidates") as files:
        _reduce_all(files, fingerprints)
        for order in range(ORDERS):
            _search_all(files, order, count, first)
        pairs = _most_votes(files, count)
    return np.stack(np.divmod(pairs, count), axis=1)


def _reduce_all(files: Path, fingerprints: Fingerprints) -> None:
    """Write the file `points` of all keypoints, float32 (n x `KEYPOINTS`, 2, `DIMENSIONS`)."""
    (files / "points").touch()
    starts = range(0, len(fingerprints), IMAGES)
    tasks = ((start, fingerprints.take(slice(start, start + IMAGES))) for start in starts)
    parallel.finish(parallel.run(partial(_reduce, files), tasks))


def _reduce(files: Path, task: tuple[int, Fingerprints]) -> None:
    """Write the principal components of the keypoints of some images to the file `points`.

    The two halves of a keypoint together have length 1, or 0 if there is no keypoint.

    BLAS works on blocks of up to 12 rows, and the position in a block affects the rounding. Each
    image has `KEYPOINTS` rows, which is a multiple of 12. So the other images do not affect its
    result.
    """
    first, fingerprints = task
    mean, bases = _components()
    with (files / "points").open("r+b") as file:
        file.seek(first * KEYPOINTS * POINT_BYTES)
        for start in range(0, len(fingerprints), AT_ONCE):
            batch = fingerprints[start : start + AT_ONCE]
            descriptors = batch["descriptors"].reshape(-1, BINS)
            halves = mirror_halves(descriptors)
            halves[0] -= mean
            projected: Floats = halves @ bases
            length = np.sqrt((projected**2).sum(axis=(0, 2)))
            projected /= np.maximum(length, 1e-6)[:, None]
            projected[:, ~descriptors.any(axis=1)] = 0
            file.write(projected.swapaxes(0, 1).tobytes())


@cache
def _components() -> tuple[Floats, Floats]:
    """Return the mean of the even halves, and the components of both halves, (2, `BINS` / 2, d).

    They are computed from noise with the spectrum of natural images (Field 1987). If they were
    computed from the images, a new image would change the candidates of all others.
    """
    frequencies = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    white = np.random.default_rng(0).standard_normal((NOISE_IMAGES, SIDE, SIDE))
    spectrum = np.fft.rfft2(white) / np.maximum(frequencies, 1 / SIDE)
    noise = np.fft.irfft2(spectrum)
    grey = np.clip(128 + 50 * noise / noise.std(), 0, 255).astype(np.uint8)

    fingerprints = [fingerprint(np.stack([image] * 3, axis=2)) for image in grey]
    descriptors = np.stack(fingerprints)["descriptors"].reshape(-1, BINS)
    halves = mirror_halves(descriptors[descriptors.any(axis=1)])
    mean = halves[0].mean(axis=0)
    halves[0] -= mean  # the mean of the odd halves is 0
    covariances = halves.swapaxes(1, 2) @ halves
    bases = np.linalg.eigh(covariances)[1]
    return mean, bases[:, :, -DIMENSIONS:]


def _search_all(files: Path, order: int, count: int, first: int) -> None:
    """Sort all keypoints by their codes, and write the matches in each window to files."""
    starts = range(0, count * KEYPOINTS, IMAGES * KEYPOINTS)
    parts = parallel.run(partial(_codes, files, order), starts)
    codes = np.concatenate([np.zeros(0, np.int32), *parts])
    points = np.argsort(codes, kind="stable")
    codes = codes[points]
    is_keypoint = codes >= 0
    (files / "sorted").write_bytes(points[is_keypoint].tobytes())

    tasks = list(_tasks(order, _windows(codes[is_keypoint])))
    searches = parallel.run(
        partial(_search, files, count, first),
        tasks,
        title=f"search {order + 1}/{ORDERS}",
        unit="task",
        total=len(tasks),
    )
    parallel.finish(searches)


def _points(files: Path) -> Floats:
    """Open the file `points` as a memory-mapped array."""
    return np.memmap(files / "points", np.float32, "r").reshape(-1, 2, DIMENSIONS)


def _codes(files: Path, order: int, start: int) -> NDArray[np.int32]:
    """Return the codes of the keypoints of some images, (k,); -1 if there is no keypoint.

    Each bit is the side of a random hyperplane on which the even half lies (Charikar 2002). A
    keypoint and its mirror image have the same even half, and so the same code.
    """
    rng = np.random.default_rng(order)
    directions = rng.standard_normal((DIMENSIONS, BITS), np.float32)
    halves = _points(files)[start : start + IMAGES * KEYPOINTS]
    sides = np.packbits(halves[:, 0] @ directions > 0, axis=1)
    codes = sides @ 256.0 ** np.arange(BITS // 8)
    codes[~halves.any(axis=(1, 2))] = -1
    return codes.astype(np.int32)


def _windows(codes: NDArray[np.int32]) -> Indices:
    """Cut sorted codes into windows of at most `WINDOW` codes with equal leading bits (Bawa 2005).

    Windows of a fixed size would all shift when an image is added.

    Args:
        codes: (k,) sorted codes.

    Returns:
        (w + 1,) indices at which the windows begin and end.
    """
    differing = np.frexp(codes[1:] ^ codes[:-1])[1]
    cuts = np.array([0, len(codes)])
    for bits in range(BITS, 0, -1):
        ends = np.flatnonzero(differing == bits) + 1
        windows = np.searchsorted(cuts, ends, side="right") - 1
        sizes = np.diff(cuts)[windows]
        cuts = np.union1d(cuts, ends[sizes > WINDOW])
    of_equal_codes = [np.arange(start, end, WINDOW) for start, end in pairwise(cuts)]
    return np.concatenate([*of_equal_codes, cuts[-1:]])


@dataclass(frozen=True)
class _Task:
    """Windows to search, and a file for their matches.

    Attributes:
        name: name of the file.
        windows: (w + 1,) indices at which the windows begin and end.
    """

    name: str
    windows: Indices


def _tasks(order: int, windows: Indices) -> Iterator[_Task]:
    """Yield tasks of consecutive windows with about `POINTS` keypoints in all."""
    starts = np.flatnonzero(np.diff(windows[:-1] // POINTS, prepend=-1))
    for number, (start, end) in enumerate(pairwise([*starts, len(windows) - 1])):
        yield _Task(
            name=f"matches-{order:02d}-{number:06d}",
            windows=windows[start : end + 1],
        )


def _search(files: Path, count: int, first: int, task: _Task) -> None:
    """Write the match of each keypoint: the most similar keypoint of another image in its window.

    Each match is stored as one int64, pair number x `PAIR_KEYPOINTS` + number of the keypoint in
    the pair. The pair number is the smaller image index x `count` + the larger image index. Matches
    are sorted and unique.

    Args:
        files: folder with the sorted keypoints.
        count: number of images.
        first: see `candidates`.
        task: the windows.
    """
    start = task.windows[0]
    end = task.windows[-1]
    points = np.memmap(files / "sorted", np.int64, "r")[start:end]
    halves = _points(files)[points]
    images, keypoints = np.divmod(points, KEYPOINTS)
    kinds = images >= first if first else images
    starts = task.windows[:-1] - start
    sizes = np.diff(task.windows)

    matches = [np.zeros(0, np.int64)]
    by_size = np.argsort(sizes, kind="stable")
    for chosen in np.array_split(by_size, len(sizes) // AT_ONCE + 1):
        window = starts[chosen, None] + np.arange(sizes[chosen].max(initial=1))
        is_inside = window < (starts + sizes)[chosen, None]
        window = np.minimum(window, len(points) - 1)
        similar, nearest = _nearest(
            halves[window] * is_inside[:, :, None, None],
            kinds[window],
        )
        ours = window[similar]
        theirs = np.take_along_axis(window, nearest, axis=1)[similar]
        image = images[ours]
        other = images[theirs]
        pair = np.minimum(image, other) * count + np.maximum(image, other)
        number = keypoints[ours] + np.where(image > other, PAIR_KEYPOINTS // 2, 0)
        matches.append(pair * PAIR_KEYPOINTS + number)
    (files / task.name).write_bytes(np.unique(np.concatenate(matches)).tobytes())


def _nearest(
    halves: Floats,
    kinds: Indices | NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], Indices]:
    """Find the most similar keypoint of another kind for each keypoint of n windows.

    Args:
        halves: (n, w, 2, d) keypoints.
        kinds: (n, w) kinds of the keypoints. Keypoints of the same kind are not compared.

    Returns:
        (n, w) whether the similarity reaches `SIMILAR`, and (n, w) indices in the window.
    """
    even = halves[:, :, 0]
    odd = halves[:, :, 1]
    cosines = even @ even.swapaxes(1, 2) + np.abs(odd @ odd.swapaxes(1, 2))
    is_same_kind = kinds[:, :, None] == kinds[:, None]
    cosines[is_same_kind] = 0
    return cosines.max(axis=2) >= SIMILAR, cosines.argmax(axis=2)


def _most_votes(files: Path, count: int) -> Indices:
    """Return the sorted numbers of the pairs with the most votes, (m,)."""
    pairs = np.zeros(0, np.int64)
    votes = np.zeros(0, np.int64)
    starts = range(0, count, VOTERS)
    counted = parallel.run(
        partial(_count_votes, files, count),
        starts,
        title="votes",
        unit="task",
        total=len(starts),
    )
    for new_pairs, new_votes in counted:
        pairs = np.append(pairs, new_pairs)
        votes = np.append(votes, new_votes)
        is_kept = _is_among_best(pairs, votes, count)
        pairs = pairs[is_kept]
        votes = votes[is_kept]
    return pairs


def _count_votes(
    files: Path,
    count: int,
    start: int,
) -> tuple[Indices, Indices]:
    """Count the votes of the pairs whose smaller image is one of `VOTERS` images from `start`.

    Returns:
        (p,) sorted numbers of the pairs with at least `VOTES` votes, and (p,) their votes.
    """
    ends = [start * count * PAIR_KEYPOINTS, (start + VOTERS) * count * PAIR_KEYPOINTS]
    parts = [np.zeros(0, np.int64)]
    for file in sorted(files.glob("matches-*")):
        if file.stat().st_size:
            stored = np.memmap(file, np.int64, "r")
            first, last = np.searchsorted(stored, ends)
            parts.append(stored[first:last])
    matches = np.unique(np.concatenate(parts))
    pairs, votes = np.unique(matches // PAIR_KEYPOINTS, return_counts=True)
    is_candidate = votes >= VOTES
    return pairs[is_candidate], votes[is_candidate]


def _is_among_best(pairs: Indices, votes: Indices, count: int) -> NDArray[np.bool_]:
    """Return whether each pair is among the `NEIGHBOURS` best pairs of one of its images, (p,).

    Args:
        pairs: (p,) sorted numbers of pairs.
        votes: (p,) votes of the pairs.
        count: number of images.
    """
    images = np.concatenate(np.divmod(pairs, count))
    order = np.lexsort((-np.tile(votes, 2), images))
    ordered = images[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    is_best = np.zeros((2, len(pairs)), bool)
    is_best.flat[order[rank < NEIGHBOURS]] = True
    return np.asarray(is_best.any(axis=0))
