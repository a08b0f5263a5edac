"""Numbers that people compare: metrics as JSON, histograms as tables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facemask.files import replacing


def write_json(values: Mapping[str, Any], path: Path) -> None:
    """Write metrics as indented JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(folder: Path, *names: str) -> dict[str, Any]:
    """Return by name what `NAME.json` in a folder holds."""
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in names}


def histogram(values: pd.Series, name: str, counted: str) -> pd.DataFrame:
    """Count positive whole numbers in bins that double in width: 1, 2-3, 4-7, 8-15, ...

    Returns:
        A row a bin, from the least to the greatest value: `name` (such as `4-7`) and `counted`.
    """
    exponent = np.log2(values.to_numpy(float)).astype(int)
    bins = np.arange(exponent.min(), exponent.max() + 1)
    label = [f"{2**power}-{2 ** (power + 1) - 1}" if power else "1" for power in bins]
    return pd.DataFrame({name: label, counted: np.bincount(exponent)[bins[0] :]})
