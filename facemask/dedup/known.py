"""Which images the start of a training was trained on."""

from pathlib import Path

import numpy as np
import pandas as pd

from facemask.data import signature
from facemask.dedup import groups

AT_ONCE = 1024
"""Frames that are read at once, which bounds the memory."""


def among(rows: pd.DataFrame, folder: Path, known: signature.Hashes, cache: Path) -> pd.Series:
    """Return which images are copies of those of a signature.

    Args:
        rows: images with `sha256`.
        folder: of the shards with their files.
        known: from `signature.read`.
        cache: file of what earlier runs found out.

    Returns:
        As `rows`: whether it is one.

    Raises:
        UserError: the cache is in use, or the disk has no room.
    """
    if not len(known):
        return rows["sha256"].isin([])
    keys = sorted(set(rows["sha256"]))
    fingerprints = groups.fingerprinted(keys, [folder], cache)
    copies: set[str] = set()
    for start in range(0, len(keys), AT_ONCE):
        some = np.arange(start, min(start + AT_ONCE, len(keys)))
        found = signature.known(signature.hashes(fingerprints[some]["frame"]), known)
        copies.update(keys[number] for number in some[found])
    return rows["sha256"].isin(copies)
