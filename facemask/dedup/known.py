"""Images that the model in `train.start` was trained on."""

import numpy as np
import pandas as pd

from facemask.dedup.fingerprints import Select
from facemask.store import signature


def in_signature(
    rows: pd.DataFrame,
    hashes: signature.Hashes,
    select: Select,
) -> pd.Series:
    """Return whether each image is a copy of an image that a model was trained on.

    Args:
        rows: rows with `sha256`.
        hashes: signature of the model, from `signature.read`.
        select: returns the fingerprints of images.

    Returns:
        (n,) booleans, with the index of `rows`.
    """
    keys = sorted(set(rows["sha256"]))
    fingerprints = select(keys)
    own_hashes = signature.hashed(
        np.arange(len(keys)),
        lambda numbers: fingerprints[numbers]["frame"],
    )
    copies = signature.known(own_hashes, hashes)
    return rows["sha256"].isin(np.array(keys, object)[copies])
