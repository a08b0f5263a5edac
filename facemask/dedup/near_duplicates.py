"""Tell from pixels alone which images descend from the same picture.

Such images share local features. Each image's nearest neighbours in feature space vote for the
images that it is compared with; the correlation of the two, once aligned, decides.
"""

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from facemask.dedup.fingerprints import (
    BINS,
    SIDE,
    SIMILAR,
    Floats,
    Indices,
    fingerprint,
    in_threads,
    mirror_halves,
)

SAME_PICTURE = 0.83
"""Pairs of images with this score (0-1, from `compare_all`) or more show the same picture."""

DIMENSIONS, BITS = 24, 24
"""Principal components of each half of a descriptor, and length of the codes they are sorted by."""

ORDERS, WINDOW = 12, 128
"""How many such codes, and most descriptors of like codes that are compared: more find more, but
slower."""

NEIGHBOURS, VOTES = 8, 2
"""Most images that one image proposes to be compared with, and fewest votes for each."""

LARGE = 12
"""Images in each of two groups from which on one pair alone does not merge them."""

NOISE_IMAGES = 200
"""From which the components come."""

CHUNK, BATCH = 20_000, 64
"""Descriptors, and windows, that are worked on at once: they bound the memory."""


def candidates(fingerprints: NDArray[np.void], kinds: Indices | None = None) -> Indices:
    """Find the pairs of images that are worth comparing.

    Args:
        fingerprints: (n,) of type `FINGERPRINT`.
        kinds: (n,), from 0; only images of different kinds are paired; all differ if not given.

    Returns:
        (m, 2) indices of images, the smaller first, sorted and unique; m <= n x `NEIGHBOURS`.
    """
    count = len(fingerprints)
    kinds = np.append(np.arange(count) if kinds is None else kinds, -1)  # of no image
    with threadpool_limits(1):
        owners, halves = _reduced(fingerprints["descriptors"])
        found = in_threads(
            lambda seed: _search(owners, kinds[owners], halves, seed), range(ORDERS), 1, "search"
        )
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
    mean, bases = _components()
    owners, places = np.nonzero(descriptors.any(axis=2))

    def reduce(start: int) -> Floats:
        part = slice(start, start + CHUNK)
        halves = mirror_halves(descriptors[owners[part], places[part]])
        halves[0] -= mean
        projected: Floats = halves @ bases
        projected /= np.maximum(np.sqrt((projected**2).sum(axis=(0, 2))), 1e-6)[:, None]
        return projected

    reduced = in_threads(reduce, range(0, len(owners), CHUNK), CHUNK, "descriptor")
    none = np.zeros((2, 1, DIMENSIONS), np.float32)
    return np.append(owners, -1), np.concatenate([*reduced, none], axis=1)


def _components() -> tuple[Floats, Floats]:
    """Give the mean of even halves and both halves' principal components, (2, `BINS` / 2, d).

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


def _search(owners: Indices, kinds: Indices, halves: Floats, seed: int) -> Indices:
    """Find the nearest keypoint of another kind among those with a like code.

    The codes are random hyperplanes' sides (Charikar 2002) of the even halves alone, so that a
    mirror image has the same.

    Returns:
        (2, m): keypoints, and the images of their nearest ones.
    """
    directions = np.random.default_rng(seed).standard_normal((DIMENSIONS, BITS), np.float32)
    sides = np.packbits(halves[0, :-1] @ directions > 0, axis=1)
    codes = (sides @ 256.0 ** np.arange(BITS // 8)).astype(np.int64)
    order = np.argsort(codes, kind="stable")
    starts, sizes = _windows(codes[order])
    found = [np.zeros((2, 0), np.int64)]
    for some in np.array_split(np.argsort(sizes, kind="stable"), len(sizes) // BATCH + 1):
        places = starts[some, None] + np.arange(sizes[some].max(initial=1))
        inside = places < (starts + sizes)[some, None]
        window = np.where(inside, order[np.minimum(places, len(order) - 1)], -1)
        even, odd, kind = halves[0][window], halves[1][window], kinds[window]
        cosines = even @ even.swapaxes(1, 2) + np.abs(odd @ odd.swapaxes(1, 2))
        cosines[kind[:, :, None] == kind[:, None]] = 0
        near = cosines.max(axis=2) >= SIMILAR
        nearest = np.take_along_axis(owners[window], cosines.argmax(axis=2), axis=1)
        found.append(np.stack([window[near], nearest[near]]))
    return np.concatenate(found, axis=1)


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
    starts = np.concatenate(parts)
    return starts, np.diff(starts, append=len(codes))
