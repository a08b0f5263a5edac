"""How alike two pictures are, however one of them is turned, zoomed, moved or mirrored."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facemask import parallel
from facemask.dedup import fingerprints as fingerprinting
from facemask.dedup.fingerprints import BINS, SIDE, Fingerprints, Indices
from facemask.files import code_version

Floats = NDArray[np.float32]
Frame = NDArray[np.uint8]

SIMILAR = 0.8
"""Least cosine of the descriptors of two keypoints that may be the same."""

TOLERANCE = 3.0
"""Largest distance in pixels between a keypoint and where an alignment puts it."""

INLIERS = 4
"""Fewest keypoints that must agree with an alignment."""

ZOOM = 2.2
"""Largest singular value of an alignment; its inverse is the smallest."""

SHEAR = 1.7
"""Largest ratio of an alignment's singular values."""

OVERLAP = 0.3
"""Least share of the frame that two aligned pictures both show."""

INNER = np.pad(np.ones((SIDE - 4, SIDE - 4), np.uint8), 2)
"""1 where a pixel is far enough from the border to be compared."""

MIRRORED = np.arange(BINS).reshape(4, 4, 8)[::-1, :, -np.arange(8)].ravel()
"""Bins of a SIFT descriptor (4 rows x 4 columns x 8 angles) in the order of its mirror image."""

PAIRS = 512
"""Pairs in a task."""

PAIRS_AT_ONCE = 64
"""Pairs that are aligned together. It bounds the memory."""


def version() -> str:
    """Return a hash of the code and packages that a score depends on."""
    return code_version(sys.modules[__name__]) + fingerprinting.version()


@dataclass(frozen=True)
class _Task:
    """Fingerprints, and (m, 2) pairs of them by their indices."""

    fingerprints: Fingerprints
    pairs: Indices


def compare_all(fingerprints: Fingerprints, pairs: Indices) -> Iterator[Floats]:
    """Score pairs of images.

    A score depends only on the two fingerprints and their order.

    Args:
        fingerprints: n images.
        pairs: (m, 2) indices of images.

    Yields:
        Scores of the next `PAIRS` pairs, or fewer at the end: the correlation of the aligned
        frames, 0-1; 0 for a pair that cannot be aligned.
    """

    def tasks() -> Iterator[_Task]:
        for start in range(0, len(pairs), PAIRS):
            chosen, local = np.unique(pairs[start : start + PAIRS], return_inverse=True)
            yield _Task(fingerprints.take(chosen), local.reshape(-1, 2))

    return parallel.run(
        _compare,
        tasks(),
        title="pairs",
        unit="pair",
        total=len(pairs),
        units=len,
    )


def _compare(task: _Task) -> Floats:
    """Return the scores of a task's pairs."""
    scores = [np.zeros(0, np.float32)]
    for start in range(0, len(task.pairs), PAIRS_AT_ONCE):
        batch = task.pairs[start : start + PAIRS_AT_ONCE]
        chosen, local = np.unique(batch, return_inverse=True)
        pairs = task.fingerprints[chosen][local.reshape(-1, 2)]
        scores.append(_scores(pairs[:, 0], pairs[:, 1]))
    return np.concatenate(scores)


def _scores(first: NDArray[np.void], second: NDArray[np.void]) -> Floats:
    """Return the scores of pairs of fingerprints, (n,)."""
    alignments = _align(first, second)
    scores = np.zeros(len(first), np.float32)
    for index in np.flatnonzero(alignments.matrices.any(axis=(1, 2))):
        frame = second["frame"][index]
        if alignments.mirrored[index]:
            frame = frame[:, ::-1].copy()
        scores[index] = _correlation(
            first["frame"][index],
            frame,
            alignments.matrices[index],
        )
    return scores


