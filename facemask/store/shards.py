"""Parquet shards with a row for each image. The column `image` has the bytes of the image.

pandas, DuckDB, Dask, Ray and Spark can read the shards. Hugging Face `datasets` shows the images,
because the column `image` has the format that `datasets` uses for images.
"""

import json
import math
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from facemask import parallel
from facemask.files import writing

IMAGES = 1000
"""Largest mean number of images in a shard."""

LEAST_SHARDS = 4
"""Smallest number of shards. Stages work on the shards in parallel."""

GROUP_ROWS = 64
"""Largest number of images in a row group. A row group is read as a whole."""

GROUP_BYTES = 64_000_000
"""A row group also ends when it has this many bytes."""

TEXT = ("path", "source", "label", "sha256", "pixels", "given_group", "given_split", "split")
NUMBERS = ("width", "height")
COLUMNS = (*TEXT[:5], *NUMBERS, *TEXT[5:])
"""Columns of a shard, without `image`. The module `tables` describes them."""

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
"""Takes the SHA-256 of some images. Yields the SHA-256 and bytes of each image once, unsorted."""


class Spool:
    """Temporary file that holds the bytes of all images until `write` sorts them into shards.

    The file is removed at the end of the `with` block. If the process is killed, the next spool
    removes it.

    Attributes:
        path: absolute path of the file.
    """

    def __init__(self, folder: Path) -> None:
        """Make an empty file in a folder. The folder is made if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob("tmp-spool-*"):
            leftover.unlink()
        self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115, lives as long as the block
            prefix="tmp-spool-",
            dir=folder.absolute(),
        )
        self._folder = folder
        self.path = Path(self._file.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, contents: Sequence[bytes]) -> list[int]:
        """Append the bytes of images, and return the offset of each.

        The bytes are flushed, so that other machines can read them.
        """
        with writing(self._folder), self.path.open("ab") as file:
            first = file.tell()
            file.writelines(contents)
        return list(accumulate(map(len, contents), initial=first))[:-1]

    def read(self, start: int, length: int) -> bytes:
        """Return `length` bytes at the offset `start`."""
        return read(self.path, start, length)


def read(file: Path, start: int, length: int) -> bytes:
    """Return `length` bytes of a file at the offset `start`."""
    with file.open("rb") as opened:
        return os.pread(opened.fileno(), length, start)


@dataclass(frozen=True)
class _Shard:
    """A shard to write: its file and its rows."""

    file: Path
    rows: pd.DataFrame


def write(folder: Path, table: pd.DataFrame, spool: Spool) -> None:
    """Write rows and the bytes of their images as shards.

    The first bits of an image's SHA-256 determine its shard. Rows are sorted by SHA-256 and path,
    so the order in which a source was read does not matter.

    Args:
        folder: an empty folder, for files such as `00000-of-00016.parquet`.
        table: rows with `COLUMNS`, and with the offset `start` and the `length` of the bytes.
        spool: has the bytes.
    """
    least = max(len(table) / IMAGES, LEAST_SHARDS)
    bits = math.ceil(math.log2(least))
    count = 2**bits
    ordered = table.sort_values(["sha256", "path"])
    shard_of_row = ordered["sha256"].map(lambda sha256: int(sha256[:8], 16) >> 32 - bits)
    tasks = (
        _Shard(
            file=folder.absolute() / f"{number:05d}-of-{count:05d}.parquet",
            rows=ordered[shard_of_row == number],
        )
        for number in range(count)
    )
    counts = parallel.run(
        partial(_write, spool.path),
        tasks,
        title="shards",
        unit="image",
        total=len(table),
        units=int,
    )
    parallel.finish(counts)


def _write(spool: Path, shard: _Shard) -> int:
    """Write a shard, and return its number of rows.

    The shard is not compressed, because images and hashes would hardly shrink.
    """
    with pq.ParquetWriter(
        shard.file,
        SCHEMA,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
    ) as writer:
        row_group = _row_groups(shard.rows["length"])
        for _, rows in shard.rows.groupby(row_group):
            writer.write_table(_arrow(rows, spool))
    return len(shard.rows)


def _row_groups(lengths: pd.Series) -> "pd.Series[int]":
    """Return the number of the row group of each image. `lengths` are in bytes."""
    numbers = []
    number = 0
    rows = 0
    size = 0
    for length in lengths:
        numbers.append(number)
        rows += 1
        size += length
        if rows == GROUP_ROWS or size >= GROUP_BYTES:
            number += 1
            rows = 0
            size = 0
    return pd.Series(numbers, lengths.index, dtype=int)


def _arrow(rows: pd.DataFrame, spool: Path) -> pa.Table:
    columns = {name: rows[name].to_list() for name in COLUMNS}
    columns["image"] = [
        {
            "bytes": read(spool, row["start"], row["length"]),
            "path": row["path"],
        }
        for row in rows.to_dict("records")
    ]
    return pa.table(columns, schema=SCHEMA)


def files(folder: Path) -> list[Path]:
    """Return the shards in a folder, in the order of the row numbers."""
    return sorted(folder.glob("*.parquet"))


def count(shard: Path) -> int:
    """Return the number of images in a shard."""
    return int(pq.read_metadata(shard).num_rows)


def images(shard: Path) -> Iterator[list[tuple[str, bytes]]]:
    """Yield lists with the SHA-256 and bytes of each image, a list for each row group."""
    with pq.ParquetFile(shard) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=["sha256", "image"])
            contents = rows["image"].combine_chunks().field("bytes")
            yield list(zip(rows["sha256"].to_pylist(), contents.to_pylist(), strict=True))


def contents(folder: Path) -> Contents:
    """Return a function that reads wanted images from the shards in a folder."""

    def read_wanted(keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        for shard, present in holding([folder], keys):
            yield from wanted(shard, present)

    return read_wanted


def holding(folders: Iterable[Path], keys: Collection[str]) -> Iterator[tuple[Path, set[str]]]:
    """Yield each shard that contains wanted images, with the SHA-256 of these images."""
    missing = set(keys)
    for folder in folders:
        for shard in files(folder):
            stored = pq.read_table(shard, columns=["sha256"])["sha256"].to_pylist()
            present = missing.intersection(stored)
            missing -= present
            if present:
                yield shard, present


def wanted(shard: Path, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield SHA-256 and bytes of each wanted image in a shard, once, in the order of the shard."""
    missing = set(keys)
    for row_group in images(shard):
        for sha256, content in row_group:
            if sha256 in missing:
                missing.remove(sha256)
                yield sha256, content


def read_table(folder: Path) -> pd.DataFrame:
    """Return the rows of all shards in a folder without the images, sorted by subset and path.

    The column `row` has the number of the image in the shards, from 0. `Pixels` uses it.
    """
    parts = [pq.read_table(shard, columns=list(COLUMNS)).to_pandas() for shard in files(folder)]
    table: pd.DataFrame = pd.concat(parts, ignore_index=True).astype(dict.fromkeys(NUMBERS, int))
    table["row"] = np.arange(len(table))
    ordered: pd.DataFrame = table.sort_values(["split", "path"], ignore_index=True)
    return ordered
