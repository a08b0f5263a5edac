"""Tell from pixels alone which images descend from the same picture.

Such images share local features. Each image's nearest neighbours in feature space vote for the
images that it is compared with; the correlation of the two, once aligned, decides.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

SAME_PICTURE = 0.83
"""Pairs of images with this score (0-1) or more show the same picture."""

SIDE, KEYPOINTS, BINS = 64, 60, 128
"""Width and height of a grey frame in pixels, most keypoints of one, and length of a descriptor."""

FINGERPRINT = np.dtype(
    [
        ("frame", np.uint8, (SIDE, SIDE)),
        ("positions", np.complex64, KEYPOINTS),
        ("axes", np.complex64, KEYPOINTS),
        ("descriptors", np.uint8, (KEYPOINTS, BINS)),
    ]
)
"""What is kept of an image: its grey frame, 0-255, and of each keypoint, strongest first, x + iy
and scale x exp(i angle) in pixels of the frame, and the descriptor; zeros where there is none."""

MIRRORED = np.arange(BINS).reshape(4, 4, 8)[::-1, :, -np.arange(8)].ravel()
"""Which bin of a SIFT descriptor (4 rows x 4 columns x 8 angles) its mirror image has in each."""

SIMILAR = 0.8
"""Cosine of two descriptors from which on the keypoints may be the same."""

DIMENSIONS, BITS = 24, 24
"""Principal components of each half of a descriptor, and length of the codes they are sorted by."""

ORDERS, WINDOW = 16, 128
"""How many such codes, and descriptors in a row that are compared: more find more, but slower."""

NEIGHBOURS, VOTES = 8, 2
"""Most images that one image proposes to be compared with, and fewest votes for each."""

TOLERANCE, INLIERS = 3.0, 4
"""Pixels by which a keypoint may miss its place, and fewest keypoints that an alignment takes."""

ZOOM, SHEAR, OVERLAP = 2.2, 1.7, 0.3
"""Limits of an alignment: its singular values, their ratio, and the common part of the frame."""

INNER = np.pad(np.ones((SIDE - 4, SIDE - 4), np.uint8), 2)
"""1 where a pixel is far enough from the border to be compared."""

LARGE = 12
"""Images in each of two groups from which on one pair alone does not merge them."""

CHUNK, BATCH = 20_000, 64
"""Descriptors, and pairs or windows, that are worked on at once: they bound the memory."""


def fingerprint(image: NDArray[np.uint8]) -> NDArray[np.void]:
    """Describe an image by its grey frame and SIFT keypoints (Lowe 2004).

    Args:
        image: RGB, (height, width, 3), 0-255, of any size from 1 x 1.

    Returns:
        () of type `FINGERPRINT`, without keypoints for an image without structure.

    Raises:
        cv2.error: `image` is of another shape or type.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    frame = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT.create(KEYPOINTS, contrastThreshold=0.01, edgeThreshold=15)  # also faint ones
    points, descriptors = sift.detectAndCompute(frame, None)
    strongest = np.argsort([-point.response for point in points], kind="stable")[:KEYPOINTS]
    found = np.zeros((), FINGERPRINT)
    found["frame"] = frame
    for place, index in enumerate(strongest):
        point = points[index]
        found["positions"][place] = complex(*point.pt)
        found["axes"][place] = point.size * np.exp(1j * np.radians(point.angle))
        found["descriptors"][place] = descriptors[index]
    return found


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
        found = _in_threads(lambda seed: _search(owners, halves, seed), range(ORDERS), 1, "search")
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


def compare_all(fingerprints: NDArray[np.void], pairs: Indices) -> Floats:
    """Score pairs of images; a score depends on the two fingerprints and their order only.

    Args:
        fingerprints: (n,) of type `FINGERPRINT`.
        pairs: (m, 2) indices of images.

    Returns:
        (m,) correlations of the aligned frames, 0-1; 0 for what cannot be aligned.
    """

    def compare(start: int) -> Floats:
        first, second = fingerprints[pairs[start : start + BATCH]].T
        matrices, mirrored = _alignments(first, second)
        scores = np.zeros(len(first), np.float32)
        for place in np.flatnonzero(matrices.any(axis=(1, 2))):
            frame = second["frame"][place]
            frame = frame[:, ::-1].copy() if mirrored[place] else frame
            scores[place] = _correlation(first["frame"][place], frame, matrices[place])
        return scores

    with threadpool_limits(1):
        scores = _in_threads(compare, range(0, len(pairs), BATCH), BATCH, "pair")
    return np.concatenate([np.zeros(0, np.float32), *scores])


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
    waiting: dict[frozenset[int], list[list[int]]] = {}
    order = np.lexsort((*likely.T, -scores))
    joins = likely[order[scores[order] >= SAME_PICTURE]].tolist()
    for number, pair in enumerate(certain.tolist() + joins):
        ends = sorted((sizes[root], root) for root in {_root(parents, image) for image in pair})
        if len(ends) == 1:
            continue
        if number >= len(certain) and ends[0][0] >= LARGE:
            others = waiting.setdefault(frozenset(root for _, root in ends), [])
            others.append(pair)
            if not any(set(pair).isdisjoint(other) for other in others):
                continue
        (size, small), (_, large) = ends
        parents[small] = large
        sizes[large] += size
    roots = [_root(parents, image) for image in range(count)]
    _, smallest, groups = np.unique(roots, return_index=True, return_inverse=True)
    return smallest[groups]


def _root(parents: list[int], image: int) -> int:
    while parents[image] != image:
        parents[image] = image = parents[parents[image]]
    return image


