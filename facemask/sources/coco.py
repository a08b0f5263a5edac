"""COCO annotations: a `.json` file for many images."""

import json
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

from facemask.sources.annotation import (
    Annotation,
    Box,
    annotation,
    class_name,
    numbers,
)
from facemask.sources.lookup import Lookup
from facemask.sources.source import Source

Values = Mapping[str, Any]
"""A JSON object."""


def read(source: Source) -> dict[str, Annotation]:
    """Return the COCO annotations of a source, by path of the image.

    JSON files of another format are ignored.
    """
    files = [name for name in source.names if name.lower().endswith(".json")]
    lookup = Lookup(source.names)
    annotations: dict[str, Annotation] = {}
    for entry in source.read(files):
        try:
            values = json.loads(entry.content)
            annotations |= _annotations(entry.path, values, lookup)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue
    return annotations


def _annotations(
    file: str,
    values: Values,
    lookup: Lookup,
) -> dict[str, Annotation]:
    """Return the annotations of a file, by path of the image.

    Images that are not in the source are left out.
    """
    names = {}
    for category in values["categories"]:
        names[category["id"]] = class_name(category["name"])
    faces_of_image: defaultdict[Any, list[Values]] = defaultdict(list)
    for face in values["annotations"]:
        faces_of_image[face["image_id"]].append(face)
    annotations = {}
    for image in values["images"]:
        path = lookup.find(file, image["file_name"])
        if path:
            faces = faces_of_image[image["id"]]
            annotations[path] = annotation(
                file,
                partial(
                    _boxes,
                    image,
                    faces,
                    names,
                ),
            )
    return annotations


def _boxes(
    image: Values,
    faces: list[Values],
    names: Mapping[Any, str],
) -> list[Box]:
    """Return the boxes of an image. A `bbox` is left, top, width and height in pixels."""
    image_width, image_height = numbers([image.get("width", 0), image.get("height", 0)])
    boxes = []
    for face in faces:
        left, top, width, height = numbers(face["bbox"])
        box = Box(
            label=names[face["category_id"]],
            edges=(left, top, left + width, top + height),
            image_size=(image_width, image_height),
        )
        boxes.append(box)
    return boxes
