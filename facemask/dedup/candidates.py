"""Find the pairs of images that are worth comparing, without comparing all of them.

Images of one picture share keypoints. All keypoints are sorted by random codes several times.
Similar keypoints then often lie in the same window of the order. In each window, each keypoint
votes for the image with the nearest keypoint. The pairs with most votes are candidates.

Files hold what grows with the collection. Tasks read and write parts of these files.
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
"""Principal components of each half of a descriptor."""

BITS = 24
"""Length of the codes by which keypoints are sorted."""

ORDERS = 12
"""How often keypoints are sorted, each time by other codes. More orders find more, but slower."""

WINDOW = 128
"""Most keypoints in a window. Larger windows find more, but slower."""

NEIGHBOURS = 8
"""Most candidates that each image proposes."""

VOTES = 2
"""Fewest votes of a candidate."""

IMAGES = 1024
"""Images in a task that reduces their keypoints."""

POINTS = 65_536
"""Keypoints in a task that compares them."""

VOTERS = 16_384
"""Images in a task that counts their votes."""

AT_ONCE = 64
"""Images, and windows, that a task works on together. It bounds the memory."""

PLACES = 128
"""Numbers for the keypoints of a pair of images, at least `KEYPOINTS` for each image."""

NOISE_IMAGES = 200
"""Images of noise whose keypoints give the principal components."""

POINT_BYTES = 2 * DIMENSIONS * np.dtype(np.float32).itemsize
"""Bytes of a keypoint in the file `points`."""


def candidates(
    fingerprints: Fingerprints,
    folder: Path,
    first: int = 0,
) -> Indices:
    """Find the pairs of images that are worth comparing.

    Args:
        fingerprints: n images.
        folder: gets temporary files, up to 20 kB an image.
        first: if not 0, each pair has one of the first `first` images and one of the others.

    Returns:
        (m, 2) indices of images, the smaller first, sorted and unique; m <= n x `NEIGHBOURS`.
    """
    count = len(fingerprints)
    with scratch(folder / "tmp-candidates") as files:
        _reduce_all(files, fingerprints)
        for order in range(ORDERS):
            _search_all(files, order, count, first)
        pairs = _most_votes(files, count)
    return np.stack(np.divmod(pairs, count), axis=1)


def _reduce_all(files: Path, fingerprints: Fingerprints) -> None:
    """Write the file `points`, float32 (n x `KEYPOINTS`, 2, `DIMENSIONS`)."""
    (files / "points").touch()
    starts = range(0, len(fingerprints), IMAGES)
    tasks = ((start, fingerprints.take(slice(start, start + IMAGES))) for start in starts)
    parallel.finish(parallel.run(partial(_reduce, files), tasks))


def _reduce(files: Path, task: tuple[int, Fingerprints]) -> None:
    """Write the principal components of the descriptors of a task's images.

    The two halves of a descriptor together have length 1, or 0 where there is no keypoint.

    BLAS rounds by a row's place in its block of up to 12 rows. Each image has `KEYPOINTS` rows, a
    multiple of 12. So its result does not depend on the other images, not even in the last bit.
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
    """Return the mean of even halves, and principal components of both, (2, `BINS` / 2, d).

    They come from noise with the spectrum of natural images (Field 1987). If they came from the
    collection, a new image would change what all the others are compared with.
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
    halves[0] -= mean  # the mean of the odd halves is 0 already
    covariances = halves.swapaxes(1, 2) @ halves
    bases = np.linalg.eigh(covariances)[1]
    return mean, bases[:, :, -DIMENSIONS:]


def _search_all(files: Path, order: int, count: int, first: int) -> None:
    """Sort all keypoints by a code, and write files of the matches in windows of the order."""
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
    """Map the file `points`."""
    return np.memmap(files / "points", np.float32, "r").reshape(-1, 2, DIMENSIONS)


def _codes(files: Path, order: int, start: int) -> NDArray[np.int32]:
    """Return the codes of the keypoints of a task, (k,); -1 where there is none.

    Each bit says on which side of a random hyperplane (Charikar 2002) the even half lies. So a
    keypoint and its mirror image have the same code.
    """
    rng = np.random.default_rng(order)
    directions = rng.standard_normal((DIMENSIONS, BITS), np.float32)
    halves = _points(files)[start : start + IMAGES * KEYPOINTS]
    sides = np.packbits(halves[:, 0] @ directions > 0, axis=1)
    codes = sides @ 256.0 ** np.arange(BITS // 8)
    codes[~halves.any(axis=(1, 2))] = -1
    return codes.astype(np.int32)


def _windows(codes: NDArray[np.int32]) -> Indices:
    """Cut sorted codes by their leading bits into windows of at most `WINDOW` (Bawa 2005).

    Windows of equal size would all move with each new code.

    Args:
        codes: (k,).

    Returns:
        (w + 1,) where the windows begin and end.
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
    """Windows of an order.

    Attributes:
        name: of the file that gets the matches.
        windows: (w + 1,), where the windows begin and end.
    """

    name: str
    windows: Indices


