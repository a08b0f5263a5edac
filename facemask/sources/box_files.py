"""Annotation files of one image each -> boxes: Pascal VOC (`.xml`) and YOLO (`.txt`).

An annotation has the name of its image. It lies beside the image, or in `annotations/` or `labels/`
where the image is in `images/` (`JPEGImages/`).
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from xml.etree import ElementTree

from ruamel.yaml import YAML, AnchorToken
from ruamel.yaml.error import YAMLError

from facemask.errors import UserError
from facemask.sources.box import MAX_BYTES, Annotation, BadAnnotationError, Box, label, number
from facemask.sources.names import printable
from facemask.sources.source import Entry, Source

FOLDERS = {"images", "jpegimages", "annotations", "labels"}
"""Names of folders, in lower case, that stand beside each other and belong to one set."""

NAME_FILES = ("classes.txt", "obj.names", "data.yaml", "data.yml")
"""Where YOLO's tools write the names of the classes; the boxes have their numbers."""

VOC, YOLO = ".xml", ".txt"

BOX, BOX_WITH_CONFIDENCE, SMALLEST_POLYGON = 5, 6, 7
"""Numbers in a line of YOLO: class and box; confidence, too; class and three points."""


def read(source: Source) -> dict[str, Annotation]:
    """Read the annotation files of a source; Pascal VOC counts where an image has both kinds.

    Returns:
        By path of the image.

    Raises:
        UserError: two files name different classes.
    """
    paths = {name: PurePosixPath(name) for name in source.names}
    kinds = {name: path.suffix.lower() for name, path in paths.items()}
    images = {name: _key(path) for name, path in paths.items() if kinds[name] not in (VOC, YOLO)}
    keys = set(images.values())
    names = _names(source, [name for name, path in paths.items() if path.name in NAME_FILES])
    annotations: dict[str, Annotation] = {}
    for kind in (YOLO, VOC) if names else (VOC,):
        files = [n for n, path in paths.items() if kinds[n] == kind and _key(path) in keys]
        for entry in source.read(files) if files else ():
            annotations[_key(paths[entry.path])] = _annotation(entry, names)
    return {name: annotations[key] for name, key in images.items() if key in annotations}


def _key(path: PurePosixPath) -> str:
    """Return what an image and its annotation have in common: the path without such `FOLDERS`."""
    above = [part for part in path.parts[:-1] if part.lower() not in FOLDERS]
    return "/".join([*above, path.stem])


def _annotation(entry: Entry, names: Mapping[int, str]) -> Annotation:
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
    """Refuses what could define entities, which let a small file expand to very much."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise BadAnnotationError("has a DOCTYPE, which annotations do not need")


def _voc(content: bytes) -> list[Box]:
    try:
        root = ElementTree.fromstring(content, ElementTree.XMLParser(target=_NoDoctype()))
    except (ElementTree.ParseError, LookupError) as error:  # the second: an unknown encoding
        raise BadAnnotationError(f"is not well-formed XML: {error}") from error
    if root.tag != "annotation":
        raise BadAnnotationError("is not a Pascal VOC annotation: its root is not 'annotation'")
    width = number(root.findtext("size/width", "0"))
    height = number(root.findtext("size/height", "0"))
    boxes = []
    for face in root.iterfind("object"):
        texts = [face.findtext(f"bndbox/{edge}", "") for edge in ("xmin", "ymin", "xmax", "ymax")]
        left, top, right, bottom = map(number, texts)
        name = label(face.findtext("name", ""))
        boxes.append(Box(name, (left, top, right, bottom), (width, height)))
    return boxes


def _yolo(content: bytes, names: Mapping[int, str]) -> list[Box]:
    boxes = []
    for line, text in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        fields = text.split()
        if not fields:
            continue
        is_polygon = len(fields) >= SMALLEST_POLYGON and len(fields) % 2 == 1
        if not fields[0].isdecimal() or not (
            is_polygon or len(fields) in (BOX, BOX_WITH_CONFIDENCE)
        ):
            raise BadAnnotationError(
                f"line {line}: should be a class's number and four shares, or a polygon"
            )
        if int(fields[0]) not in names:
            raise BadAnnotationError(
                f"line {line}: class {fields[0]} has no name; there are {len(names)}"
            )
        numbers = [number(field) for field in fields[1:]]
        edges = _around(numbers) if is_polygon else _edges(*numbers[:4])
        boxes.append(Box(names[int(fields[0])], edges, (1, 1)))
    return boxes


def _edges(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    """Return the edges of a box that is given by its centre."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _around(points: Sequence[float]) -> tuple[float, float, float, float]:
    """Return the edges of the box around a polygon, of which x and y alternate."""
    return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])


def _names(source: Source, files: Sequence[str]) -> dict[int, str]:
    """Read the names of YOLO's classes by their numbers; empty where no file has any."""
    by_file: dict[str, dict[int, str]] = {}
    for entry in source.read(files) if files else ():
        names = {} if entry.fault or len(entry.content) > MAX_BYTES else _names_in(entry)
        if names:
            by_file[entry.path] = names
    first = next(iter(by_file), "")
    for path, names in by_file.items():
        if names != by_file[first]:
            raise UserError(f"{source.path}: {first} and {path} name different classes")
    return by_file.get(first, {})


def _names_in(entry: Entry) -> dict[int, str]:
    """Return the names in a file; empty where it holds something else."""
    try:
        text = entry.content.decode("utf-8-sig")
        names: object = text.splitlines()
        if entry.path.endswith(("yaml", "yml")):
            reader = YAML(typ="safe", pure=True)
            if any(isinstance(token, AnchorToken) for token in reader.scan(text)):
                return {}  # what is repeated by name may expand to very much
            values = reader.load(text)
            names = values.get("names") if isinstance(values, dict) else None
        if isinstance(names, list):
            names = dict(enumerate(names))
        if not isinstance(names, dict):
            return {}
        return {int(key): label(name) for key, name in names.items() if str(name).strip()}
    except (ValueError, TypeError, RecursionError, YAMLError):
        return {}
