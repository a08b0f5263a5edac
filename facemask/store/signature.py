"""Perceptual hashes of training images, kept inside the `.keras` file that learned from them.

Whoever starts from its weights can so keep what they were trained on out of validation and test.
"""

import io
import zipfile
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from facemask import params
from facemask.errors import UserError

Hashes = NDArray[np.uint64]

MEMBER = "signature.npy"
"""Of the `.keras` file, which is a zip archive."""

SIDE, FREQUENCIES = 32, 8
"""Pixels of the grey frame that is transformed, and the lowest frequencies that are kept."""

SAME = 4
"""Most bits of 64 in which copies of a picture differ.

In Face Mask 12K these are 0.998 of the copies of half the size and JPEG quality 30; of 4,700 other
faces one is so near to any of 9,415."""

AT_ONCE, READ_AT_ONCE = 256, 1024
"""Images that are compared at once with all of a signature, and read; these bound the memory."""


def hashes(frames: NDArray[np.uint8]) -> Hashes:
    """Hash images by the signs of their lowest frequencies (pHash: Zauner 2010).

    Args:
        frames: (n, side, side), grey, or (n, side, side, 3), RGB; 0-255, of any side.

    Returns:
        (n,): a bit for each of the lowest frequencies, which is set if it is above their median.
    """
    found = np.zeros((len(frames), FREQUENCIES**2), bool)
    for place, frame in enumerate(frames):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame
        small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        lowest = cv2.dct(small.astype(np.float32))[:FREQUENCIES, :FREQUENCIES].ravel()
        found[place] = lowest > np.median(lowest)
    return np.packbits(found, axis=1).view(">u8").astype(np.uint64).ravel()


def hashed(
    numbers: NDArray[np.int64], images: Callable[[NDArray[np.int64]], NDArray[np.uint8]]
) -> Hashes:
    """Hash images of which only some are in memory at once.

    Args:
        numbers: (n,), of the images.
        images: from some of these numbers to the images, as `hashes` takes them.

    Returns:
        (n,), as `hashes`.
    """
    starts = range(0, len(numbers), READ_AT_ONCE)
    parts = [hashes(images(numbers[start : start + READ_AT_ONCE])) for start in starts]
    return np.concatenate([np.zeros(0, np.uint64), *parts])


def of_training(
    start: str, numbers: NDArray[np.int64], images: Callable[[NDArray[np.int64]], NDArray[np.uint8]]
) -> Hashes:
    """Return the hashes of training images and of those that the start was trained on."""
    return np.append(hashed(numbers, images), read(start))


def known(found: Hashes, signature: Hashes) -> NDArray[np.bool_]:
    """Tell which of some images, (n,), are among those of a signature, (m,)."""
    parts = [found[start : start + AT_ONCE, None] for start in range(0, len(found), AT_ONCE)]
    near = [(np.bitwise_count(part ^ signature) <= SAME).any(axis=1) for part in parts]
    return np.concatenate([np.zeros(0, bool), *near])


def pack(signature: Hashes) -> bytes:
    """Return the content of `MEMBER`."""
    content = io.BytesIO()
    np.save(content, np.unique(signature))
    return content.getvalue()


def read(start: str) -> Hashes:
    """Return the signature of what a start of the training was trained on.

    Args:
        start: a `.keras` file, or `scratch`.

    Returns:
        (m,), empty where the file has none.

    Raises:
        UserError: the file is missing or is not a `.keras` file.
    """
    if start == params.SCRATCH:
        return np.zeros(0, np.uint64)
    try:
        with zipfile.ZipFile(start) as archive:
            if MEMBER not in archive.namelist():
                return np.zeros(0, np.uint64)
            return np.asarray(np.load(io.BytesIO(archive.read(MEMBER))), np.uint64)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"train.start = '{start}': cannot be read: {error}") from error
