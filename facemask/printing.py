"""The rows that the command prints, as they come: a table, CSV or JSON."""

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
    """Return the row of a face, with `FIELDS`; `unsure` comes before the note."""
    notes = ["unsure" if face.unsure else "", note]
    return {
        "file": str(file),
        "label": face.label,
        "probability": None if face.too_small else face.answer.probability,
        "score": None if face.score is None else round(face.score, 4),
        "face": " ".join(map(str, face.box)),
        "note": "; ".join(filter(None, notes)),
    }


def printer(
    form: str | None, files: Sequence[str], labels: Sequence[str]
) -> AbstractContextManager[Write]:
    """Return a context whose value prints rows at once; at its end the output is complete.

    Args:
        form: `json` (a list), `csv`, or none for a table.
        files: all that may stand in the column `file`, for its width.
        labels: the same for the column `label`.
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
    def write(rows: Sequence[Row]) -> None:
        for row in rows:
            _print_csv(list(row.values()))

    _print_csv(FIELDS)
    yield write


@contextmanager
def _table(files: Sequence[str], labels: Sequence[str]) -> Iterator[Write]:
    widths = {name: len(name) for name in FIELDS}
    widths["file"] = max(len("file"), *(len(printable(file)) for file in files))
    widths["label"] = max(len("label"), len(TOO_SMALL), *map(len, labels))
    widths["score"] = len("0.1234")
    widths["face"] = len("1234 1234 1234 1234")

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


def _print_csv(cells: Sequence[Any]) -> None:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    _print(line.getvalue(), end="")


def _print(text: str, end: str = "\n") -> None:
    """Print on standard output without tearing the progress bar."""
    tqdm.write(text, file=sys.stdout, end=end)
