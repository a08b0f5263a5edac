"""Tell from pixels alone which images descend from the same picture.

Such images share local features. Each image's nearest neighbours in feature space vote for the
images that it is compared with; the correlation of the two, once aligned, decides.
"""

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from facemask.fingerprinting import SIMILAR, Floats, Indices, in_threads, mirror_halves

SAME_PICTURE = 0.83
"""Pairs of images with this score (0-1, from `compare_all`) or more show the same picture."""

DIMENSIONS, BITS = 24, 24
"""Principal components of each half of a descriptor, and length of the codes they are sorted by."""

ORDERS, WINDOW = 16, 128
"""How many such codes, and descriptors in a row that are compared: more find more, but slower."""

NEIGHBOURS, VOTES = 8, 2
"""Most images that one image proposes to be compared with, and fewest votes for each."""

LARGE = 12
"""Images in each of two groups from which on one pair alone does not merge them."""

CHUNK, BATCH = 20_000, 64
"""Descriptors, and windows, that are worked on at once: they bound the memory."""


def candidates(fingerprints: NDArray[np.void]) -> Indices:
    """Find the pairs of images that are worth comparing.

    Args:
        fingerprints: (n,) of type `FINGERPRINT`.

    Returns:
        (m, 2) indices of images, the smaller first, sorted and unique; m <= n x `NEIGHBOURS`.
    """
    count = len(fingerprints)
    with threadpool_limits(1):
        owners, halves = _reduced(fingerprints["descriptors"])
        found = in_threads(lambda seed: _search(owners, halves, seed), range(ORDERS), 1, "search")
    points, images = np.concatenate(found, axis=1)
    matches = np.sort(points * count + images)
    points, images = np.divmod(matches[np.diff(matches, prepend=-1) > 0], count)
    ends = np.sort([owners[points], images], axis=0)
    pairs, votes = np.unique(ends[0] * count + ends[1], return_counts=True)
    pairs, votes = pairs[votes >= VOTES], votes[votes >= VOTES]
    images = np.concatenate(np.divmod(pairs, count))
    order = np.lexsort((-np.tile(votes, 2), images))
    rank = np.arange(len(order)) - np.searchsorted(images[order], images[order])
    chosen = np.unique(np.tile(pairs, 2)[order[rank < NEIGHBOURS]])
    return np.stack(np.divmod(chosen, count), axis=1)


def connected(count: int, certain: Indices, likely: Indices, scores: Floats) -> Indices:
    """Group images that pairs join, directly or through others.

    One wrong pair must not weld two large groups: from `LARGE` images in each on, it takes a
    certain pair, or two likely ones that share no image.

    Args:
        count: number of images.
        certain: (c, 2) pairs of indices that are joined in any case.
        likely: (m, 2) pairs of indices, joined from the best score down to `SAME_PICTURE`.
        scores: (m,), 0-1, of the likely pairs.

    Returns:
        (count,) smallest index in the group of each image.
    """
    parents, sizes = list(range(count)), [1] * count
    order = np.lexsort((*likely.T, -scores))
    waiting = likely[order[scores[order] >= SAME_PICTURE]].tolist()
    _join(parents, sizes, certain.tolist(), count)
    while len(refused := _join(parents, sizes, waiting, LARGE)) < len(waiting):
        waiting = refused  # groups have grown since, so that two of them may now agree
    roots = [_root(parents, image) for image in range(count)]
    _, smallest, groups = np.unique(roots, return_index=True, return_inverse=True)
    return smallest[groups]


def _join(
    parents: list[int], sizes: list[int], pairs: list[list[int]], large: int
) -> list[list[int]]:
    """Join pairs in order; give those that alone would merge two groups of `large` images."""
    refused: dict[frozenset[int], list[list[int]]] = {}
    for pair in pairs:
        roots = {_root(parents, image) for image in pair}
        if len(roots) == 1:
            continue
        small, root = sorted(roots, key=lambda root: (sizes[root], root))
        others = refused.setdefault(frozenset(roots), [])
        if sizes[small] >= large and not any(set(pair).isdisjoint(other) for other in others):
            others.append(pair)
            continue
        parents[small] = root
        sizes[root] += sizes[small]
    return [pair for others in refused.values() for pair in others]


def _root(parents: list[int], image: int) -> int:
    while parents[image] != image:
        parents[image] = image = parents[parents[image]]
    return image


def _reduced(descriptors: NDArray[np.uint8]) -> tuple[Indices, Floats]:
    """Give every keypoint's image, (k + 1,), and halves by principal components, (2, k + 1, d).

    The halves have length 1 together. The last row stands for no keypoint: -1 and zeros.
    """
    owners, places = np.nonzero(descriptors.any(axis=2))
    some = slice(None, None, len(owners) // CHUNK + 1)
    sample = mirror_halves(descriptors[owners[some], places[some]])
    mean = sample[0].sum(axis=0) / max(1, sample.shape[1])
    sample[0] -= mean  # that of the odd halves is 0 already
    bases = np.linalg.eigh(sample.swapaxes(1, 2) @ sample)[1][:, :, -DIMENSIONS:]
    reduced = np.zeros((2, len(owners) + 1, DIMENSIONS), np.float32)
    for start in range(0, len(owners), CHUNK):
        part = slice(start, start + CHUNK)
        halves = mirror_halves(descriptors[owners[part], places[part]])
        halves[0] -= mean
        halves = halves @ bases
        lengths = np.sqrt((halves**2).sum(axis=(0, 2)))
        reduced[:, part][:, : len(lengths)] = halves / np.maximum(lengths, 1e-6)[:, None]
    return np.append(owners, -1), reduced


def _search(owners: Indices, halves: Floats, seed: int) -> Indices:
    """Find the nearest keypoint of another image among those close by in one order.

    They are ordered by a code of random hyperplanes' sides (Charikar 2002), most significant first
    (LSH forest: Bawa 2005). It has the even halves alone, so that it is a mirror image's too.

    Returns:
        (2, m): keypoints, and the images of their nearest ones.
    """
    directions = np.random.default_rng(seed).standard_normal((DIMENSIONS, BITS), np.float32)
    order = np.argsort((halves[0, :-1] @ directions > 0) @ (1 << np.arange(BITS)), kind="stable")
    windows = np.append(order, np.full(-len(order) % WINDOW, -1)).reshape(-1, WINDOW)
    found = [np.zeros((2, 0), np.int64)]
    for start in range(0, len(windows), BATCH):
        window = windows[start : start + BATCH]
        even, odd, images = halves[0][window], halves[1][window], owners[window]
        cosines = even @ even.swapaxes(1, 2) + np.abs(odd @ odd.swapaxes(1, 2))
        cosines[images[:, :, None] == images[:, None]] = 0
        near = cosines.max(axis=2) >= SIMILAR
        nearest = np.take_along_axis(images, cosines.argmax(axis=2), axis=1)
        found.append(np.stack([window[near], nearest[near]]))
    return np.concatenate(found, axis=1)
