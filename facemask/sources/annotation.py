"""Boxes around faces, as the annotation of an image gives them."""

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from facemask.sources.names import printable
from facemask.sources.source import Entry, Source

MAX_BYTES = 1_000_000
"""Largest size of an annotation of one image, and of a file of names."""

BEYOND = 1
"""Pixels by which a box may extend over the image's edge; annotations are rounded."""

FOLDERS = {"images", "jpegimages", "annotations", "labels"}
"""Names of folders, in lower case, that stand beside each other and belong to one set."""

SIDE_FILES = (".xml", ".txt")
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
        edges: of the part.
        image_size: width and height of the annotated image in the unit of the edges: (1, 1) where
            they are shares of its sides; (0, 0) where they are pixels of an image of any size.
    """

    label: str
    edges: Edges
    image_size: tuple[float, float]

    def in_pixels(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom in pixels of the image, which has this size.

        Raises:
            BadAnnotationError: the box is empty, or outside of the image, or for another size.
        """
        width, height = size
        if self.image_size == (1, 1):
            factors = (width, height, width, height)
        elif self.image_size in ((0, 0), size):
            factors = (1, 1, 1, 1)
        else:  # turned by its EXIF orientation, or halved, or of another photo
            given = "{:g} x {:g}".format(*self.image_size)
            raise BadAnnotationError(f"boxes for {given} pixels, the image has {width} x {height}")
        edges = [round(edge * factor) for edge, factor in zip(self.edges, factors, strict=True)]
        left, top, right, bottom = edges
        in_width = -BEYOND <= left < right <= width + BEYOND
        in_height = -BEYOND <= top < bottom <= height + BEYOND
        if not in_width or not in_height:
            box = ", ".join(map(str, edges))
            raise BadAnnotationError(f"box {box}: empty, or outside of {width} x {height} pixels")
        return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


@dataclass(frozen=True)
class Annotation:
    """The boxes of an image; or, in words, why they cannot be used."""

    boxes: list[Box] = field(default_factory=list)
    fault: str = ""


def annotation(file: str, boxes: Callable[[], list[Box]]) -> Annotation:
    """Return the boxes that a function reads from a file, or why it cannot."""
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
    """Read the annotation files of one image each.

    Such a file has the name of its image. It lies beside the image, or in `annotations/` or
    `labels/` where the image is in `images/` (`JPEGImages/`).

    Args:
        source: the files.
        suffix: ending of the annotation files, in lower case.
        read: from the content of a file to its boxes.

    Returns:
        By path of the image.
    """
    keys = {name: _key(PurePosixPath(name)) for name in source.names}
    suffixes = {name: PurePosixPath(name).suffix.lower() for name in source.names}
    images = {name: key for name, key in keys.items() if suffixes[name] not in SIDE_FILES}
    wanted = set(images.values())
    files = [name for name, key in keys.items() if suffixes[name] == suffix and key in wanted]
    annotations = {keys[entry.path]: _of_file(entry, read) for entry in source.read(files)}
    return {name: annotations[key] for name, key in images.items() if key in annotations}


def _of_file(entry: Entry, read: Callable[[bytes], list[Box]]) -> Annotation:
    return annotation(entry.path, lambda: read(content_of(entry)))


def _key(path: PurePosixPath) -> str:
    """Return what an image and its annotation have in common: the path without `FOLDERS`."""
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
    """Return the name of a class as `ingest.classes` and tables have it.

    Raises:
        BadAnnotationError: it is not a name.
    """
    name = printable(unicodedata.normalize("NFC", str(text).strip()))
    if not name[:1].isalnum() and name[:1] != "_":  # a spreadsheet would run a formula
        raise BadAnnotationError(f"class {name!r}: should begin with a letter, digit or underscore")
    return name
