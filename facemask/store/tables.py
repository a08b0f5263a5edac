"""The table of the images, with a row for each image.

`ingest` writes these columns:
    path: path of the image in its source, with `/`. If there are several sources, the name of the
        source comes first. If the image is the crop of a box, `#1`, `#2` and so on follow.
    source: name of the source.
    label: name of the class.
    sha256: hexadecimal SHA-256 of the bytes.
    pixels: hexadecimal SHA-256 of the size and of the decoded pixels.
    width, height: size in pixels.
    given_group: group from a table in the source, or the photo of a box, or empty.
    given_split: subset from a table in the source, or empty.
    split: name of the external test set or of the set of photos, or empty.

`split` changes or adds these columns, and the later stages keep all of them:
    split: `train`, `validation` or `test`, or the name of the external test set.
    row: number of the image in the shards of `data/raw` and of `data/resized`, from 0.
    group: the smallest SHA-256 in the group of near-duplicates.
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
"""Maps folder names of public collections to subsets. Such a folder never names a class."""

NUMBERS: dict[str, type] = {"probability": float}
NUMBERS |= dict.fromkeys(("width", "height", "row", "left", "top", "right", "bottom"), int)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV with six significant digits, whole or not at all."""
    with replacing(path) as temporary:
        table.to_csv(
            temporary,
            index=False,
            lineterminator="\n",
            float_format="%.6g",
        )


def read(path: Path) -> pd.DataFrame:
    """Return the table in a CSV file. Labels such as `NA` and `007` stay text."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    numbers = {name: kind for name, kind in NUMBERS.items() if name in table}
    return table.astype(numbers)


def classes(table: pd.DataFrame) -> list[str]:
    """Return the two classes in alphabetical order; the second is the positive class."""
    return sorted(table["label"].unique())


def subset(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows of a subset, with a new index from 0."""
    return table[table["split"] == name].reset_index(drop=True)


def histogram(values: pd.Series, name: str, counted: str) -> pd.DataFrame:
    """Count positive integers in bins of doubling width: 1, 2-3, 4-7, 8-15, ...

    Args:
        values: the integers.
        name: name of the column of the bins, such as `4-7`.
        counted: name of the column of the counts.

    Returns:
        A row for each bin from the smallest to the largest value.
    """
    exponents = np.log2(values.to_numpy(float)).astype(int)
    first = exponents.min()
    last = exponents.max()
    labels = [_bin(exponent) for exponent in range(first, last + 1)]
    return pd.DataFrame({name: labels, counted: np.bincount(exponents)[first:]})


def _bin(exponent: int) -> str:
    return f"{2**exponent}-{2 ** (exponent + 1) - 1}" if exponent else "1"
