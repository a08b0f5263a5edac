"""YOLO annotations: a `.txt` file for each image, and a file with the names of the classes."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

from ruamel.yaml import YAML, AnchorToken
from ruamel.yaml.error import YAMLError

from facemask.errors import UserError
from facemask.sources.annotation import (
    Annotation,
    BadAnnotationError,
    Box,
    Edges,
    beside_images,
    class_name,
    content_of,
    numbers,
)
from facemask.sources.source import Entry, Source

NAME_FILES = ("classes.txt", "obj.names", "data.yaml", "data.yml")
"""Files in which YOLO's tools write the names of the classes. A box has the number of a class."""

BOX = 4
"""Numbers in a box: x and y of its centre, its width, and its height, all as shares (0-1)."""

BOX_AND_CONFIDENCE = 5
SMALLEST_POLYGON = 6
"""Numbers in a polygon of three points."""


def read(source: Source) -> dict[str, Annotation]:
    """Return the YOLO annotations of a source, by path of the image.

    The result is empty if no file names the classes.

    Raises:
        UserError: two files name different classes.
    """
    names = _names(source)
    if not names:
        return {}
    return beside_images(source, ".txt", partial(_boxes, names=names))


def _boxes(content: bytes, names: Mapping[int, str]) -> list[Box]:
    boxes = []
    for number, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            boxes.append(_box(line.split(), names))
        except BadAnnotationError as error:
            raise BadAnnotationError(f"line {number}: {error}") from error
    return boxes


def _box(fields: Sequence[str], names: Mapping[int, str]) -> Box:
    """Return the box of a line: a class's number, then a box or a polygon."""
    index, *values = fields
    count = len(values)
    is_polygon = count >= SMALLEST_POLYGON and count % 2 == 0
    is_box = count in (BOX, BOX_AND_CONFIDENCE)
    if not index.isdecimal() or not (is_box or is_polygon):
        raise BadAnnotationError("should be a class's number and four shares, or a polygon")
    if int(index) not in names:
        raise BadAnnotationError(f"class {index} has no name; there are {len(names)}")
    shares = numbers(values)
    return Box(
        label=names[int(index)],
        edges=_around(shares) if is_polygon else _edges(*shares[:BOX]),
        image_size=(1, 1),
    )


def _edges(
    x: float,
    y: float,
    width: float,
    height: float,
) -> Edges:
    """Return the edges of a box that is given by its centre."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _around(points: Sequence[float]) -> Edges:
    """Return the edges of the box around a polygon; x and y of its points alternate."""
    x = points[::2]
    y = points[1::2]
    return min(x), min(y), max(x), max(y)


def _names(source: Source) -> dict[int, str]:
    """Return the names of the classes by their numbers; empty if no file has names."""
    files = [name for name in source.names if PurePosixPath(name).name in NAME_FILES]
    first_names: dict[int, str] = {}
    first_path = ""
    for entry in source.read(files):
        names = _names_in(entry)
        if not first_names:
            first_names = names
            first_path = entry.path
        if names not in ({}, first_names):
            raise UserError(f"{source.path}: {first_path} and {entry.path} name different classes")
    return first_names


def _names_in(entry: Entry) -> dict[int, str]:
    """Return the names in a file; empty if it is not a file of names."""
    try:
        text = content_of(entry).decode("utf-8-sig")
        is_yaml = entry.path.endswith(("yaml", "yml"))
        names: object = _names_in_yaml(text) if is_yaml else text.splitlines()
        if isinstance(names, list):
            names = dict(enumerate(names))
        if not isinstance(names, dict):
            return {}
        return {
            int(number): class_name(name) for number, name in names.items() if str(name).strip()
        }
    except (ValueError, TypeError, RecursionError, YAMLError):
        return {}


def _names_in_yaml(text: str) -> object:
    """Return the value of `names`; None if the file has anchors.

    A small file with anchors may expand to a very large value.
    """
    reader = YAML(typ="safe", pure=True)
    if any(isinstance(token, AnchorToken) for token in reader.scan(text)):
        return None
    values = reader.load(text)
    return values.get("names") if isinstance(values, dict) else None
