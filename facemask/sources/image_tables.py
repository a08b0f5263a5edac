"""Read the tables of a source that give the labels, groups and subsets of its images."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pandas as pd

from facemask.errors import UserError
from facemask.sources.lookup import Lookup
from facemask.sources.source import Entry, Source

COLUMN_OF_TABLE = {"labels.csv": "label", "groups.csv": "group", "splits.csv": "split"}
"""Tables of this pipeline, and the column that each has beside `path`.

A path is relative to the table.
"""

HUGGING_FACE = "metadata.csv"
"""Name of a table with `file_name,label`."""

ROBOFLOW = "_classes.csv"
"""Name of a table with `filename` and a column of 0 and 1 for each class."""

TABLES = {*COLUMN_OF_TABLE, HUGGING_FACE, ROBOFLOW}


@dataclass(frozen=True)
class ImageTables:
    """Label, group and subset of images by path in the source, if a table gives them."""

    label: dict[str, str] = field(default_factory=dict)
    group: dict[str, str] = field(default_factory=dict)
    split: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        path: of the image in the source.
        value: label, group or subset of the image.
        where: table and number of the row, for messages.
    """

    path: str
    value: str
    where: str


def read(source: Source) -> ImageTables:
    """Read the tables of a source.

    A damaged table is skipped here; the examination of the files reports it.

    Raises:
        UserError: a table has other columns, names a file that is not in the source, or contradicts
            itself or another table.
    """
    tables = ImageTables()
    first_rows: dict[tuple[str, str], Row] = {}
    lookup = Lookup(source.names)
    names = [name for name in source.names if PurePosixPath(name).name in TABLES]
    for entry in source.read(names):
        if entry.fault:
            continue
        column = COLUMN_OF_TABLE.get(PurePosixPath(entry.path).name, "label")
        values = getattr(tables, column)
        for row in _rows(entry, column, lookup):
            first = first_rows.setdefault((column, row.path), row)
            if first.value != row.value:
                raise UserError(
                    f"{source.path}: {row.path} has {column} {first.value!r} in {first.where} and "
                    f"{row.value!r} in {row.where}"
                )
            values[row.path] = row.value
    return tables


def _rows(
    entry: Entry,
    column: str,
    lookup: Lookup,
) -> Iterator[Row]:
    """Yield the rows of a table that have a value."""
    for number, (name, value) in enumerate(_pairs(entry, column), 2):  # row 1 names the columns
        where = f"{entry.path}, row {number}"
        path = lookup.find(entry.path, name)
        if not path:
            raise UserError(f"{where}: path = {name!r}: the source has no such file")
        if not value:
            continue
        if not re.match(r"\w", value):  # a spreadsheet would run a formula
            raise UserError(
                f"{where}: {column} = {value!r}: should begin with a letter, digit or underscore"
            )
        if column == "group":  # two tables may give the same name to different groups
            value = f"{PurePosixPath(entry.path).parent}/{value}"
        yield Row(path, value, where)


def _pairs(entry: Entry, column: str) -> Iterable[tuple[str, str]]:
    """Return for each row the name of the image and the value of a column."""
    table_name = PurePosixPath(entry.path).name
    form = f"should be CSV with path,{column}"
    try:
        table = parse(entry.content)
    except ValueError as error:
        raise UserError(f"{entry.path}: {form}: {error}") from error
    if table_name == ROBOFLOW and "filename" in table:
        names = table.pop("filename")
        return zip(names, _only_class(table), strict=True)
    name_column = "file_name" if table_name == HUGGING_FACE and "file_name" in table else "path"
    if {name_column, column} <= set(table):
        return zip(table[name_column], table[column], strict=True)
    if table_name in COLUMN_OF_TABLE:
        columns = ",".join(map(str, table))
        raise UserError(f"{entry.path}: {form}, has {columns[:100]}")
    return ()  # another program's table with the same name


def parse(content: bytes) -> pd.DataFrame:
    """Parse CSV whose separator is a comma, semicolon or tab; all cells are text.

    Raises:
        ValueError: the content is not such a table.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8; in Excel, save it as 'CSV UTF-8'") from error
    first_line = text.partition("\n")[0]
    try:
        separator = csv.Sniffer().sniff(first_line, ",;\t").delimiter
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
    """Return for each row the column that is 1; empty if none or several are 1."""
    classes = []
    for row in table.to_dict("records"):
        names = [str(name) for name, value in row.items() if value == "1"]
        classes.append(names[0] if len(names) == 1 else "")
    return classes