def _in_threads(
    work: Callable[[int], NDArray[Any]], items: range, size: int, unit: str
) -> list[NDArray[Any]]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(work, items)
        return list(tqdm(done, f"{unit}s", len(items), unit=unit, unit_scale=size, disable=None))


def _halves(descriptors: NDArray[np.uint8]) -> Floats:
    """Split descriptors into what a mirror leaves as it is and what it negates.

    The dot products of the two halves add up to the cosine of two descriptors' roots (RootSIFT:
    Arandjelovic 2012); their difference is the cosine with the other's mirror image.

    Returns:
        (2, ..., `BINS` / 2), of length 1 together; 0 for a descriptor of zeros.
    """
    sums = np.maximum(descriptors.sum(axis=-1, keepdims=True, dtype=np.float32), 1)
    roots = np.sqrt(descriptors / (2 * sums), dtype=np.float32)
    plain, mirrored = roots[..., : BINS // 2], roots[..., MIRRORED[: BINS // 2]]
    return np.stack([plain + mirrored, plain - mirrored])


def _reduced(descriptors: NDArray[np.uint8]) -> tuple[Indices, Floats]:
    """Give every keypoint's image, (k + 1,), and halves by principal components, (2, k + 1, d).

    The halves have length 1 together. The last row stands for no keypoint: -1 and zeros.
    """
    owners, places = np.nonzero(descriptors.any(axis=2))
    some = slice(None, None, len(owners) // CHUNK + 1)
    sample = _halves(descriptors[owners[some], places[some]])
    mean = sample[0].sum(axis=0) / max(1, sample.shape[1])
    sample[0] -= mean  # that of the odd halves is 0 already
    bases = np.linalg.eigh(sample.swapaxes(1, 2) @ sample)[1][:, :, -DIMENSIONS:]
    reduced = np.zeros((2, len(owners) + 1, DIMENSIONS), np.float32)
    for start in range(0, len(owners), CHUNK):
        part = slice(start, start + CHUNK)
        halves = _halves(descriptors[owners[part], places[part]])
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


def _alignments(
    first: NDArray[np.void], second: NDArray[np.void]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Align pairs of frames, each by the best single correspondence (Philbin 2007).

    Two similar keypoints give a similarity z -> turn z + shift by their positions, scales and
    angles alone; the one that most others agree with is taken.

    Returns:
        (n, 2, 3) matrices from the first frame to the second, 0 where fewer than `INLIERS` agree;
        (n,) whether the second is to be mirrored before.
    """
    products = _halves(first["descriptors"]) @ _halves(second["descriptors"]).swapaxes(2, 3)
    cosines = np.concatenate([products[0] + products[1], products[0] - products[1]])
    similar, nearest = cosines.max(axis=2) >= SIMILAR, cosines.argmax(axis=2)
    places = np.concatenate([second["positions"], SIDE - 1 - second["positions"].conj()])
    axes = np.concatenate([second["axes"], -second["axes"].conj()])
    sources, targets = np.tile(first["positions"], (2, 1)), np.take_along_axis(places, nearest, 1)
    ratios = first["axes"].conj() / np.maximum(np.abs(first["axes"]) ** 2, np.float32(1e-6))
    turns = np.take_along_axis(axes, nearest, axis=1) * np.tile(ratios, (2, 1))
    shifts = targets - turns * sources
    misses = turns[:, :, None] * sources[:, None] + (shifts[:, :, None] - targets[:, None])
    agreeing = ((np.abs(misses) < TOLERANCE) & similar[:, None]).sum(axis=2)
    agreeing *= similar & (np.abs(turns) < ZOOM) & (np.abs(turns) > 1 / ZOOM)
    plain, mirror = agreeing.max(axis=1).reshape(2, -1)
    row = np.arange(len(first)) + np.where(mirror > plain, len(first), 0)
    best = row, agreeing.argmax(axis=1)[row]
    turn, shift = turns[best], shifts[best]
    parts = [turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag]
    matrices = np.stack(parts, axis=1).reshape(-1, 2, 3)
    return matrices * (agreeing[best] >= INLIERS)[:, None, None], mirror > plain


def _correlation(first: NDArray[np.uint8], second: NDArray[np.uint8], matrix: Floats) -> float:
    """Refine an alignment (ECC: Evangelidis 2008) and correlate the frames where they overlap."""
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 1e-3)
    try:
        affine = cv2.findTransformECC(first, second, matrix, cv2.MOTION_AFFINE, stop)[1]
    except cv2.error as error:
        if error.code != cv2.Error.StsNoConv:
            raise
        return 0.0
    large, small = np.linalg.svd(affine[:, :2], compute_uv=False)
    if large > min(ZOOM, SHEAR * small) or small < 1 / ZOOM:
        return 0.0
    inside = INNER > 0
    inside &= cv2.warpAffine(INNER, affine, (SIDE, SIDE), flags=cv2.WARP_INVERSE_MAP) > 0
    if inside.mean() < OVERLAP:
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(second, affine, (SIDE, SIDE), None, flags, cv2.BORDER_REPLICATE)
    ours, theirs = _details(first)[inside], _details(warped)[inside]
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    energy = (ours @ ours) * (theirs @ theirs)
    return float(np.clip(ours @ theirs / np.sqrt(energy + 1e-6), 0, 1))


def _details(frame: cv2.typing.MatLike) -> cv2.typing.MatLike:
    """Leave what is 1 to 3 pixels large (difference of Gaussians), whatever the brightness."""
    grey = np.asarray(frame, np.float32)
    return cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 3)
