"""Pascal VOC annotations: an `.xml` file for each image."""

from xml.etree import ElementTree

from facemask.sources.annotation import (
    Annotation,
    BadAnnotationError,
    Box,
    beside_images,
    class_name,
    numbers,
)
from facemask.sources.source import Source

EDGES = ("xmin", "ymin", "xmax", "ymax")
SIDES = ("width", "height")


def read(source: Source) -> dict[str, Annotation]:
    """Return the Pascal VOC annotations of a source, by path of the image."""
    return beside_images(source, ".xml", _boxes)


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses a DOCTYPE: its entities may expand a small file to a very large one."""

    def doctype(
        self,
        name: str,
        public: str | None,
        system: str | None,
    ) -> None:
        raise BadAnnotationError("has a DOCTYPE, which annotations do not need")


def _boxes(content: bytes) -> list[Box]:
    parser = ElementTree.XMLParser(target=_NoDoctype())
    try:
        root = ElementTree.fromstring(content, parser)
    except (ElementTree.ParseError, LookupError) as error:  # LookupError: unknown encoding
        raise BadAnnotationError(f"is not well-formed XML: {error}") from error
    if root.tag != "annotation":
        raise BadAnnotationError("is not a Pascal VOC annotation: its root is not 'annotation'")
    width, height = numbers(root.findtext(f"size/{side}", "0") for side in SIDES)
    boxes = []
    for face in root.iterfind("object"):
        name = class_name(face.findtext("name", ""))
        left, top, right, bottom = numbers(face.findtext(f"bndbox/{edge}", "") for edge in EDGES)
        boxes.append(Box(name, (left, top, right, bottom), (width, height)))
    return boxes
