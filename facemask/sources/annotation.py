"""Boxes around faces, as the annotation of an image gives them."""

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from facemask.sources.names import printable
from facemask.sources.source import Entry, Source

MAX_BYTES = 1_000_000
"""Largest size of an annotation file of one image, and of a file of class names."""

MAX_OVERHANG = 1
"""Pixels by which a box may extend beyond the image, because annotation tools round."""

FOLDERS = {"images", "jpegimages", "annotations", "labels"}
"""Names, in lower case, of the folders that hold the images or the annotations of one set."""

ANNOTATION_SUFFIXES = (".xml", ".txt")
"""Endings of annotations of one image; a file with another ending may be an image."""

Edges = tuple[float, float, float, float]
"""Left, top, right and bottom."""


class BadAnnotationError(ValueError):
    """An annotation cannot be used; the message says why."""


@dataclass(frozen=True)
class Box:
    """A part of an image that shows one face.

    Attributes:
        label: name of its class.
        image_size: width and height of the annotated image, in the unit of the edges. It is (1, 1)
            if the edges are shares of the image's sides. It is (0, 0) if the edges are pixels and
            the annotation does not give the image's size.
    """

    label: str
    edges: Edges
    image_size: tuple[float, float]

    def in_pixels(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom in pixels of an image of this width and height.

        Raises:
            BadAnnotationError: the box is empty or outside of the image, or the annotation is of an
                image of another size.
        """
        width, height = size
        if self.image_size == (1, 1):
            factors = (width, height, width, height)
        elif self.image_size in ((0, 0), size):
            factors = (1, 1, 1, 1)
        else:  # for example the photo was rotated or resized after it was annotated
            annotated = "{:g} x {:g}".format(*self.image_size)
            raise BadAnnotationError(
                f"boxes for {annotated} pixels, the image has {width} x {height}"
            )
        edges = [round(edge * factor) for edge, factor in zip(self.edges, factors, strict=True)]
        left, top, right, bottom = edges
        in_width = -MAX_OVERHANG <= left < right <= width + MAX_OVERHANG
        in_height = -MAX_OVERHANG <= top < bottom <= height + MAX_OVERHANG
        if not in_width or not in_height:
            box = ", ".join(map(str, edges))
            raise BadAnnotationError(f"box {box}: empty, or outside of {width} x {height} pixels")
        return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


@dataclass(frozen=True)
class Annotation:
    """The boxes of an image.

    Attributes:
        fault: why the boxes cannot be used, in words; empty if they can.
    """

    boxes: list[Box] = field(default_factory=list)
    fault: str = ""


def annotation(file: str, boxes: Callable[[], list[Box]]) -> Annotation:
    """Call a function that reads boxes. An error that it raises becomes a fault.

    Args:
        file: name of the file, for the fault.
        boxes: reads the file.
    """
    try:
        return Annotation(boxes())
    except (ValueError, LookupError, TypeError) as error:
        return Annotation(fault=f"{file}: {printable(str(error))}")


def content_of(entry: Entry) -> bytes:
    """Return the content of a small file.

    Raises:
        BadAnnotationError: it cannot be read, or is too large.
    """
    if entry.fault:
        raise BadAnnotationError(entry.fault)
    if len(entry.content) > MAX_BYTES:
        raise BadAnnotationError(f"is larger than {MAX_BYTES:,} bytes")
    return entry.content


def beside_images(
    source: Source, suffix: str, read: Callable[[bytes], list[Box]]
) -> dict[str, Annotation]:
    """Read annotation files that describe one image each.

    An annotation file has the name of its image, but another ending. It is in the folder of the
    image. If that folder is `images/` or `JPEGImages/`, it may be in `annotations/` or `labels/`
    instead.

    Args:
        source: the files.
        suffix: ending of the annotation files, in lower case.
        read: returns the boxes in the content of a file.

    Returns:
        The annotation of each image that has one, by path of the image.
    """
    keys = {name: _key(PurePosixPath(name)) for name in source.names}
    suffixes = {name: PurePosixPath(name).suffix.lower() for name in source.names}
    images = {name: key for name, key in keys.items() if suffixes[name] not in ANNOTATION_SUFFIXES}
    wanted = set(images.values())
    files = [name for name, key in keys.items() if suffixes[name] == suffix and key in wanted]
    annotations = {keys[entry.path]: _of_file(entry, read) for entry in source.read(files)}
    return {name: annotations[key] for name, key in images.items() if key in annotations}


def _of_file(entry: Entry, read: Callable[[bytes], list[Box]]) -> Annotation:
    return annotation(entry.path, lambda: read(content_of(entry)))


def _key(path: PurePosixPath) -> str:
    """Return a path without its ending and without `FOLDERS`.

    It is the same for an image and its annotation file.
    """
    above = [part for part in path.parts[:-1] if part.lower() not in FOLDERS]
    return "/".join([*above, path.stem])


def class_names(annotations: Mapping[str, Annotation]) -> set[str]:
    """Return the names of the classes that the boxes have."""
    return {box.label for image in annotations.values() for box in image.boxes}


def numbers(texts: Iterable[object]) -> list[float]:
    """Return finite numbers.

    Raises:
        BadAnnotationError: a text is not a finite number.
    """
    return [_number(str(text)) for text in texts]


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadAnnotationError(f"{text!r} should be a number")
    return value


def class_name(text: object) -> str:
    """Return the name of a class as it is spelled in `ingest.classes` and in tables.

    Raises:
        BadAnnotationError: the name does not begin with a letter, digit or underscore.
    """
    name = printable(unicodedata.normalize("NFC", str(text).strip()))
    if not name[:1].isalnum() and name[:1] != "_":  # a spreadsheet would run a formula
        raise BadAnnotationError(f"class {name!r}: should begin with a letter, digit or underscore")
    return name
