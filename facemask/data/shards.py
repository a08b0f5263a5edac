"""Images and their rows as Parquet shards: a row an image, its bytes in a column `image`.

pandas, DuckDB, Dask, Ray and Spark read them as any Parquet; Hugging Face `datasets` shows the
pictures, as `image` has the layout of its image feature (`bytes`, `path`).
"""

import json
import math
import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from facemask.files import writing

IMAGES, LEAST_SHARDS = 1000, 4
"""Most images of a shard, on average, and fewest shards, so that every core has one to work on."""

GROUP_ROWS, GROUP_BYTES = 64, 64_000_000
"""A row group, the unit of reading, ends with the image that reaches either."""

TEXT = ("path", "label", "sha256", "pixels", "given_group", "given_split", "split")
NUMBERS = ("width", "height")
COLUMNS = (*TEXT[:4], *NUMBERS, *TEXT[4:])
"""Of the table that travels with the images; see `tables`."""

FEATURES = {
    "image": {"_type": "Image"},
    **{name: {"_type": "Value", "dtype": "string"} for name in TEXT},
    **{name: {"_type": "Value", "dtype": "int32"} for name in NUMBERS},
}

SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        *((name, pa.int32() if name in NUMBERS else pa.string()) for name in COLUMNS),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)

Contents = Callable[[Collection[str]], Iterator[tuple[str, bytes]]]
"""Yields SHA-256 and bytes of each wanted image once, in any order."""


class Spool:
    """The bytes of files in the order in which they were read, until they are sorted into shards.

    They lie in a file without a name, which ends with the process.
    """

    def __init__(self, folder: Path) -> None:
        """Open an empty spool on the disk that `folder` is on."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it lives as long as this
        self._end = 0

    def add(self, content: bytes) -> int:
        """Append the bytes of a file; return where they begin; a full disk is a `UserError`."""
        start = self._end
        with writing(self._folder):
            self._file.write(content)
            self._file.flush()
        self._end += len(content)
        return start

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes that `add` put at `start`."""
        return os.pread(self._file.fileno(), length, start)


def write(folder: Path, table: pd.DataFrame, spool: Spool) -> None:
    """Write rows and the bytes of their images as shards.

    An image falls into a shard by the leading bits of its SHA-256, and rows are sorted by SHA-256
    and path, so that nothing depends on the order of the source.

    Args:
        folder: empty; gets `00000-of-00016.parquet` and so on.
        table: rows with `COLUMNS`, and with `start` and `length` in the spool.
        spool: holds the bytes.
    """
    bits = math.ceil(math.log2(max(len(table) / IMAGES, LEAST_SHARDS)))
    ordered = table.sort_values(["sha256", "path"])
    shard = ordered["sha256"].map(lambda sha256: int(sha256[:8], 16) >> 32 - bits)
    with tqdm(desc="shards", total=len(table), unit="image", disable=None) as bar:
        for number in range(2**bits):
            rows = ordered[shard == number]
            file = folder / f"{number:05d}-of-{2**bits:05d}.parquet"
            # Images are compressed already; hashes do not shrink.
            with pq.ParquetWriter(
                file, SCHEMA, compression="none", use_dictionary=False, write_statistics=False
            ) as writer:
                for _, some in rows.groupby(_row_groups(rows["length"])):
                    writer.write_table(_arrow(some, spool))
                    bar.update(len(some))


def files(folder: Path) -> list[Path]:
    """Return the shards in a folder, in the order of the numbers of their rows."""
    return sorted(folder.glob("*.parquet"))


def count(shard: Path) -> int:
    """Return the number of images in a shard."""
    return int(pq.read_metadata(shard).num_rows)


def images(shard: Path) -> Iterator[list[tuple[str, bytes]]]:
    """Yield SHA-256 and bytes of a shard's images in their order, a row group at a time."""
    with pq.ParquetFile(shard) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=["sha256", "image"])
            found = rows["image"].combine_chunks().field("bytes")
            yield list(zip(rows["sha256"].to_pylist(), found.to_pylist(), strict=True))


def contents(folder: Path) -> Contents:
    """Return what yields the bytes of wanted images from the shards of a folder."""

    def wanted_of(keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        missing = set(keys)
        for shard in files(folder):
            if missing.isdisjoint(pq.read_table(shard, columns=["sha256"])["sha256"].to_pylist()):
                continue
            for sha256, content in (image for group in images(shard) for image in group):
                if sha256 in missing:
                    missing.remove(sha256)
                    yield sha256, content

    return wanted_of


def read_table(folder: Path) -> pd.DataFrame:
    """Return the rows of a folder's shards without the images, sorted by subset and path.

    Column `row` is each row's number in the order of the shards, which `pixels` is asked by.
    """
    parts = [pq.read_table(shard, columns=list(COLUMNS)).to_pandas() for shard in files(folder)]
    table: pd.DataFrame = pd.concat(parts, ignore_index=True).astype(dict.fromkeys(NUMBERS, int))
    table["row"] = np.arange(len(table))
    ordered: pd.DataFrame = table.sort_values(["split", "path"], ignore_index=True)
    return ordered


def _row_groups(lengths: pd.Series) -> "pd.Series[int]":
    """Number the row groups that images of these lengths fall into."""
    groups, group, rows, size = [], 0, 0, 0
    for length in lengths:
        groups.append(group)
        rows, size = rows + 1, size + length
        if rows == GROUP_ROWS or size >= GROUP_BYTES:
            group, rows, size = group + 1, 0, 0
    return pd.Series(groups, lengths.index, dtype=int)


def _arrow(rows: pd.DataFrame, spool: Spool) -> pa.Table:
    pictures = [
        {"bytes": spool.read(start, length), "path": path}
        for start, length, path in zip(rows["start"], rows["length"], rows["path"], strict=True)
    ]
    columns = {name: rows[name].to_list() for name in COLUMNS}
    return pa.table({"image": pictures, **columns}, schema=SCHEMA)
