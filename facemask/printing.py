"""Output of `predict.py` as a table, CSV or JSON. A row is printed as soon as it is known."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from facemask.inference.photos import TOO_SMALL, FaceAnswer
from facemask.sources.names import printable

FIELDS = ("file", "label", "probability", "score", "face", "note")

Row = dict[str, Any]
Write = Callable[[Sequence[Row]], None]


def row(file: Path, face: FaceAnswer, note: str) -> Row:
    """Return the row of a face, with the keys `FIELDS`."""
    notes = ["unsure" if face.unsure else "", note]
    probability = None if face.too_small else face.answer.probability
    score = None if face.score is None else round(face.score, 4)
    return {
        "file": str(file),
        "label": face.label,
        "probability": probability,
        "score": score,
        "face": " ".join(map(str, face.box)),
        "note": "; ".join(filter(None, notes)),
    }


def printer(
    form: str | None, files: Sequence[str], labels: Sequence[str]
) -> AbstractContextManager[Write]:
    """Return a context manager that yields a function which prints rows.

    Args:
        form: `json` for a list, `csv`, or None for a table.
        files: all values of the column `file`. They determine its width.
        labels: all values of the column `label`. They determine its width.
    """
    if form == "json":
        return _json()
    if form == "csv":
        return _csv()
    return _table(files, labels)


@contextmanager
def _json() -> Iterator[Write]:
    separator = "\n"
    _print("[", end="")

    def write(rows: Sequence[Row]) -> None:
        nonlocal separator
        for row in rows:
            _print(separator + json.dumps(row), end="")
            separator = ",\n"

    try:
        yield write
    finally:
        _print("\n]")


@contextmanager
def _csv() -> Iterator[Write]:
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")

    def write(rows: Sequence[Row]) -> None:
        writer.writerows(row.values() for row in rows)
        _print(line.getvalue(), end="")
        line.seek(0)
        line.truncate()

    write([dict(zip(FIELDS, FIELDS, strict=True))])
    yield write


@contextmanager
def _table(files: Sequence[str], labels: Sequence[str]) -> Iterator[Write]:
    longest = {
        "file": max(map(printable, files), key=len),
        "label": max([TOO_SMALL, *labels], key=len),
        "probability": "0.1234",
        "score": "0.1234",
        "face": "1234 1234 1234 1234",
        "note": "",
    }
    widths = {name: max(len(name), len(text)) for name, text in longest.items()}

    def print_line(cells: Row) -> None:
        texts = [str(cells[name]).ljust(widths[name]) for name in FIELDS]
        _print("  ".join(texts).rstrip())

    def write(rows: Sequence[Row]) -> None:
        for row in rows:
            probability = row["probability"]
            digits = "" if probability is None else f"{probability:.4f}"
            print_line(row | {"file": printable(row["file"]), "probability": digits})

    print_line({name: name for name in FIELDS})
    yield write


def _print(text: str, end: str = "\n") -> None:
    """Print on standard output without damage to the progress bar."""
    tqdm.write(text, file=sys.stdout, end=end)
