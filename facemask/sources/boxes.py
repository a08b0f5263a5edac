"""Annotation files of a source -> boxes with a class: Pascal VOC (`.xml`) and YOLO (`.txt`).

An annotation has the name of its image, beside it, or in `annotations/` or `labels/` where the
image is in `images/` (`JPEGImages/`).
"""

import math
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple
from xml.etree import ElementTree

from ruamel.yaml import YAML, AnchorToken
from ruamel.yaml.error import YAMLError

from facemask.errors import UserError
from facemask.sources.names import printable
from facemask.sources.source import Entry, Source

FOLDERS = {"images", "jpegimages", "annotations", "labels"}
"""Lower case; folders of these names stand beside each other, and belong to one set."""

NAME_FILES = ("classes.txt", "obj.names", "data.yaml", "data.yml")
"""Where YOLO's tools write the names of the classes, which its boxes have by number."""

MAX_BYTES = 1_000_000
"""Of an annotation or a file of names."""

VOC, YOLO = ".xml", ".txt"


class Box(NamedTuple):
    """A part of an image that shows one face.

    Attributes:
        label: its class.
        edges: left, top, right and bottom.
        image_size: width and height of the image that these belong to, in their unit: 1 and 1
            where they are shares of its sides; 0 and 0 where they are pixels of whatever it is.
    """

    label: str
    edges: tuple[float, float, float, float]
    image_size: tuple[float, float]


Annotation = list[Box] | str
"""The boxes of an image; or, in words, why its annotation cannot be used."""


class BadAnnotationError(ValueError):
    """An annotation cannot be used; the message says why."""


def find(source: Source, wanted: Collection[str] | None) -> dict[str, Annotation]:
    """Read the annotations of a source, where they are what says the classes.

    They are if boxes have one of the wanted classes, or, where none are wanted, of two classes; a
    `labels.csv` comes before them. Where an image has both kinds of annotation, VOC counts.

    Args:
        source: the files.
        wanted: names of the classes, if they are known.

    Returns:
        By path of the image. Empty where folders or tables say the classes.

    Raises:
        UserError: files of names differ.
    """
    paths = {name: PurePosixPath(name) for name in source.names}
    if any(path.name == "labels.csv" for path in paths.values()):
        return {}
    kinds = {name: path.suffix.lower() for name, path in paths.items()}
    images = {name: _key(path) for name, path in paths.items() if kinds[name] not in (VOC, YOLO)}
    keys = set(images.values())
    names = _names(source, [name for name, path in paths.items() if path.name in NAME_FILES])
    found: dict[str, Annotation] = {}
    for kind in (YOLO, VOC) if names else (VOC,):
        files = [n for n, path in paths.items() if kinds[n] == kind and _key(path) in keys]
        for entry in source.read(files) if files else ():
            found[_key(paths[entry.path])] = _read(entry, names)
    labels = {box.label for boxes in found.values() if isinstance(boxes, list) for box in boxes}
    if not (labels & set(wanted) if wanted else len(labels) > 1):
        return {}
    return {name: found[key] for name, key in images.items() if key in found}


def _key(path: PurePosixPath) -> str:
    """Return what an image and its annotation have in common: the path without such `FOLDERS`."""
    above = [part for part in path.parts[:-1] if part.lower() not in FOLDERS]
    return "/".join([*above, path.stem])


def _read(entry: Entry, names: Mapping[int, str]) -> Annotation:
    try:
        if entry.fault:
            raise BadAnnotationError(entry.fault)
        if len(entry.content) > MAX_BYTES:
            raise BadAnnotationError(f"is larger than {MAX_BYTES:,} bytes")
        is_voc = entry.path.lower().endswith(VOC)
        return _voc(entry.content) if is_voc else _yolo(entry.content, names)
    except ValueError as error:
        return f"{entry.path}: {printable(str(error))}"


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses what could define entities, and so make a small file expand to very much."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise BadAnnotationError("has a DOCTYPE, which annotations do not need")


def _voc(content: bytes) -> list[Box]:
    try:
        root = ElementTree.fromstring(content, ElementTree.XMLParser(target=_NoDoctype()))
    except (ElementTree.ParseError, LookupError) as error:  # the second: an unknown encoding
        raise BadAnnotationError(f"is not well-formed XML: {error}") from error
    if root.tag != "annotation":
        raise BadAnnotationError("is not a Pascal VOC annotation: its root is not 'annotation'")
    width, height = (_number(root.findtext(f"size/{side}", "0")) for side in ("width", "height"))
    boxes = []
    for found in root.iterfind("object"):
        texts = [found.findtext(f"bndbox/{edge}", "") for edge in ("xmin", "ymin", "xmax", "ymax")]
        left, top, right, bottom = (_number(text) for text in texts)
        label = _label(found.findtext("name", ""))
        boxes.append(Box(label, (left, top, right, bottom), (width, height)))
    return boxes


def _yolo(content: bytes, names: Mapping[int, str]) -> list[Box]:
    boxes = []
    for number, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        if not (fields := line.split()):
            continue
        if len(fields) != 5 or not fields[0].isdecimal():
            raise BadAnnotationError(f"line {number}: should be a class's number and four shares")
        if int(fields[0]) not in names:
            raise BadAnnotationError(
                f"line {number}: class {fields[0]} has no name; there are {len(names)}"
            )
        x, y, width, height = (_number(field) for field in fields[1:])
        edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        boxes.append(Box(names[int(fields[0])], edges, (1, 1)))
    return boxes


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadAnnotationError(f"{text!r} should be a number")
    return number


def _label(text: str) -> str:
    label = printable(unicodedata.normalize("NFC", text.strip()))
    if not label[:1].isalnum() and label[:1] != "_":  # also a formula, which tables would repeat
        raise BadAnnotationError(
            f"class {label!r}: should begin with a letter, digit or underscore"
        )
    return label


def _names(source: Source, files: Sequence[str]) -> dict[int, str]:
    """Read the names of YOLO's classes by their numbers; empty where no file has any."""
    read: dict[str, dict[int, str]] = {}
    for entry in source.read(files) if files else ():
        if not entry.fault and len(entry.content) <= MAX_BYTES:
            read[entry.path] = _names_in(entry)
    named = {path: names for path, names in read.items() if names}
    first = next(iter(named), "")
    for path, names in named.items():
        if names != named[first]:
            raise UserError(f"{source.path}: {first} and {path} name different classes")
    return named.get(first, {})


def _names_in(entry: Entry) -> dict[int, str]:
    try:
        found: object = entry.content.decode("utf-8-sig").splitlines()
        if entry.path.endswith(("yaml", "yml")):
            reader = YAML(typ="safe", pure=True)
            if any(isinstance(token, AnchorToken) for token in reader.scan(entry.content)):
                return {}  # what is repeated by name may expand to very much
            known = reader.load(entry.content)
            found = known.get("names") if isinstance(known, dict) else None
        if isinstance(found, list):
            found = dict(enumerate(found))
        if not isinstance(found, dict):
            return {}
        return {
            int(number): _label(str(name)) for number, name in found.items() if str(name).strip()
        }
    except (ValueError, TypeError, RecursionError, YAMLError):
        return {}  # a file of that name with something else in it
