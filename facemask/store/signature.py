"""Signature of a model: perceptual hashes of all images that it was trained on.

The `.keras` file contains the signature. If another training starts from this model, `split` keeps
the images out of validation and test.
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
"""Name of the signature in the `.keras` file, which is a zip archive."""

SIDE = 32
"""Side in pixels to which an image is shrunk before the cosine transform."""

FREQUENCIES = 8
"""Number of the lowest frequencies in each direction that the hash uses."""

SAME = 4
"""Largest number of the 64 bits in which the hashes of two copies of an image differ.

On Face Mask 12K, this recognizes 99.8 % of the copies with half the size and JPEG quality 30. It
takes only 1 of 4,700 other faces for a copy of any of 9,415 images.
"""

COMPARED_AT_ONCE = 256
"""Number of images that are compared with a signature together. It bounds the memory."""

READ_AT_ONCE = 1024
"""Number of images that are read together. It bounds the memory."""


def hashes(frames: NDArray[np.uint8]) -> Hashes:
    """Return the perceptual hashes of images (pHash: Zauner 2010).

    A hash has a bit for each of the lowest frequencies of the cosine transform. The bit is 1 if the
    amplitude is above the median.

    Args:
        frames: (n, side, side) in grey or (n, side, side, 3) in RGB, 0-255, with any side.

    Returns:
        (n,) hashes of 64 bits.
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
    """Return the hashes of many images, and read only a few of them at a time.

    Args:
        numbers: (n,) numbers of the images.
        read_images: takes some of the numbers, and returns these images as `hashes` expects them.

    Returns:
        (n,) hashes of 64 bits.
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
    """Return the hashes of training images, and those in the signature of `train.start`."""
    return np.append(hashed(numbers, read_images), read(start))


def known(images: Hashes, signature: Hashes) -> NDArray[np.bool_]:
    """Return whether each image is a copy of an image in a signature, (n,)."""
    parts = [np.zeros(0, bool)]
    for start in range(0, len(images), COMPARED_AT_ONCE):
        batch = images[start : start + COMPARED_AT_ONCE, None]
        parts.append((np.bitwise_count(batch ^ signature) <= SAME).any(axis=1))
    return np.concatenate(parts)


def pack(signature: Hashes) -> bytes:
    """Return the bytes of the file `MEMBER`."""
    content = io.BytesIO()
    np.save(content, np.unique(signature))
    return content.getvalue()


def read(start: str) -> Hashes:
    """Return the signature of the model in `train.start`.

    Args:
        start: a `.keras` file, or `scratch`.

    Returns:
        (m,) hashes; empty if the file has no signature.

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
