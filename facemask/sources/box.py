"""A box around a face, as annotation files give it, and how its numbers and class are read."""

import math
import unicodedata
from dataclasses import dataclass

from facemask.sources.names import printable

MAX_BYTES = 1_000_000
"""Largest size of an annotation of one image, and of a file of names."""


@dataclass(frozen=True)
class Box:
    """A part of an image that shows one face.

    Attributes:
        label: name of its class.
        edges: left, top, right and bottom.
        image_size: width and height of the annotated image in the unit of the edges: (1, 1) where
            they are shares of its sides; (0, 0) where they are pixels of an image of any size.
    """

    label: str
    edges: tuple[float, float, float, float]
    image_size: tuple[float, float]


Annotation = list[Box] | str
"""The boxes of an image; or, in words, why its annotation cannot be used."""


class BadAnnotationError(ValueError):
    """An annotation cannot be used; the message says why."""


def number(text: object) -> float:
    """Return a finite number.

    Raises:
        BadAnnotationError: it is none.
    """
    try:
        value = float(str(text))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadAnnotationError(f"{text!r} should be a number")
    return value


def label(text: object) -> str:
    """Return the name of a class as `ingest.classes` and tables have it.

    Raises:
        BadAnnotationError: it is not a name.
    """
    name = printable(unicodedata.normalize("NFC", str(text).strip()))
    if not name[:1].isalnum() and name[:1] != "_":  # also what a spreadsheet would run
        raise BadAnnotationError(f"class {name!r}: should begin with a letter, digit or underscore")
    return name
