"""Images and their rows as Parquet shards: a row an image, its bytes in a column `image`.

pandas, DuckDB, Dask, Ray and Spark read them as any Parquet; Hugging Face `datasets` shows the
pictures, as `image` has the layout of its image feature (`bytes`, `path`).
"""

import json
import math
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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

IMAGES, LEAST_SHARDS = 1000, 4
"""Most images of a shard, on average, and fewest shards, so that every core has one to work on."""

GROUP_ROWS, GROUP_BYTES = 64, 64_000_000
"""A row group, the unit of reading, ends with the image that reaches either."""

TEXT = ("path", "source", "label", "sha256", "pixels", "given_group", "given_split", "split")
NUMBERS = ("width", "height")
COLUMNS = (*TEXT[:5], *NUMBERS, *TEXT[5:])
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

    They lie in one file, which ends with the `with` block; where that was killed, with the next
    spool.

    Attributes:
        path: of the file, absolute.
    """

    def __init__(self, folder: Path) -> None:
        """Open an empty spool in `folder`, which is made when it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("tmp-spool-*"):
            left.unlink()
        # It lives as long as the block.
        self._file = tempfile.NamedTemporaryFile(prefix="tmp-spool-", dir=folder.absolute())  # noqa: SIM115
        self._folder, self.path = folder, Path(self._file.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, contents: Sequence[bytes]) -> list[int]:
        """Append the bytes of files; return where each begins; a full disk is a `UserError`.

        The file is closed, so that by now other machines see them.
        """
        with writing(self._folder), self.path.open("ab") as file:
            first = file.tell()
            file.writelines(contents)
        return list(accumulate(map(len, contents), initial=first))[:-1]

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes that `add` put at `start`."""
        return read(self.path, start, length)


def read(file: Path, start: int, length: int) -> bytes:
    """Return bytes of a file, of a spool for instance."""
    with file.open("rb") as opened:
        return os.pread(opened.fileno(), length, start)


def write(folder: Path, table: pd.DataFrame, spool: Spool) -> None:
    """Write rows and the bytes of their images as shards.

    An image falls into a shard by the leading bits of its SHA-256, and rows are sorted by SHA-256
    and path, so that nothing depends on the order of the source.

    Args:
        folder: empty; gets `00000-of-00016.parquet` and so on.
        table: rows with `COLUMNS`, and with `start` and `length` in the spool.
        spool: holds the bytes.

    Raises:
        UserError: as `parallel.run`.
    """
    bits = math.ceil(math.log2(max(len(table) / IMAGES, LEAST_SHARDS)))
    ordered = table.sort_values(["sha256", "path"])
    shard = ordered["sha256"].map(lambda sha256: int(sha256[:8], 16) >> 32 - bits)
    parts = (
        (folder.absolute() / f"{number:05d}-of-{2**bits:05d}.parquet", ordered[shard == number])
        for number in range(2**bits)
    )
    parallel.finish(
        parallel.run(partial(_write, spool.path), parts, "shards", "image", len(table), int)
    )


def _write(spool: Path, part: tuple[Path, pd.DataFrame]) -> int:
    """Write the rows of one shard, and return their number."""
    file, rows = part
    # Images are compressed already; hashes do not shrink.
    with pq.ParquetWriter(
        file, SCHEMA, compression="none", use_dictionary=False, write_statistics=False
    ) as writer:
        for _, some in rows.groupby(_row_groups(rows["length"])):
            writer.write_table(_arrow(some, spool))
    return len(rows)


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
        for shard, here in holding([folder], keys):
            yield from wanted(shard, here)

    return wanted_of


def holding(folders: Iterable[Path], keys: Collection[str]) -> Iterator[tuple[Path, set[str]]]:
    """Yield the shards of folders that hold wanted images, each with these images' SHA-256."""
    missing = set(keys)
    for shard in (file for folder in folders for file in files(folder)):
        held = missing.intersection(pq.read_table(shard, columns=["sha256"])["sha256"].to_pylist())
        missing -= held
        if held:
            yield shard, held


def wanted(shard: Path, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield SHA-256 and bytes of each wanted image of a shard once, in their order."""
    missing = set(keys)
    for sha256, content in (image for group in images(shard) for image in group):
        if sha256 in missing:
            missing.remove(sha256)
            yield sha256, content


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


def _arrow(rows: pd.DataFrame, spool: Path) -> pa.Table:
    pictures = [
        {"bytes": read(spool, start, length), "path": path}
        for start, length, path in zip(rows["start"], rows["length"], rows["path"], strict=True)
    ]
    columns = {name: rows[name].to_list() for name in COLUMNS}
    return pa.table({"image": pictures, **columns}, schema=SCHEMA)
