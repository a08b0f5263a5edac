"""Read the annotations of a source in each supported format."""

from facemask.sources import box_table, coco, voc, yolo
from facemask.sources.annotation import Annotation
from facemask.sources.source import Source

FORMATS = (box_table, coco, yolo, voc)
"""If an image has annotations in several formats, the format that comes last here is used."""


def read(source: Source) -> dict[str, Annotation]:
    """Return the annotations of a source, by path of the image.

    Raises:
        UserError: two files of a YOLO set name different classes.
    """
    annotations: dict[str, Annotation] = {}
    for form in FORMATS:
        annotations |= form.read(source)
    return annotations