def _tasks(order: int, windows: Indices) -> Iterator[_Task]:
    """Give consecutive windows with about `POINTS` keypoints to a task."""
    starts = np.flatnonzero(np.diff(windows[:-1] // POINTS, prepend=-1))
    for number, (start, end) in enumerate(pairwise([*starts, len(windows) - 1])):
        yield _Task(
            name=f"matches-{order:02d}-{number:06d}",
            windows=windows[start : end + 1],
        )


def _search(files: Path, count: int, first: int, task: _Task) -> None:
    """Write the matches of keypoints in windows: the nearest keypoint of another image.

    A match is an int64: the number of a pair of images, x `PLACES`, + the number of the keypoint in
    the pair. The number of a pair is the smaller image, x `count`, + the larger image. Matches are
    sorted and unique.

    Args:
        files: folder with the sorted keypoints.
        count: number of images.
        first: as in `candidates`.
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
        place = keypoints[ours] + np.where(image > other, PLACES // 2, 0)
        matches.append(pair * PLACES + place)
    (files / task.name).write_bytes(np.unique(np.concatenate(matches)).tobytes())


def _nearest(
    halves: Floats,
    kinds: Indices | NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], Indices]:
    """Find the nearest keypoint of another kind in windows of w keypoints.

    Args:
        halves: (n, w, 2, d).
        kinds: (n, w).

    Returns:
        (n, w) whether a keypoint has a `SIMILAR` keypoint; (n, w) the place of the nearest.
    """
    even = halves[:, :, 0]
    odd = halves[:, :, 1]
    cosines = even @ even.swapaxes(1, 2) + np.abs(odd @ odd.swapaxes(1, 2))
    is_same_kind = kinds[:, :, None] == kinds[:, None]
    cosines[is_same_kind] = 0
    return cosines.max(axis=2) >= SIMILAR, cosines.argmax(axis=2)


def _most_votes(files: Path, count: int) -> Indices:
    """Return the numbers of the pairs with most votes, (m,), sorted."""
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
        foremost = _foremost(pairs, votes, count)
        pairs = pairs[foremost]
        votes = votes[foremost]
    return pairs


def _count_votes(
    files: Path,
    count: int,
    start: int,
) -> tuple[Indices, Indices]:
    """Count the keypoints that match in pairs whose smaller image is among `VOTERS`.

    Returns:
        (p,) numbers of the pairs with at least `VOTES` votes, sorted; (p,) their votes.
    """
    ends = [start * count * PLACES, (start + VOTERS) * count * PLACES]
    parts = [np.zeros(0, np.int64)]
    for file in sorted(files.glob("matches-*")):
        if file.stat().st_size:
            stored = np.memmap(file, np.int64, "r")
            first, last = np.searchsorted(stored, ends)
            parts.append(stored[first:last])
    matches = np.unique(np.concatenate(parts))
    pairs, votes = np.unique(matches // PLACES, return_counts=True)
    is_candidate = votes >= VOTES
    return pairs[is_candidate], votes[is_candidate]


def _foremost(pairs: Indices, votes: Indices, count: int) -> NDArray[np.bool_]:
    """Tell which pairs are among the `NEIGHBOURS` pairs with most votes of one of their images.

    Args:
        pairs: (p,) numbers of pairs, sorted.
        votes: (p,) of each.
        count: number of images.
    """
    images = np.concatenate(np.divmod(pairs, count))
    order = np.lexsort((-np.tile(votes, 2), images))
    ordered = images[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    is_foremost = np.zeros((2, len(pairs)), bool)
    is_foremost.flat[order[rank < NEIGHBOURS]] = True
    return np.asarray(is_foremost.any(axis=0))
