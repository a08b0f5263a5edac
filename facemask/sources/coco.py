"""COCO annotations: a `.json` file for many images."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from facemask.sources.annotation import Annotation, Box, annotation, class_name, numbers
from facemask.sources.lookup import Lookup
from facemask.sources.source import Source


def read(source: Source) -> dict[str, Annotation]:
    """Return the COCO annotations of a source, by path of the image; other JSON is passed over."""
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
    values: Any,
    lookup: Lookup,
) -> dict[str, Annotation]:
    names = {category["id"]: class_name(category["name"]) for category in values["categories"]}
    faces_of: dict[Any, list[Any]] = {image["id"]: [] for image in values["images"]}
    for face in values["annotations"]:
        faces_of.get(face["image_id"], []).append(face)
    annotations = {}
    for image in values["images"]:
        path = lookup.find(file, image["file_name"])
        if path:
            boxes = partial(_boxes, image, faces_of[image["id"]], names)
            annotations[path] = annotation(file, boxes)
    return annotations


def _boxes(
    image: Any,
    faces: list[Any],
    names: Mapping[Any, str],
) -> list[Box]:
    width, height = numbers([image.get("width", 0), image.get("height", 0)])
    boxes = []
    for face in faces:
        left, top, box_width, box_height = numbers(face["bbox"])
        edges = (left, top, left + box_width, top + box_height)
        boxes.append(Box(names[face["category_id"]], edges, (width, height)))
    return boxes
