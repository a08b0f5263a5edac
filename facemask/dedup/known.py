"""Images that the start of a training was trained on."""

import numpy as np
import pandas as pd

from facemask.dedup.fingerprints import Select
from facemask.store import signature


def in_signature(
    rows: pd.DataFrame,
    hashes: signature.Hashes,
    select: Select,
) -> pd.Series:
    """Tell which images are copies of those of a signature.

    Args:
        rows: images with `sha256`.
        hashes: from `signature.read`.
        select: returns fingerprints.

    Returns:
        (n,) booleans; index as `rows`.
    """
    keys = sorted(set(rows["sha256"]))
    fingerprints = select(keys)
    own_hashes = signature.hashed(
        np.arange(len(keys)),
        lambda numbers: fingerprints[numbers]["frame"],
    )
    copies = signature.known(own_hashes, hashes)
    return rows["sha256"].isin(np.array(keys, object)[copies])
