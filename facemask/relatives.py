"""Rows of images -> the groups that descend from one picture."""

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pandas as pd
import PIL
from numpy.typing import NDArray
from tqdm import tqdm

from facemask import fingerprinting, images, near_duplicates
from facemask.memo import Memo, version

MAKERS = (fingerprinting, images, cv2, np, PIL)
"""All that a fingerprint, and so a score, depends on besides the image."""

IMAGES_AT_ONCE = 256  # bounds the memory that decoded images take


def group(rows: pd.DataFrame, folder: Path, pattern: str | None, memo: Path) -> pd.Series:
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
    fingerprints = fingerprints_of(keys, folder, memo)
    pairs = near_duplicates.candidates(fingerprints)
    scores = scores_of(keys, fingerprints, pairs, memo)
    certain = _certain(rows.assign(number=np.searchsorted(keys, rows["sha256"])), pattern)
    groups = near_duplicates.connected(len(keys), certain, pairs, scores)
    return rows["sha256"].map(dict(zip(keys, np.array(keys)[groups], strict=True)))


def related(
    rows: pd.DataFrame, folder: Path, others: pd.DataFrame, others_folder: Path, memo: Path
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
        [fingerprints_of(keys, folder, memo), fingerprints_of(known, others_folder, memo)]
    )
    pairs = near_duplicates.candidates(fingerprints)
    across = pairs[(pairs[:, 0] < len(keys)) & (pairs[:, 1] >= len(keys))]
    both_ways = [
        fingerprinting.compare_all(fingerprints, ends) for ends in (across, across[:, ::-1])
    ]
    scores = np.maximum(*both_ways)
    found = {keys[number] for number in across[scores >= near_duplicates.SAME_PICTURE, 0]}
    return rows["sha256"].isin(found.union(known)) | rows["pixels"].isin(others["pixels"])


def fingerprints_of(keys: Sequence[str], folder: Path, memo: Path) -> NDArray[np.void]:
    """Give the fingerprints of the files named by `keys`, in their order."""
    known = Memo(memo, "fingerprint", version(*MAKERS))
    found = known.recall(keys)
    missing = iter(
        tqdm([key for key in keys if key not in found], "fingerprints", unit="image", disable=None)
    )
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while some := list(islice(missing, IMAGES_AT_ONCE)):
            pixels = pool.map(lambda key: _fingerprint(folder / key), some)
            fresh = dict(zip(some, pixels, strict=True))
            known.keep(fresh)
            found |= fresh
    return np.frombuffer(b"".join(found[key] for key in keys), fingerprinting.FINGERPRINT)


def scores_of(
    keys: Sequence[str], fingerprints: NDArray[np.void], pairs: NDArray[np.int64], memo: Path
) -> NDArray[np.float32]:
    """Give `fingerprinting.compare_all` of pairs of images, remembering each by its two keys."""
    known = Memo(memo, "compare", version(*MAKERS))
    names = [keys[first] + keys[second] for first, second in pairs]
    found = known.recall(names)
    missing = np.array([name not in found for name in names], bool)
    scores = fingerprinting.compare_all(fingerprints, pairs[missing])
    fresh = {
        name: score.tobytes()
        for name, score in zip(np.array(names)[missing].tolist(), scores, strict=True)
    }
    known.keep(fresh)
    found |= fresh
    return np.frombuffer(b"".join(found[name] for name in names), np.float32)


def _fingerprint(file: Path) -> bytes:
    return fingerprinting.fingerprint(np.asarray(images.open_rgb(file))).tobytes()


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
