"""The table that travels with the images: a row for each image.

A stage adds each column, and the next stages keep it:
    path: path of the image in its source, with `/`; the source's name stands before it if there
        are several sources, and `#1` and so on follow for a box (ingest).
    source: name of the source (ingest).
    label: name of its class (ingest).
    sha256: of its bytes, hexadecimal (ingest).
    pixels: SHA-256 of its size and its 8-bit RGB pixels, upright, hexadecimal (ingest).
    width, height: in pixels, upright (ingest).
    given_group, given_split: from tables in the source, or empty; the group of a box is its photo
        (ingest).
    split: `train`, `validation` or `test` (split), or the name of an external test set (ingest).
    row: its number in the shards of `data/raw` and of `data/resized`, from 0 (split).
    group: the smallest SHA-256 among the images that descend from one picture (split).
"""

from pathlib import Path

import numpy as np
import pandas as pd

from facemask.files import replacing

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SUBSETS = (TRAIN, VALIDATION, TEST)

SUBSET_OF_NAME = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
"""Names of the subsets in public collections, lower case. Such a folder never names a class."""

NUMBERS: dict[str, type] = {"probability": float}
NUMBERS |= dict.fromkeys(("width", "height", "row", "left", "top", "right", "bottom"), int)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV (six significant digits), whole or not at all."""
    with replacing(path) as temporary:
        table.to_csv(
            temporary,
            index=False,
            lineterminator="\n",
            float_format="%.6g",
        )


def read(path: Path) -> pd.DataFrame:
    """Read a table of images; a class called `NA` or `007` stays text."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    numbers = {name: kind for name, kind in NUMBERS.items() if name in table}
    return table.astype(numbers)


def classes(table: pd.DataFrame) -> list[str]:
    """Return the two classes in alphabetical order; the second is the positive class."""
    return sorted(table["label"].unique())


def subset(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows of one subset, numbered anew."""
    return table[table["split"] == name].reset_index(drop=True)


def histogram(values: pd.Series, name: str, counted: str) -> pd.DataFrame:
    """Count positive whole numbers in bins that double in width: 1, 2-3, 4-7, 8-15, ...

    Returns:
        A row for each bin from the least to the greatest value: `name` (such as `4-7`), `counted`.
    """
    exponents = np.log2(values.to_numpy(float)).astype(int)
    first = exponents.min()
    last = exponents.max()
    labels = [_bin(exponent) for exponent in range(first, last + 1)]
    return pd.DataFrame({name: labels, counted: np.bincount(exponents)[first:]})


def _bin(exponent: int) -> str:
    return f"{2**exponent}-{2 ** (exponent + 1) - 1}" if exponent else "1"
