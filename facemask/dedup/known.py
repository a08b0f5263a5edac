"""Which images the start of a training was trained on."""

from pathlib import Path

import numpy as np
import pandas as pd

from facemask.dedup import groups
from facemask.store import signature


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
    found = signature.hashed(np.arange(len(keys)), lambda some: fingerprints[some]["frame"])
    copies = np.array(keys, object)[signature.known(found, known)]
    return rows["sha256"].isin(copies)
