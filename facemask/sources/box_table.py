"""Tables of boxes as Roboflow exports them: `_annotations.csv`, a row a box, edges in pixels."""

from functools import partial
from pathlib import PurePosixPath
from typing import Any

from facemask.sources.annotation import Annotation, Box, annotation, class_name, numbers
from facemask.sources.given import parse
from facemask.sources.lookup import Lookup
from facemask.sources.source import Source

TABLE = "_annotations.csv"
EDGES = ("xmin", "ymin", "xmax", "ymax")
COLUMNS = {"filename", "class", "width", "height", *EDGES}


def read(source: Source) -> dict[str, Annotation]:
    """Return the boxes of such tables, by path of the image; other tables are passed over."""
    files = [name for name in source.names if PurePosixPath(name).name == TABLE]
    lookup = Lookup(source.names)
    annotations = {}
    for entry in source.read(files):
        try:
            table = parse(entry.content)
        except ValueError:
            continue
        if not set(table) >= COLUMNS:
            continue
        for name, rows in table.groupby("filename", sort=False):
            path = lookup.find(entry.path, str(name))
            if path:
                boxes = partial(_boxes, rows.to_dict("records"))
                annotations[path] = annotation(entry.path, boxes)
    return annotations


def _boxes(rows: list[Any]) -> list[Box]:
    boxes = []
    for row in rows:
        left, top, right, bottom = numbers(row[edge] for edge in EDGES)
        width, height = numbers([row["width"], row["height"]])
        boxes.append(Box(class_name(row["class"]), (left, top, right, bottom), (width, height)))
    return boxes
