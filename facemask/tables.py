"""The table that travels with the images: one row an image, as CSV.

Columns, each written by one stage and carried on by the next:
    path: of the image in the source, with `/` (ingest).
    label: name of its class (ingest).
    sha256: of its bytes, hexadecimal; names its file in `data/raw/` and `data/resized/` (ingest).
    pixels: SHA-256 of its size and its 8-bit RGB pixels, upright, hexadecimal (ingest).
    width, height: in pixels, upright (ingest).
    given_group, given_split: what tables in the source say of it, or empty (ingest).
    group: the smallest SHA-256 among the images that descend from one picture (split).
    split: `train`, `validation` or `test` (split).
"""

from pathlib import Path

import pandas as pd

from facemask.files import replacing

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SIDES = (TRAIN, VALIDATION, TEST)

SIDE_OF_NAME = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
"""What public sets call the sides, lower case; folders of these names never name a class."""


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV (six significant digits), whole or not at all."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", float_format="%.6g")


def read(path: Path) -> pd.DataFrame:
    """Read a table of images; text stays text, also a class called `NA` or `007`."""
    return pd.read_csv(path, dtype=str, keep_default_na=False).astype({"width": int, "height": int})


def classes(table: pd.DataFrame) -> list[str]:
    """Name the two classes in alphabetical order; the second is the positive one."""
    return sorted(table["label"].unique())


def side(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """Give the rows of one side of the split, numbered anew."""
    return table[table["split"] == split].reset_index(drop=True)
