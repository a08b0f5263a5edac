"""Images and their rows as Parquet shards: a row for each image, with its bytes in column `image`.

pandas, DuckDB, Dask, Ray and Spark read them like any Parquet. Hugging Face `datasets` shows the
pictures, since `image` has the layout of its image feature (`bytes`, `path`).
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
"""Most images of a shard, on average."""

LEAST_SHARDS = 4
"""Fewest shards, so that every core has one to work on."""

GROUP_ROWS = 64
"""Most images of a row group, the unit of reading."""

GROUP_BYTES = 64_000_000
"""A row group also ends with the image that reaches so many bytes."""

TEXT = ("path", "source", "label", "sha256", "pixels", "given_group", "given_split", "split")
NUMBERS = ("width", "height")
COLUMNS = (*TEXT[:5], *NUMBERS, *TEXT[5:])
"""Columns of the table that travels with the images; see `tables`."""

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

    A temporary file holds them. It is removed at the end of the `with` block, or by the next spool
    if the process is killed.

    Attributes:
        path: of the file, absolute.
    """

    def __init__(self, folder: Path) -> None:
        """Open an empty spool in a folder, which is made when it is missing."""
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
        """Append the bytes of files, and return where each file begins.

        The spool's file is then closed, so that other machines see the bytes.
        """
        with writing(self._folder), self.path.open("ab") as file:
            first = file.tell()
            file.writelines(contents)
        return list(accumulate(map(len, contents), initial=first))[:-1]

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes that `add` put at `start`."""
        return read(self.path, start, length)


def read(file: Path, start: int, length: int) -> bytes:
    """Return bytes of a file, such as that of a spool."""
    with file.open("rb") as opened:
        return os.pread(opened.fileno(), length, start)


@dataclass(frozen=True)
class _Shard:
    """A shard to write: its file and its rows."""

    file: Path
    rows: pd.DataFrame


def write(folder: Path, table: pd.DataFrame, spool: Spool) -> None:
    """Write rows and the bytes of their images as shards.

    The first bits of an image's SHA-256 choose its shard. Rows are sorted by SHA-256 and path, so
    the order of the source does not matter.

    Args:
        folder: empty; gets `00000-of-00016.parquet` and so on.
        table: rows with `COLUMNS`, and with `start` and `length` in the spool.
        spool: holds the bytes.
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

    Nothing is compressed: images are compressed already, and hashes do not shrink.
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
    """Return the number of each image's row group, from the lengths of the images in bytes."""
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
            contents = rows["image"].combine_chunks().field("bytes")
            yield list(zip(rows["sha256"].to_pylist(), contents.to_pylist(), strict=True))


def contents(folder: Path) -> Contents:
    """Return a function that yields the bytes of wanted images from the shards of a folder."""

    def read_wanted(keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        for shard, present in holding([folder], keys):
            yield from wanted(shard, present)

    return read_wanted


def holding(folders: Iterable[Path], keys: Collection[str]) -> Iterator[tuple[Path, set[str]]]:
    """Yield each shard in folders that holds wanted images, with the SHA-256 of these images."""
    missing = set(keys)
    for folder in folders:
        for shard in files(folder):
            stored = pq.read_table(shard, columns=["sha256"])["sha256"].to_pylist()
            present = missing.intersection(stored)
            missing -= present
            if present:
                yield shard, present


def wanted(shard: Path, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield SHA-256 and bytes of each wanted image of a shard once, in their order."""
    missing = set(keys)
    for row_group in images(shard):
        for sha256, content in row_group:
            if sha256 in missing:
                missing.remove(sha256)
                yield sha256, content


def read_table(folder: Path) -> pd.DataFrame:
    """Return the rows of a folder's shards without the images, sorted by subset and path.

    Column `row` is the number of each row in the order of the shards, which `Pixels` are read by.
    """
    parts = [pq.read_table(shard, columns=list(COLUMNS)).to_pandas() for shard in files(folder)]
    table: pd.DataFrame = pd.concat(parts, ignore_index=True).astype(dict.fromkeys(NUMBERS, int))
    table["row"] = np.arange(len(table))
    ordered: pd.DataFrame = table.sort_values(["split", "path"], ignore_index=True)
    return ordered
