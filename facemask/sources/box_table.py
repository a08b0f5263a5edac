"""Tables of boxes from Roboflow: `_annotations.csv` has a row for each box."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from facemask.sources.annotation import (
    Annotation,
    Box,
    annotation,
    class_name,
    numbers,
)
from facemask.sources.image_tables import parse
from facemask.sources.lookup import Lookup
from facemask.sources.source import Source

TABLE = "_annotations.csv"

EDGES = ("xmin", "ymin", "xmax", "ymax")
"""Columns with the edges of a box in pixels."""

COLUMNS = {"filename", "class", "width", "height", *EDGES}


def read(source: Source) -> dict[str, Annotation]:
    """Return the boxes in the tables of a source, by path of the image.

    Tables with other columns, and images that are not in the source, are ignored.
    """
    files = [name for name in source.names if PurePosixPath(name).name == TABLE]
    lookup = Lookup(source.names)
    annotations = {}
    for entry in source.read(files):
        try:
            table = parse(entry.content)
        except ValueError:
            continue
        if not COLUMNS.issubset(table.columns):
            continue
        for name, rows in table.groupby("filename", sort=False):
            path = lookup.find(entry.path, str(name))
            if path:
                boxes = partial(_boxes, rows.to_dict("records"))
                annotations[path] = annotation(entry.path, boxes)
    return annotations


def _boxes(rows: Sequence[Mapping[Any, Any]]) -> list[Box]:
    """Return the boxes of the rows about one image."""
    boxes = []
    for row in rows:
        left, top, right, bottom = numbers(row[edge] for edge in EDGES)
        width, height = numbers([row["width"], row["height"]])
        box = Box(
            label=class_name(row["class"]),
            edges=(left, top, right, bottom),
            image_size=(width, height),
        )
        boxes.append(box)
    return boxes