def mirror_halves(descriptors: NDArray[np.uint8]) -> Floats:
    """Split SIFT descriptors into an even half, which a mirror keeps, and an odd, which it negates.

    The dot products of the two halves add up to the cosine of two descriptors' roots (RootSIFT:
    Arandjelovic 2012). Their difference is the cosine with the mirror image.

    Args:
        descriptors: (..., `BINS`), 0-255.

    Returns:
        (2, ..., `BINS` / 2). Both halves together have length 1, or 0 for a descriptor of zeros.
    """
    sums = np.maximum(
        descriptors.sum(
            axis=-1,
            keepdims=True,
            dtype=np.float32,
        ),
        1,
    )
    roots = np.sqrt(descriptors / (2 * sums), dtype=np.float32)
    plain = roots[..., : BINS // 2]
    mirrored = roots[..., MIRRORED[: BINS // 2]]
    return np.stack([plain + mirrored, plain - mirrored])


@dataclass(frozen=True)
class _Alignments:
    """How n pairs of frames are aligned.

    Attributes:
        matrices: (n, 2, 3), from the first frame to the second; 0 where they cannot be aligned.
        mirrored: (n,), whether to mirror the second frame before.
    """

    matrices: Floats
    mirrored: NDArray[np.bool_]


def _align(first: NDArray[np.void], second: NDArray[np.void]) -> _Alignments:
    """Align pairs of frames, each by the best single correspondence (Philbin 2007).

    Two similar keypoints give a similarity z -> turn z + shift by their positions and axes alone.
    The similarity that most other keypoints agree with is taken. All arrays first have the n plain
    second frames and then their n mirror images.
    """
    count = len(first)
    first_halves = mirror_halves(first["descriptors"])
    second_halves = mirror_halves(second["descriptors"])
    even, odd = first_halves @ second_halves.swapaxes(2, 3)
    cosines = np.concatenate([even + odd, even - odd])
    similar = cosines.max(axis=2) >= SIMILAR
    nearest = cosines.argmax(axis=2)

    mirrored_positions = SIDE - 1 - second["positions"].conj()
    positions = np.concatenate([second["positions"], mirrored_positions])
    axes = np.concatenate([second["axes"], -second["axes"].conj()])
    sources = np.tile(first["positions"], (2, 1))
    targets = np.take_along_axis(positions, nearest, axis=1)
    squares = np.abs(first["axes"]) ** 2
    inverses = first["axes"].conj() / np.maximum(squares, np.float32(1e-6))
    turns = np.take_along_axis(axes, nearest, axis=1) * np.tile(inverses, (2, 1))
    shifts = targets - turns * sources

    misses = turns[:, :, None] * sources[:, None] + (shifts[:, :, None] - targets[:, None])
    agrees = (np.abs(misses) < TOLERANCE) & similar[:, None]
    zooms = np.abs(turns)
    is_possible = similar & (zooms < ZOOM) & (zooms > 1 / ZOOM)
    agreeing = agrees.sum(axis=2) * is_possible
    most = agreeing.max(axis=1)
    mirrored = most[count:] > most[:count]

    rows = np.arange(count) + np.where(mirrored, count, 0)
    best = agreeing.argmax(axis=1)[rows]
    turn = turns[rows, best]
    shift = shifts[rows, best]
    upper = np.stack([turn.real, -turn.imag, shift.real], axis=1)
    lower = np.stack([turn.imag, turn.real, shift.imag], axis=1)
    matrices = np.stack([upper, lower], axis=1)
    is_aligned = agreeing[rows, best] >= INLIERS
    return _Alignments(matrices * is_aligned[:, None, None], mirrored)


def _correlation(first: Frame, second: Frame, matrix: Floats) -> float:
    """Refine an alignment (ECC: Evangelidis 2008) and correlate the frames where they overlap."""
    affine = _refined(first, second, matrix)
    if affine is None:
        return 0.0
    large, small = np.linalg.svd(affine[:, :2], compute_uv=False)
    if large > min(ZOOM, SHEAR * small) or small < 1 / ZOOM:
        return 0.0
    warped_inner = cv2.warpAffine(
        INNER,
        affine,
        (SIDE, SIDE),
        flags=cv2.WARP_INVERSE_MAP,
    )
    is_shared = (INNER > 0) & (warped_inner > 0)
    share = is_shared.mean() * max(1, large * small)  # of the picture that shows less
    if share < OVERLAP:
        return 0.0
    warped = cv2.warpAffine(
        second,
        affine,
        (SIDE, SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    details = _details(first)[is_shared]
    other = _details(warped)[is_shared]
    details = details - details.mean()
    other = other - other.mean()
    energy = (details @ details) * (other @ other)
    correlation = details @ other / np.sqrt(energy + 1e-6)
    return float(np.clip(correlation, 0, 1))


def _refined(first: Frame, second: Frame, matrix: Floats) -> Any:
    """Return the affine matrix to which ECC converges from another, (2, 3), or None."""
    steps = 10
    accuracy = 1e-3
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, steps, accuracy)
    try:
        return cv2.findTransformECC(
            first,
            second,
            matrix,
            cv2.MOTION_AFFINE,
            stop,
        )[1]
    except cv2.error as error:
        if error.code != cv2.Error.StsNoConv:
            raise
        return None


def _details(frame: cv2.typing.MatLike) -> cv2.typing.MatLike:
    """Return structures of 1 to 3 pixels (difference of Gaussians), whatever the brightness."""
    grey = np.asarray(frame, np.float32)
    fine = cv2.GaussianBlur(grey, (0, 0), 1)
    coarse = cv2.GaussianBlur(grey, (0, 0), 3)
    return fine - coarse
