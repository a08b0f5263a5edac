"""Tell from pixels alone which images descend from the same picture.

Such images share local features. Each image's nearest neighbours in feature space vote for the
images that it is compared with; the correlation of the two, once aligned, decides.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facemask import parallel
from facemask.cache import Records
from facemask.dedup.fingerprints import KEYPOINTS, SIMILAR, Floats, Indices
from facemask.dedup.keypoints import BITS, IMAGES, POINT, PREFIX, between, reduce, slice_of, sort
from facemask.files import scratch

ORDERS, WINDOW = 12, 128
"""How many orders of codes, and most descriptors of like codes that are compared: more find more,
but slower."""

NEIGHBOURS, VOTES = 8, 2
"""Most images that one image proposes to be compared with, and fewest votes for each."""

TASK, BATCH = 65_536, 64
"""Descriptors of a task, where codes tell them apart, and windows that are worked on at once: they
bound the memory of a worker."""

VOTERS = 16_384
"""Images whose votes a task counts."""

PLACES = 128
"""Numbers for a keypoint in a pair of images: `KEYPOINTS` of either."""


def candidates(fingerprints: Records, folder: Path, first: int = 0) -> Indices:
    """Find the pairs of images that are worth comparing.

    Args:
        fingerprints: (n,) of type `FINGERPRINT`.
        folder: gets temporary files, up to 30 kB an image.
        first: if given, only pairs of one of so many first images with one of the others.

    Returns:
        (m, 2) indices of images, the smaller first, sorted and unique; m <= n x `NEIGHBOURS`.

    Raises:
        UserError: the disk has no room for the files.
    """
    count, pruned = len(fingerprints), 0
    pairs = votes = np.zeros(0, np.int64)
    with scratch(folder / "tmp-candidates") as files:
        _search_all(files, fingerprints, first)
        starts = range(0, count, VOTERS)
        counted = parallel.run(
            partial(_count_votes, files, count), starts, "votes", "task", len(starts)
        )
        for found in counted:
            pairs, votes = np.append(pairs, found[0]), np.append(votes, found[1])
            if len(pairs) > 2 * pruned:  # so that what no image keeps is never all in the memory
                kept = _foremost(pairs, votes, count)
                pairs, votes, pruned = pairs[kept], votes[kept], int(kept.sum())
    if len(pairs) > pruned:
        pairs = pairs[_foremost(pairs, votes, count)]
    return np.stack(np.divmod(pairs, count), axis=1)


def _search_all(files: Path, fingerprints: Records, first: int) -> None:
    """Write files of matches, as `_search` does, of all orders."""
    count = len(fingerprints)
    parts = (
        (number, fingerprints.part(slice(start, start + IMAGES)))
        for number, start in enumerate(range(0, count, IMAGES))
    )
    numbers = [*parallel.run(partial(reduce, files), parts)]
    for order in range(ORDERS):
        counts: Indices = np.zeros(1 << PREFIX, np.int64)
        counts += sum(parallel.run(partial(sort, files, order), numbers))
        tasks = [(order, number, cuts) for number, cuts in enumerate(_tasks(counts))]
        search = partial(_search, files, count, first)
        title = f"search {order + 1}/{ORDERS}"
        parallel.finish(parallel.run(search, tasks, title, "task", len(tasks)))


def _tasks(counts: Indices) -> Iterator[Indices]:
    """Cut the range of codes into tasks, between codes where windows would be cut too.

    Args:
        counts: (2 ** `PREFIX`,) descriptors by the beginning of their codes.

    Yields:
        (c + 1,) codes between which a task has c parts, each with all codes that begin alike.
    """
    before = np.append(0, np.cumsum(counts))
    cuts = np.array([0, 1 << PREFIX])
    for _ in range(PREFIX):
        large = np.flatnonzero((np.diff(before[cuts]) > TASK) & (np.diff(cuts) > 1))
        cuts = np.union1d(cuts, (cuts[large] + cuts[large + 1]) // 2)
    of_task = before[cuts[:-1]] // TASK
    starts = np.flatnonzero(np.diff(of_task, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(cuts) - 1], strict=True):
        yield cuts[start : end + 1] << BITS - PREFIX


def _search(files: Path, count: int, first: int, task: tuple[int, int, Indices]) -> None:
    """Find the nearest keypoint in another image among those with a like code.

    Args:
        files: folder with the sorted files; gets the matches, int64 (m,), sorted and unique: the
            smaller image x `count` + the larger one, x `PLACES` + which of their keypoints it is.
        count: of the images.
        first: see `candidates`.
        task: number of the order, of the task in it, and the codes from `_tasks`.
    """
    order, number, cuts = task
    keys, halves = between(files, int(cuts[0]), int(cuts[-1]))
    owners, places = np.divmod(keys & (1 << POINT) - 1, KEYPOINTS)
    kinds = owners >= first if first else owners
    codes = keys >> POINT
    starts, sizes = _windows(codes, np.searchsorted(codes, cuts))
    by_size, found = np.argsort(sizes, kind="stable"), [np.zeros(0, np.int64)]
    for some in np.array_split(by_size, len(sizes) // BATCH + 1):
        window = starts[some, None] + np.arange(sizes[some].max(initial=1))
        inside = window < (starts + sizes)[some, None]
        window = np.minimum(window, len(keys) - 1)
        near, nearest = _nearest(halves[window] * inside[:, :, None, None], kinds[window])
        points = window[near]
        others = owners[np.take_along_axis(window, nearest, axis=1)[near]]
        smaller, larger = np.minimum(owners[points], others), np.maximum(owners[points], others)
        which = places[points] + np.where(owners[points] > others, PLACES // 2, 0)
        found.append((smaller * count + larger) * PLACES + which)
    matches = np.unique(np.concatenate(found))
    (files / f"matches-{order:02d}-{number:06d}").write_bytes(matches.tobytes())


def _count_votes(files: Path, count: int, start: int) -> tuple[Indices, Indices]:
    """Count the keypoints that match in pairs whose smaller image is one of `VOTERS`.

    Returns:
        (p,) smaller image x `count` + larger one, sorted, with `VOTES` or more, and these, (p,).
    """
    ends = start * count * PLACES, (start + VOTERS) * count * PLACES
    parts = [slice_of(file, *ends)[0] for file in sorted(files.glob("matches-*"))]
    matches = np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))
    pairs, votes = np.unique(matches // PLACES, return_counts=True)
    return pairs[votes >= VOTES], votes[votes >= VOTES]


def _foremost(pairs: Indices, votes: Indices, count: int) -> NDArray[np.bool_]:
    """Return which pairs are among the `NEIGHBOURS` of most votes of one of their images.

    Args:
        pairs: (p,) smaller image x `count` + larger one, sorted.
        votes: (p,) of each.
        count: of the images.
    """
    images = np.concatenate(np.divmod(pairs, count))
    order = np.lexsort((-np.tile(votes, 2), images))
    rank = np.arange(len(order)) - np.searchsorted(images[order], images[order])
    foremost = np.zeros((2, len(pairs)), bool)
    foremost.flat[order[rank < NEIGHBOURS]] = True
    return np.asarray(foremost.any(axis=0))


def _nearest(
    halves: Floats, kinds: Indices | NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], Indices]:
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


def _windows(codes: Indices, cuts: Indices) -> tuple[Indices, Indices]:
    """Cut sorted codes by their leading bits into windows of at most `WINDOW` (Bawa 2005).

    Windows cut by position would all be other ones after one more code.

    Args:
        codes: (k,).
        cuts: (c,) places where they are cut anyway, 0 and k among them.

    Returns:
        (w,) where each starts, and (w,) how many codes it has.
    """
    differing = np.frexp(codes[1:] ^ codes[:-1])[1]
    cuts = np.unique(cuts)
    for bits in range(BITS, 0, -1):
        ends = np.flatnonzero(differing == bits) + 1
        sizes = np.diff(cuts)[np.searchsorted(cuts, ends, side="right") - 1]
        cuts = np.union1d(cuts, ends[sizes > WINDOW])
    parts = [np.arange(*ends, WINDOW) for ends in zip(cuts[:-1], cuts[1:], strict=True)]
    starts = np.concatenate([cuts[:0], *parts])
    return starts, np.diff(starts, append=len(codes))
