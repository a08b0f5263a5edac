"""Rows of images -> the groups that descend from one picture."""

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pandas as pd
import PIL
from numpy.typing import NDArray
from tqdm import tqdm

from facemask.cache import Cache
from facemask.data import images
from facemask.data.shards import Contents
from facemask.dedup import fingerprints as fingerprinting
from facemask.dedup import near_duplicates
from facemask.files import code_version

MAKERS = (fingerprinting, images, cv2, np, PIL)
"""All that a fingerprint, and so a score, depends on besides the image."""

IMAGES_AT_ONCE = 256  # bounds the memory that decoded images take


def group(rows: pd.DataFrame, contents: Contents, pattern: str | None, cache: Path) -> pd.Series:
    """Name for each image the group that it belongs to.

    Args:
        rows: images with `path`, `sha256`, `pixels` and, where the source had one, `given_group`.
        folder: holds their files under their SHA-256.
        pattern: regular expression with one capture; files of one folder in whose names it captures
            the same text belong together.
        memo: file of what earlier runs found out.

    Returns:
        As `rows`: the smallest SHA-256 of the group, whatever the order of the rows.
    """
    keys = sorted(set(rows["sha256"]))
    pairs, scores = compared(keys, contents, cache)
    certain = _certain(rows.assign(number=np.searchsorted(keys, rows["sha256"])), pattern)
    groups = near_duplicates.connected(len(keys), certain, pairs, scores)
    return rows["sha256"].map(dict(zip(keys, np.array(keys)[groups], strict=True)))


def related(
    rows: pd.DataFrame,
    contents: Contents,
    others: pd.DataFrame,
    other_contents: Contents,
    cache: Path,
) -> pd.Series:
    """Tell which images descend from the same picture as one of `others`.

    Each pair is compared both ways, as a detail at times aligns with the whole but not the reverse.

    Args:
        rows: images with `sha256` and `pixels`.
        folder: holds their files under their SHA-256.
        others: the same of the others.
        others_folder: holds theirs.
        memo: file of what earlier runs found out.

    Returns:
        As `rows`: true where there is such a picture.
    """
    known = sorted(set(others["sha256"]))
    keys = sorted(set(rows["sha256"]) - set(known))
    fingerprints = np.concatenate(
        [_fingerprints(keys, contents, cache), _fingerprints(known, other_contents, cache)]
    )
    side = (np.arange(len(fingerprints)) >= len(keys)).astype(np.int64)
    across = near_duplicates.candidates(fingerprints, side)
    both_ways = [
        fingerprinting.compare_all(fingerprints, ends) for ends in (across, across[:, ::-1])
    ]
    scores = np.maximum(*both_ways)
    found = {keys[number] for number in across[scores >= near_duplicates.SAME_PICTURE, 0]}
    return rows["sha256"].isin(found.union(known)) | rows["pixels"].isin(others["pixels"])


def compared(
    keys: Sequence[str], contents: Contents, cache: Path
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Compare the files named by `keys` wherever that is worth it.

    Returns:
        (m, 2) pairs from `near_duplicates.candidates`, and their (m,) scores, 0-1.
    """
    fingerprints = _fingerprints(keys, contents, cache)
    pairs = near_duplicates.candidates(fingerprints)
    numbers = {keys[first] + keys[second]: number for number, (first, second) in enumerate(pairs)}

    def compare(names: list[str]) -> Iterator[bytes]:
        missing = pairs[[numbers[name] for name in names]]
        return (score.tobytes() for score in fingerprinting.compare_all(fingerprints, missing))

    scores = Cache(cache, "compare", code_version(*MAKERS)).complete(numbers, compare)
    return pairs, np.frombuffer(b"".join(scores[name] for name in numbers), np.float32)


def _fingerprints(keys: Sequence[str], contents: Contents, cache: Path) -> NDArray[np.void]:
    known = Cache(cache, "fingerprint", code_version(*MAKERS))

    def fingerprint(item):
        return item[0], fingerprinting.fingerprint(np.asarray(images.open_rgb(item[1]))).tobytes()

    found = known.recall(keys)
    missing = [key for key in keys if key not in found]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        fresh = dict(
            tqdm(pool.map(fingerprint, contents(missing)), total=len(missing), disable=None)
        )
    known.keep(fresh)
    found |= fresh
    return np.frombuffer(b"".join(found[key] for key in keys), fingerprinting.FINGERPRINT)


def _certain(rows: pd.DataFrame, pattern: str | None) -> NDArray[np.int64]:
    """Join each image with the first that has the same pixels, name or given group: (m, 2)."""
    signs = [rows["pixels"]]
    if "given_group" in rows:
        signs.append(rows["given_group"])
    if pattern:
        signs.append(rows["path"].map(lambda path: _captured(pattern, PurePosixPath(path))))
    pairs = [
        np.stack([rows["number"].groupby(sign).transform("min"), rows["number"]], axis=1)[
            sign != ""
        ]
        for sign in signs
    ]
    return np.concatenate(pairs).astype(np.int64)


def _captured(pattern: str, path: PurePosixPath) -> str:
    found = re.search(pattern, path.name)
    return f"{path.parent}/{found[1]}" if found and found[1] is not None else ""
