"""Annotations of a source -> boxes with a class."""

from collections.abc import Mapping

from facemask.sources import box_files, box_lists
from facemask.sources.box import Annotation
from facemask.sources.source import Source


def read(source: Source) -> dict[str, Annotation]:
    """Read the annotations of a source, by path of the image.

    An annotation file of one image counts before a list of boxes of many images.

    Raises:
        UserError: two files of a YOLO set name different classes.
    """
    return box_lists.read(source) | box_files.read(source)


def labels(annotations: Mapping[str, Annotation]) -> set[str]:
    """Return the names of the classes that the boxes have."""
    return {
        box.label for boxes in annotations.values() if not isinstance(boxes, str) for box in boxes
    }
