"""Perceptual hashes of training images, inside the `.keras` file that learned from them.

So a training that starts from these weights can keep the same images out of validation and test.
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
"""Name of the signature in the `.keras` file, a zip archive."""

SIDE = 32
"""Side in pixels of the grey frame that is transformed."""

FREQUENCIES = 8
"""Lowest frequencies, in each direction, that make the hash."""

SAME = 4
"""Most bits of 64 in which copies of a picture differ.

In Face Mask 12K, 0.998 of the copies of half the size and JPEG quality 30 differ in at most so many
bits. Only 1 of 4,700 other faces differs in at most so many bits from any of 9,415 images.
"""

COMPARED_AT_ONCE = 256
"""Images that are compared with all of a signature together. It bounds the memory."""

READ_AT_ONCE = 1024
"""Images that are read together. It bounds the memory."""


def hashes(frames: NDArray[np.uint8]) -> Hashes:
    """Hash images by the signs of their lowest frequencies (pHash: Zauner 2010).

    Args:
        frames: (n, side, side), grey, or (n, side, side, 3), RGB; 0-255, of any side.

    Returns:
        (n,): a bit for each frequency, set if its amplitude is above the median.
    """
    bits = np.zeros((len(frames), FREQUENCIES**2), bool)
    for number, frame in enumerate(frames):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame
        small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        lowest = cv2.dct(small.astype(np.float32))[:FREQUENCIES, :FREQUENCIES].ravel()
        bits[number] = lowest > np.median(lowest)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()


def hashed(
    numbers: NDArray[np.int64],
    read_images: Callable[[NDArray[np.int64]], NDArray[np.uint8]],
) -> Hashes:
    """Hash images of which only a few are in memory at a time.

    Args:
        numbers: (n,), of the images.
        read_images: returns the images of such numbers, as `hashes` takes them.

    Returns:
        (n,), as `hashes`.
    """
    parts = [np.zeros(0, np.uint64)]
    for start in range(0, len(numbers), READ_AT_ONCE):
        parts.append(hashes(read_images(numbers[start : start + READ_AT_ONCE])))
    return np.concatenate(parts)


def of_training(
    start: str,
    numbers: NDArray[np.int64],
    read_images: Callable[[NDArray[np.int64]], NDArray[np.uint8]],
) -> Hashes:
    """Return the hashes of training images and of those that the start was trained on."""
    return np.append(hashed(numbers, read_images), read(start))


def known(images: Hashes, signature: Hashes) -> NDArray[np.bool_]:
    """Tell which of the images, (n,), are copies of images of a signature, (m,)."""
    parts = [np.zeros(0, bool)]
    for start in range(0, len(images), COMPARED_AT_ONCE):
        batch = images[start : start + COMPARED_AT_ONCE, None]
        parts.append((np.bitwise_count(batch ^ signature) <= SAME).any(axis=1))
    return np.concatenate(parts)


def pack(signature: Hashes) -> bytes:
    """Return the content of `MEMBER`."""
    content = io.BytesIO()
    np.save(content, np.unique(signature))
    return content.getvalue()


def read(start: str) -> Hashes:
    """Return the signature of a start of the training.

    Args:
        start: a `.keras` file, or `scratch`.

    Returns:
        (m,), empty if the file has no signature.

    Raises:
        UserError: the file is missing or is not a `.keras` file.
    """
    empty = np.zeros(0, np.uint64)
    if start == params.SCRATCH:
        return empty
    try:
        with zipfile.ZipFile(start) as archive:
            if MEMBER not in archive.namelist():
                return empty
            content = io.BytesIO(archive.read(MEMBER))
            return np.asarray(np.load(content), np.uint64)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"train.start = '{start}': cannot be read: {error}") from error
