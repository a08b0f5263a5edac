"""Annotations of a source in all formats that are read."""

from facemask.sources import box_table, coco, voc, yolo
from facemask.sources.annotation import Annotation
from facemask.sources.source import Source

FORMATS = (box_table, coco, yolo, voc)
"""Where an image has annotations in several formats, the last of these counts."""


def read(source: Source) -> dict[str, Annotation]:
    """Return the annotations of a source, by path of the image.

    Raises:
        UserError: two files of a YOLO set name different classes.
    """
    annotations: dict[str, Annotation] = {}
    for form in FORMATS:
        annotations |= form.read(source)
    return annotations
