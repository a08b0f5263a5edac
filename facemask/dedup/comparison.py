"""Similarity of two images, even if one of them is rotated, scaled, moved or mirrored."""

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
"""Smallest cosine between the descriptors of two similar keypoints."""

TOLERANCE = 3.0
"""Largest distance in pixels between a keypoint and its aligned partner."""

INLIERS = 4
"""Smallest number of keypoints that must agree with an alignment."""

ZOOM = 2.2
"""Largest scale of an alignment. The smallest scale is its inverse."""

SHEAR = 1.7
"""Largest ratio of the two singular values of an alignment."""

OVERLAP = 0.3
"""Smallest overlap of two aligned frames, as a share of the frame."""

INNER = np.pad(np.ones((SIDE - 4, SIDE - 4), np.uint8), 2)
"""Mask of the pixels that are compared: 1 inside, 0 at the border."""

MIRRORED = np.arange(BINS).reshape(4, 4, 8)[::-1, :, -np.arange(8)].ravel()
"""Order of the bins of a SIFT descriptor (4 rows x 4 columns x 8 angles) in a mirror image."""

PAIRS = 512
"""Number of pairs in a task."""

PAIRS_AT_ONCE = 64
"""Number of pairs that are aligned together. It bounds the memory."""


def version() -> str:
    """Return a hash of the code and packages that a score depends on."""
    return code_version(sys.modules[__name__]) + fingerprinting.version()


@dataclass(frozen=True)
class _Task:
    """Pairs to score: fingerprints, and (m, 2) indices of these."""

    fingerprints: Fingerprints
    pairs: Indices


def compare_all(fingerprints: Fingerprints, pairs: Indices) -> Iterator[Floats]:
    """Compute the scores of pairs of images.

    A score is the correlation of the two aligned frames, 0-1. It is 0 if they cannot be aligned.
    It depends only on the two fingerprints and their order.

    Args:
        fingerprints: fingerprints of n images.
        pairs: (m, 2) indices of images.

    Yields:
        (`PAIRS`,) scores of the next pairs. The last array may be shorter.
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
    """Split the roots of SIFT descriptors into an even and an odd half.

    Mirroring the image keeps the even half, and changes the sign of the odd half. For two
    descriptors, the even halves and the odd halves each have a dot product. The sum of these is the
    cosine of the descriptors' roots (RootSIFT: Arandjelovic 2012). Their difference is the cosine
    with the mirror image.

    Args:
        descriptors: (..., `BINS`), 0-255.

    Returns:
        (2, ..., `BINS` / 2). The two halves together have length 1, or 0 if all bins are 0.
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
    """Alignments of n pairs of frames.

    Attributes:
        matrices: (n, 2, 3) affine matrices from the first frame to the second; 0 if they cannot be
            aligned.
        mirrored: (n,) whether the second frame must be mirrored first.
    """

    matrices: Floats
    mirrored: NDArray[np.bool_]


def _align(first: NDArray[np.void], second: NDArray[np.void]) -> _Alignments:
    """Align pairs of frames by one pair of similar keypoints each (Philbin 2007).

    With complex positions z, an alignment is z -> turn * z + shift. The positions and axes of two
    similar keypoints determine an alignment. The alignment with the most agreeing keypoints is
    returned. The second frame may be mirrored. So arrays have 2 n rows: the first n rows are for
    the plain second frames, and the other n rows are for their mirror images.
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
    """Refine an alignment by ECC (Evangelidis 2008), and return the correlation of the overlap."""
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
    share = is_shared.mean() * max(1, large * small)  # of the frame that shows less
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
    """Return the affine matrix, (2, 3), to which ECC converges, or None if it diverges."""
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
    """Return structures of 1 to 3 pixels (difference of Gaussians), without the brightness."""
    grey = np.asarray(frame, np.float32)
    fine = cv2.GaussianBlur(grey, (0, 0), 1)
    coarse = cv2.GaussianBlur(grey, (0, 0), 3)
    return fine - coarse
