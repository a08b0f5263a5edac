"""Tables of a source -> what they say of its images: label, group and subset."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pandas as pd

from facemask.errors import UserError
from facemask.sources.source import Entry, Source, harmless

PATH = "path"
COLUMN_OF_TABLE = {"labels.csv": "label", "groups.csv": "group", "splits.csv": "split"}
"""Names of this pipeline's tables; each has `PATH`, relative to the table, and this column."""

HUGGING_FACE, ROBOFLOW = "metadata.csv", "_classes.csv"
"""Tables of others: `file_name,label`; and `filename` with a column of 0 and 1 for each class."""

TABLES = {*COLUMN_OF_TABLE, HUGGING_FACE, ROBOFLOW}


@dataclass(frozen=True)
class Given:
    """What the tables of a source say of its images, by path in the source."""

    label: dict[str, str] = field(default_factory=dict)
    group: dict[str, str] = field(default_factory=dict)
    split: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """What a row of a table says of a file; `where` names table and row, for messages."""

    path: str
    value: str
    where: str


def read(source: Source) -> Given:
    """Read the tables of a source; one that is damaged is left to the examination of the files.

    Raises:
        UserError: a table has other columns, names a file that is not in the source, or contradicts
            itself or another table.
    """
    given = Given()
    seen: dict[tuple[str, str], Row] = {}
    paths = set(source.names)
    names = [name for name in source.names if PurePosixPath(name).name in TABLES]
    for entry in source.read(names) if names else ():
        column = COLUMN_OF_TABLE.get(PurePosixPath(entry.path).name, "label")
        for row in () if entry.fault else _rows(entry, column, paths):
            first = seen.setdefault((column, row.path), row)
            if first.value != row.value:
                raise UserError(
                    f"{source.path}: {row.path} has {column} {first.value!r} in {first.where} and "
                    f"{row.value!r} in {row.where}"
                )
            getattr(given, column)[row.path] = row.value
    return given


def _rows(entry: Entry, column: str, paths: Collection[str]) -> Iterator[Row]:
    """Yield the rows of a table that say something; `paths` are those of the source."""
    above = PurePosixPath(entry.path).parent
    for number, (name, value) in enumerate(_pairs(entry, column), 2):  # row 1 names the columns
        where = f"{entry.path}, row {number}"
        path = _in_source(above, harmless(name), paths)
        if path not in paths:
            raise UserError(f"{where}: path = {path!r}: the source has no such file")
        if not value:
            continue
        if not re.match(r"\w", value):  # also what a spreadsheet would run
            raise UserError(
                f"{where}: {column} = {value!r}: should begin with a letter, digit or underscore"
            )
        if column == "group":  # two tables may give the same name to different groups
            value = f"{above}/{value}"
        yield Row(path, value, where)


def _pairs(entry: Entry, column: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the value of each row."""
    name = PurePosixPath(entry.path).name
    try:
        table = parse(entry.content)
    except ValueError as error:
        raise UserError(f"{entry.path}: should be CSV with {PATH},{column}: {error}") from error
    if name == HUGGING_FACE:
        if {"file_name", "label"} <= set(table):  # else it tells something else of the images
            yield from zip(table["file_name"], table["label"], strict=True)
    elif name == ROBOFLOW:
        if "filename" in table:
            yield from zip(table.pop("filename"), _only_class(table), strict=True)
    elif {PATH, column} <= set(table):
        yield from zip(table[PATH], table[column], strict=True)
    else:
        columns = ",".join(map(str, table))[:100]
        raise UserError(f"{entry.path}: should be CSV with {PATH},{column}, has {columns}")


def parse(content: bytes) -> pd.DataFrame:
    """Return a CSV table as text, separated by commas, semicolons or tabs.

    Raises:
        ValueError: it is not such a table.
    """
    text = content.decode("utf-8-sig")
    try:
        separator = csv.Sniffer().sniff(text.partition("\n")[0], ",;\t").delimiter
    except csv.Error:  # a table of one column
        separator = ","
    table = pd.read_csv(
        io.StringIO(text),
        sep=separator,
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
        index_col=False,
    )
    return table.rename(columns=str.strip)


def _only_class(table: pd.DataFrame) -> list[str]:
    """Return the column that is 1 in each row, empty where none is, or several are."""
    chosen = [[name for name in table if row[name] == "1"] for row in table.to_dict("records")]
    return [str(names[0]) if len(names) == 1 else "" for names in chosen]


def _in_source(above: PurePosixPath, path: str, paths: Collection[str]) -> str:
    """Return a path of a table in the folder `above` as the source has it, also one of Windows."""
    whole = path if above == PurePosixPath() else str(above / path)
    return whole if whole in paths else whole.replace("\\\\", "/")
