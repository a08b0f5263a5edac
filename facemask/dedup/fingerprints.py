"""Fingerprints of images, and how alike two pictures are, however turned, zoomed or mirrored."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from facemask import parallel
from facemask.cache import Records

cv2.setNumThreads(1)  # images are spread over threads as it is

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

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

TOLERANCE, INLIERS = 3.0, 4
"""Pixels by which a keypoint may miss its place, and fewest keypoints that an alignment takes."""

ZOOM, SHEAR, OVERLAP = 2.2, 1.7, 0.3
"""Limits of an alignment: its singular values, their ratio, and the common part of the frame."""

INNER = np.pad(np.ones((SIDE - 4, SIDE - 4), np.uint8), 2)
"""1 where a pixel is far enough from the border to be compared."""

PAIRS, BATCH = 512, 64
"""Pairs of a task, and those compared at once, which bounds the memory."""


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


def compare_all(fingerprints: Records, pairs: Indices) -> Iterator[Floats]:
    """Score pairs of images; a score depends on the two fingerprints and their order only.

    Args:
        fingerprints: (n,) of type `FINGERPRINT`.
        pairs: (m, 2) indices of images.

    Yields:
        Scores of the next `PAIRS` pairs, or fewer at the end: correlations of the aligned frames,
        0-1; 0 for what cannot be aligned.

    Raises:
        UserError: as `parallel.run`.
    """

    def tasks() -> Iterator[tuple[Records, Indices]]:
        for start in range(0, len(pairs), PAIRS):
            some, places = np.unique(pairs[start : start + PAIRS], return_inverse=True)
            yield fingerprints.part(some), places.reshape(-1, 2)

    return parallel.run(_compare, tasks(), "pairs", "pair", len(pairs), len)


def _compare(task: tuple[Records, Indices]) -> Floats:
    """Score the pairs of one task."""
    fingerprints, pairs = task
    scores = np.zeros(len(pairs), np.float32)
    for start in range(0, len(pairs), BATCH):
        some, places = np.unique(pairs[start : start + BATCH], return_inverse=True)
        first, second = fingerprints[some][places.reshape(-1, 2)].T
        matrices, mirrored = _alignments(first, second)
        for place in np.flatnonzero(matrices.any(axis=(1, 2))):
            frame = second["frame"][place]
            frame = frame[:, ::-1].copy() if mirrored[place] else frame
            score = _correlation(first["frame"][place], frame, matrices[place])
            scores[start + place] = score
    return scores


def mirror_halves(descriptors: NDArray[np.uint8]) -> Floats:
    """Split SIFT descriptors into what a mirror leaves as it is and what it negates.

    The dot products of the two halves add up to the cosine of two descriptors' roots (RootSIFT:
    Arandjelovic 2012); their difference is the cosine with the other's mirror image.

    Args:
        descriptors: (..., `BINS`), 0-255.

    Returns:
        (2, ..., `BINS` / 2), of length 1 together; 0 for a descriptor of zeros.
    """
    sums = np.maximum(descriptors.sum(axis=-1, keepdims=True, dtype=np.float32), 1)
    roots = np.sqrt(descriptors / (2 * sums), dtype=np.float32)
    plain, mirrored = roots[..., : BINS // 2], roots[..., MIRRORED[: BINS // 2]]
    return np.stack([plain + mirrored, plain - mirrored])


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
    ours, theirs = mirror_halves(first["descriptors"]), mirror_halves(second["descriptors"])
    products = ours @ theirs.swapaxes(2, 3)
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
    if inside.mean() * max(1, large * small) < OVERLAP:  # of the one that shows less
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(second, affine, (SIDE, SIDE), None, flags, cv2.BORDER_REPLICATE)
    ours, theirs = _details(first)[inside], _details(warped)[inside]
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    energy = (ours @ ours) * (theirs @ theirs)
    return float(np.clip(ours @ theirs / np.sqrt(energy + 1e-6), 0, 1))


def _details(frame: cv2.typing.MatLike) -> cv2.typing.MatLike:
    """Return what is 1 to 3 pixels large (difference of Gaussians), whatever the brightness."""
    grey = np.asarray(frame, np.float32)
    return cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 3)
