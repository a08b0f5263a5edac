"""Photos of a source -> the parts of them that are to be learned from."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from facemask import parallel
from facemask.cache import Cache
from facemask.sources.boxes import Annotation, Box
from facemask.sources.source import Entry, Source
from facemask.store import images

BAD = "bad annotation"
"""Why an image is not used whose box or class is not as it should be."""

BEYOND = 1
"""Pixels by which a box may reach over the image's edge: it was rounded."""


KEPT_AT_ONCE = 64
"""Photos whose faces are written to the cache together."""

Edges = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


class FaceFinder(NamedTuple):
    """What finds the faces in a photo.

    Attributes:
        find: from an RGB image to the part around each face, within the image.
        version: of all that its answers depend on.
    """

    find: Callable[[Image.Image], list[Edges]]
    version: str


class Crops:
    """The files of a source; in the place of an image, what is in its boxes, or its one face."""

    def __init__(
        self,
        source: Source,
        annotations: Mapping[str, Annotation],
        finder: FaceFinder | None,
        cache: Path,
    ) -> None:
        """Take the files, and what says which parts of them are wanted.

        Args:
            source: the files.
            annotations: boxes by their image's path, from `boxes.find`; these come first.
            finder: of faces, if the photos are to be cropped by it.
            cache: file of what earlier runs found out.
        """
        self.source, self.annotations = source, annotations
        self.finder, self.cache = finder, cache

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[Entry]:
        if self.annotations:
            for parts in parallel.run(self._in_boxes, self.source, local=True):
                yield from parts
        elif self.finder:
            yield from _by_face(self.source, self.finder, self.cache)
        else:
            yield from self.source

    def _in_boxes(self, entry: Entry) -> list[Entry]:
        boxes = self.annotations.get(entry.path)
        if not boxes or entry.fault:
            return [entry]
        if isinstance(boxes, str):
            return [_without(entry, BAD, boxes)]
        try:
            image = images.open_rgb(entry.content)
        except images.BadImageError:  # which its examination will say
            return [entry._replace(label=boxes[0].label)]
        return [
            _cut(entry._replace(part=f"#{number}", label=box.label), image, box)
            for number, box in enumerate(boxes, 1)
        ]


def _by_face(source: Source, finder: FaceFinder, cache: Path) -> Iterator[Entry]:
    """Yield files with each photo cropped to its one face, and keep where faces were found."""
    known = Cache(cache, "faces", finder.version + images.version())
    fresh: dict[str, bytes] = {}

    def photos() -> Iterator[tuple[Entry, str, bytes | None]]:
        for entry in source:
            key = hashlib.sha256(entry.content).hexdigest()
            yield entry, key, known.recall([key]).get(key)

    for entry, key, faces in parallel.run(partial(_crop_face, finder.find), photos(), local=True):
        fresh[key] = faces
        if len(fresh) == KEPT_AT_ONCE:
            known.keep(fresh)
            fresh.clear()
        yield entry
    known.keep(fresh)


def _crop_face(
    find: Callable[[Image.Image], list[Edges]], photo: tuple[Entry, str, bytes | None]
) -> tuple[Entry, str, bytes]:
    """Crop a photo; return it, its key and, as JSON, the parts around its faces."""
    entry, key, found = photo
    try:
        image = images.open_rgb(entry.content)
    except images.BadImageError:  # which its examination will say
        return entry, key, b"[]"
    faces = json.loads(found) if found else find(image)
    answer = json.dumps(faces).encode()
    if not faces:
        return _without(entry, "no face", "the face finder finds none"), key, answer
    if len(faces) > 1:
        return _without(entry, "several faces", f"it finds {len(faces)}"), key, answer
    return entry._replace(content=_png(image.crop(faces[0]))), key, answer


def _cut(entry: Entry, image: Image.Image, box: Box) -> Entry:
    width, height = image.size
    if box.image_size == (1, 1):
        factors = (width, height, width, height)
    elif box.image_size in ((0, 0), image.size):
        factors = (1, 1, 1, 1)
    else:  # turned by its EXIF orientation, or halved, or of another photo
        of = "{:g} x {:g}".format(*box.image_size)
        return _without(entry, BAD, f"boxes for {of} pixels, the image has {width} x {height}")
    edges = [round(edge * factor) for edge, factor in zip(box.edges, factors, strict=True)]
    left, top, right, bottom = edges
    if not (
        -BEYOND <= left < right <= width + BEYOND and -BEYOND <= top < bottom <= height + BEYOND
    ):
        where = ", ".join(map(str, edges))
        return _without(entry, BAD, f"box {where}: empty, or outside of {width} x {height} pixels")
    part = image.crop((max(left, 0), max(top, 0), min(right, width), min(bottom, height)))
    return entry._replace(content=_png(part))


def _png(part: Image.Image) -> bytes:
    file = io.BytesIO()
    part.save(file, "PNG")
    return file.getvalue()


def _without(entry: Entry, reason: str, detail: str) -> Entry:
    return entry._replace(fault=detail, reason=reason)
