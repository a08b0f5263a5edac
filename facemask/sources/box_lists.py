"""Annotation files of many images -> boxes: COCO (`.json`), and tables as Roboflow exports them."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from facemask.sources.box import Annotation, Box, label, number
from facemask.sources.given import parse
from facemask.sources.names import printable
from facemask.sources.source import Entry, Source, harmless

TABLE = "_annotations.csv"
"""Roboflow's name for a table with `COLUMNS`; edges are in pixels."""

COLUMNS = ("filename", "class", "width", "height", "xmin", "ymin", "xmax", "ymax")

Find = Callable[[str, str], str]
"""From the path of an annotation file and the name of an image in it to the image's path."""


def read(source: Source) -> dict[str, Annotation]:
    """Read the lists of boxes of a source; other JSON and CSV files are passed over.

    Returns:
        By path of the image; images that are not in the source are left out.
    """
    files = [
        name
        for name in source.names
        if name.lower().endswith(".json") or PurePosixPath(name).name == TABLE
    ]
    find = _finder(source.names)
    annotations: dict[str, Annotation] = {}
    for entry in source.read(files) if files else ():
        annotations |= _table(entry, find) if entry.path.endswith(TABLE) else _coco(entry, find)
    annotations.pop("", None)
    return annotations


def _finder(names: Iterable[str]) -> Find:
    """Return what finds an image beside an annotation file, or anywhere by a name of its own."""
    paths = set(names)
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(PurePosixPath(path).name, []).append(path)

    def find(file: str, image: str) -> str:
        path = harmless(image.replace("\\", "/"))
        beside = str(PurePosixPath(file).parent / path)
        if beside in paths:
            return beside
        same_name = by_name.get(PurePosixPath(path).name, [])
        return same_name[0] if len(same_name) == 1 else ""

    return find


def _coco(entry: Entry, find: Find) -> dict[str, Annotation]:
    """Return the boxes of a COCO file; nothing where it is another kind of JSON."""
    try:
        values = json.loads(entry.content)
        names = {category["id"]: label(category["name"]) for category in values["categories"]}
        images = {image["id"]: image for image in values["images"]}
        faces_of: dict[Any, list[Any]] = {key: [] for key in images}
        for face in values["annotations"]:
            faces_of.get(face["image_id"], []).append(face)
        paths = {key: find(entry.path, image["file_name"]) for key, image in images.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    boxes = partial(_coco_boxes, names=names)
    return {
        paths[key]: _annotation(entry, boxes, image, faces_of[key]) for key, image in images.items()
    }


def _coco_boxes(image: Any, faces: list[Any], names: Mapping[Any, str]) -> list[Box]:
    size = number(image.get("width", 0)), number(image.get("height", 0))
    boxes = []
    for face in faces:
        left, top, width, height = map(number, face["bbox"])
        edges = (left, top, left + width, top + height)
        boxes.append(Box(names[face["category_id"]], edges, size))
    return boxes


def _table(entry: Entry, find: Find) -> dict[str, Annotation]:
    """Return the boxes of a table; nothing where it has other columns."""
    try:
        table = parse(entry.content)[list(COLUMNS)]
    except (ValueError, LookupError):
        return {}
    return {
        find(entry.path, str(name)): _annotation(entry, _table_boxes, rows.to_dict("records"))
        for name, rows in table.groupby("filename", sort=False)
    }


def _table_boxes(rows: list[Any]) -> list[Box]:
    boxes = []
    for row in rows:
        left, top, right, bottom = (number(row[edge]) for edge in COLUMNS[4:])
        size = number(row["width"]), number(row["height"])
        boxes.append(Box(label(row["class"]), (left, top, right, bottom), size))
    return boxes


def _annotation(entry: Entry, boxes: Callable[..., list[Box]], *image: Any) -> Annotation:
    try:
        return boxes(*image)
    except (ValueError, LookupError, TypeError) as error:
        return f"{entry.path}: {printable(str(error))}"
