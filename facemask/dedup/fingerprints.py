"""Fingerprints of images: a small grey frame and its keypoints."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
from numpy.typing import NDArray

from facemask import parallel
from facemask.cache import Cache
from facemask.files import code_version, scratch
from facemask.store import images, shards

cv2.setNumThreads(1)  # `parallel` already uses all cores

Indices = NDArray[np.int64]

SIDE = 64
"""Width and height of a frame in pixels."""

KEYPOINTS = 60
"""Largest number of keypoints of an image."""

BINS = 128
"""Length of a keypoint's descriptor."""

FINGERPRINT = np.dtype(
    [
        ("frame", np.uint8, (SIDE, SIDE)),
        ("positions", np.complex64, KEYPOINTS),
        ("axes", np.complex64, KEYPOINTS),
        ("descriptors", np.uint8, (KEYPOINTS, BINS)),
    ]
)
"""Fingerprint of an image: a grey frame, 0-255, and keypoints, the strongest first.

A keypoint has three values. Its position is x + iy in pixels of the frame. Its axis is the scale in
pixels times exp(i angle). Its descriptor is that of SIFT. The values of missing keypoints are 0.
"""

FILES_AT_ONCE = 500
"""Number of fingerprints that are read from the cache together."""


def version() -> str:
    """Return a hash of the code and packages that a fingerprint depends on."""
    return code_version(sys.modules[__name__], images, cv2, np, PIL)


def fingerprint(image: NDArray[np.uint8]) -> NDArray[np.void]:
    """Return the grey frame and the SIFT keypoints (Lowe 2004) of an image.

    Args:
        image: RGB, (height, width, 3), 0-255, of any size from 1 x 1.

    Returns:
        A scalar of type `FINGERPRINT`. An image without structure has no keypoints.

    Raises:
        cv2.error: `image` has another shape or type.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    frame = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT.create(
        KEYPOINTS,
        contrastThreshold=0.01,  # lower than the default, for faint keypoints
        edgeThreshold=15,
    )
    points, descriptors = sift.detectAndCompute(frame, None)
    weakness = [-point.response for point in points]
    strongest = np.argsort(weakness, kind="stable")[:KEYPOINTS]
    result = np.zeros((), FINGERPRINT)
    result["frame"] = frame
    for number, index in enumerate(strongest):
        point = points[index]
        result["positions"][number] = complex(*point.pt)
        result["axes"][number] = point.size * np.exp(1j * np.radians(point.angle))
        result["descriptors"][number] = descriptors[index]
    return result


@dataclass(frozen=True)
class Fingerprints:
    """Reference to (n,) fingerprints in a file. A fingerprint is read when it is indexed.

    The reference is small, so it can be sent to a worker.

    Attributes:
        file: file of records of type `FINGERPRINT`.
        rows: (n,) numbers of the records.
    """

    file: Path
    rows: Indices

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: Any) -> "Fingerprints":
        """Return a reference to some of the fingerprints. `indices` is a slice or an array."""
        return Fingerprints(self.file, self.rows[indices])

    def __getitem__(self, indices: Any) -> NDArray[np.void]:
        rows = self.rows[indices]
        if not rows.size:
            return np.zeros(rows.shape, FINGERPRINT)
        return np.asarray(np.memmap(self.file, FINGERPRINT, "r")[rows])


Select = Callable[[Sequence[str]], Fingerprints]
"""Takes SHA-256 of images. Returns their fingerprints in the same order."""


@contextmanager
def collected(
    keys: Iterable[str],
    folders: Sequence[Path],
    cache: Path,
) -> Iterator[Select]:
    """Compute the fingerprints of all images, and yield a function that selects some of them.

    Fingerprints in the cache are not computed again. During the block, all fingerprints are in a
    temporary file in the folder of the cache.

    Args:
        keys: SHA-256 of the images.
        folders: folders of the shards with the images.
        cache: file of the cache.
    """
    distinct = np.array(sorted(set(keys)), str)
    known = Cache(cache, "fingerprints", version())
    with scratch(cache.parent / "tmp-fingerprints") as folder:
        _make(known, known.missing(distinct.tolist()), folders, folder)
        path = folder / "all.bin"
        with path.open("wb") as file:
            for start in range(0, len(distinct), FILES_AT_ONCE):
                batch = distinct[start : start + FILES_AT_ONCE].tolist()
                records = known.recall(batch)
                file.writelines(records[key] for key in batch)
        yield lambda wanted: Fingerprints(path, np.searchsorted(distinct, wanted))


def _make(
    known: Cache,
    missing: Sequence[str],
    folders: Sequence[Path],
    folder: Path,
) -> None:
    """Compute missing fingerprints, and add them to the cache."""
    holding = shards.holding(map(Path.absolute, folders), missing)
    parts = parallel.run(
        partial(_fingerprint_shard, folder),
        enumerate(holding),
        title="fingerprints",
        unit="image",
        total=len(missing),
        units=lambda part: len(part.keys),
    )
    for part in parts:
        records = [record.tobytes() for record in np.fromfile(part.file, FINGERPRINT)]
        known.keep(dict(zip(part.keys, records, strict=True)))
        part.file.unlink()


@dataclass(frozen=True)
class _Part:
    """A file of fingerprints, and the SHA-256 of their images."""

    file: Path
    keys: list[str]


def _fingerprint_shard(folder: Path, task: tuple[int, tuple[Path, set[str]]]) -> _Part:
    """Write the fingerprints of the wanted images in a shard to a file.

    They are not returned, because they are too large for the scheduler of a cluster.
    """
    number, (shard, wanted) = task
    part = _Part(folder / f"{number:06d}.bin", [])
    with part.file.open("wb") as file:
        for key, content in shards.wanted(shard, wanted):
            pixels = np.asarray(images.open_rgb(content))
            file.write(fingerprint(pixels).tobytes())
            part.keys.append(key)
    return part
