"""Read `people.csv`, a source's table of the people in its images.

The table has a column `path`, relative to the table, and a column for each attribute, such as `age`
or `sex`. An empty cell means unknown.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import pandas as pd

from facemask.errors import UserError
from facemask.sources.image_tables import parse
from facemask.sources.source import Entry, Source, harmless

TABLE = "people.csv"

COLUMNS = ["set", "path", "attribute", "value"]
"""Columns of what `read` returns."""

MOST_VALUES = 20
"""Largest number of different values of an attribute.

Whole numbers with more values, such as ages, are grouped by tens.
"""


def read(sources: Sequence[Source]) -> pd.DataFrame:
    """Return the attributes of the people in the images of sources.

    Args:
        sources: external test sets and photos. The name of a source becomes the column `set`.

    Returns:
        A row for each value: set, path, attribute, value.

    Raises:
        UserError: a table names a file that is not in its source, or names a file twice. Or an
            attribute has too many values. Or a spreadsheet would run a name or value as a formula.
    """
    parts = [pd.DataFrame(columns=COLUMNS)]
    for source in sources:
        names = [path for path in source.names if PurePosixPath(path).name == TABLE]
        for entry in source.read(names):
            parts.append(_attributes(entry, source).assign(set=source.name))
    return pd.concat(parts)[COLUMNS]


def _attributes(entry: Entry, source: Source) -> pd.DataFrame:
    """Return the rows of one table: path, attribute, value."""
    folder = PurePosixPath(entry.path).parent
    try:
        table = parse(entry.content)
        names = table.pop("path").str.replace("\\", "/")
    except (KeyError, ValueError) as error:
        reason = entry.fault or f"should be CSV with a column path: {error}"
        raise UserError(f"{entry.path}: {reason}") from error
    paths = [str(folder / harmless(name)) for name in names]
    _refuse_paths(entry.path, paths, source)
    for attribute in table:
        table[attribute] = _values(entry.path, str(attribute), table[attribute])
    rows = table.assign(path=paths).melt("path", var_name="attribute")
    return rows[rows["value"] != ""]


def _refuse_paths(
    table: str,
    paths: list[str],
    source: Source,
) -> None:
    """Stop if a path of a table is not in the source, or occurs twice."""
    files = set(source.names)
    first_row: dict[str, int] = {}
    for row, path in enumerate(paths, 2):  # row 1 has the names of the columns
        if path not in files:
            raise UserError(f"{table}: row {row}: path = {path!r}: the source has no such file")
        if path in first_row:
            raise UserError(f"{table}: rows {first_row[path]} and {row} both name {path!r}")
        first_row[path] = row


def _values(
    table: str,
    attribute: str,
    values: pd.Series,
) -> pd.Series:
    """Return the values of an attribute; group whole numbers by tens if there are many."""
    for text in (attribute, *values):
        if text and not re.match(r"\w", text):  # a spreadsheet would run a formula
            raise UserError(
                f"{table}: {attribute} = {text!r}: should begin with a letter, digit or underscore"
            )
    known = values[values != ""]
    if known.nunique() > MOST_VALUES and known.str.fullmatch(r"\d{1,9}").all():
        known = known.map(_tens)
    count = known.nunique()
    if count > MOST_VALUES:
        raise UserError(
            f"{table}: {attribute}: has {count} different values; should have at most {MOST_VALUES}"
        )
    return known.reindex(values.index, fill_value="")


def _tens(number: str) -> str:
    """Return the tens that a whole number is in, such as `40-49`."""
    first = int(number) // 10 * 10
    return f"{first}-{first + 9}"
