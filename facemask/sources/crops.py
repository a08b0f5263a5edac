"""Photos of a source -> the parts of them that are to be learned from."""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from facemask import overlap, parallel
from facemask.cache import Cache
from facemask.sources.box import Annotation, Box
from facemask.sources.source import Entry, Source
from facemask.store import images

BAD = "bad annotation"
"""Why an image is not used whose box or class is not as it should be."""

BEYOND = 1
"""Pixels by which a box may reach over the image's edge: it was rounded."""

LARGER = 3
"""A photo is about its largest face if that has this many times the area of the next."""

BY_FINDER = "-finder"
"""Follows the name of a box's crop in the name of the face finder's crop of the same face."""

KEPT_AT_ONCE = 64
"""Photos whose faces are written to the cache together."""

Edges = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


@dataclass(frozen=True)
class FaceCropper:
    """Crops faces as whoever uses the exported model crops them.

    Attributes:
        find: from an RGB image to the crop of each face that the face finder finds in it.
        around: from the box of a face and the (width, height) of its image to the face's crop.
        version: of all that the answers of `find` depend on.
    """

    find: Callable[[Image.Image], list[Edges]]
    around: Callable[[Edges, tuple[int, int]], Edges]
    version: str


@dataclass(frozen=True)
class Photo:
    """A file in which faces are looked for.

    Attributes:
        entry: the file.
        sha256: of its bytes.
        faces: the crop of each face, as JSON; none if that is not known yet.
    """

    entry: Entry
    sha256: str
    faces: bytes | None


@dataclass(frozen=True)
class Cropped:
    """What came of a `Photo`: its crops, and the crop of each face in it, as JSON."""

    crops: list[Entry]
    sha256: str
    faces: bytes


Cut = Callable[[Entry, Image.Image, list[Edges]], list[Entry]]
"""From a photo, its pixels and the faces found in it to its crops."""


class Crops:
    """The files of a source, with the crops of its faces in the place of each photo."""

    def __init__(
        self,
        source: Source,
        annotations: Mapping[str, Annotation],
        cropper: FaceCropper,
        cache: Path,
        *,
        crop_faces: bool,
        whole: bool,
    ) -> None:
        """Take the files, and what says which parts of them are wanted.

        Args:
            source: the files.
            annotations: boxes by their image's path, from `boxes.find`. Where a source has some,
                each box becomes a crop, and another one where the face finder finds its face.
            cropper: crops the faces.
            cache: file of what earlier runs found out.
            crop_faces: whether a photo without boxes is cropped to its main face.
            whole: whether every photo stays as it is, with the label of its first box.
        """
        self.source = source
        self.annotations = annotations
        self.cropper = cropper
        self.cache = cache
        self.crop_faces = crop_faces
        self.whole = whole

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[Entry]:
        if self.whole:
            return map(self._labelled, self.source)
        if self.annotations:
            return self._cropped(map(self._labelled, self.source), self._by_boxes)
        if self.crop_faces:
            return self._cropped(self.source, _by_face)
        return iter(self.source)

    def _labelled(self, entry: Entry) -> Entry:
        """Return a file with the label of its first box, or with what is wrong with its boxes."""
        boxes = self.annotations.get(entry.path)
        if not boxes or entry.fault:
            return entry
        if isinstance(boxes, str):
            return _without(entry, BAD, boxes)
        return entry._replace(label=boxes[0].label)

    def _cropped(self, entries: Iterable[Entry], cut: Cut) -> Iterator[Entry]:
        """Yield files with each photo cut up, and keep where its faces are."""
        known = Cache(self.cache, "faces", self.cropper.version + images.version())
        fresh: dict[str, bytes] = {}

        def photos() -> Iterator[Photo | Entry]:
            for entry in entries:
                if entry.fault or (self.annotations and not entry.label):
                    yield entry
                    continue
                sha256 = hashlib.sha256(entry.content).hexdigest()
                yield Photo(entry, sha256, known.recall([sha256]).get(sha256))

        work = partial(_crop, self.cropper.find, cut)
        for cropped in parallel.run(work, photos(), local=True):
            if cropped.sha256:
                fresh[cropped.sha256] = cropped.faces
            if len(fresh) == KEPT_AT_ONCE:
                known.keep(fresh)
                fresh.clear()
            yield from cropped.crops
        known.keep(fresh)

    def _by_boxes(self, entry: Entry, image: Image.Image, faces: list[Edges]) -> list[Entry]:
        crops = []
        around: dict[str, Edges] = {}
        for number, box in enumerate(self.annotations[entry.path], 1):
            assert isinstance(box, Box)
            part = entry._replace(part=f"#{number}", label=box.label)
            edges = edges_of(box, image.size)
            if isinstance(edges, str):
                crops.append(_without(part, BAD, edges))
                continue
            around[part.part] = self.cropper.around(edges, image.size)
            crops.append(_cut(part, image, around[part.part]))
        labels = {crop.part: crop.label for crop in crops}
        names = list(around)
        for number, index in overlap.match(list(around.values()), faces).items():
            name = names[number]
            part = entry._replace(part=name + BY_FINDER, label=labels[name])
            crops.append(_cut(part, image, faces[index]))
        return crops


def _crop(find: Callable[[Image.Image], list[Edges]], cut: Cut, photo: Photo | Entry) -> Cropped:
    """Cut a photo up; pass any other file on."""
    if isinstance(photo, Entry):
        return Cropped([photo], "", b"")
    try:
        image = images.open_rgb(photo.entry.content)
    except images.BadImageError:  # the examination of the file says why
        return Cropped([photo.entry], photo.sha256, b"[]")
    found = json.loads(photo.faces) if photo.faces else find(image)
    faces: list[Edges] = [(left, top, right, bottom) for left, top, right, bottom in found]
    return Cropped(cut(photo.entry, image, faces), photo.sha256, json.dumps(found).encode())


def _by_face(entry: Entry, image: Image.Image, faces: list[Edges]) -> list[Entry]:
    if not faces:
        return [_without(entry, "no face", "the face finder finds none")]
    largest = max(faces, key=overlap.area)
    areas = sorted(map(overlap.area, faces))
    if len(areas) > 1 and areas[-1] < LARGER * areas[-2]:
        return [
            _without(entry, "several faces", f"it finds {len(faces)}, none clearly the largest")
        ]
    return [_cut(entry, image, largest)]


def edges_of(box: Box, size: tuple[int, int]) -> Edges | str:
    """Return a box in pixels of its image, or in words what is wrong with it."""
    width, height = size
    if box.image_size == (1, 1):
        factors = (width, height, width, height)
    elif box.image_size in ((0, 0), size):
        factors = (1, 1, 1, 1)
    else:  # turned by its EXIF orientation, or halved, or of another photo
        of = "{:g} x {:g}".format(*box.image_size)
        return f"boxes for {of} pixels, the image has {width} x {height}"
    edges = [round(edge * factor) for edge, factor in zip(box.edges, factors, strict=True)]
    left, top, right, bottom = edges
    if not (
        -BEYOND <= left < right <= width + BEYOND and -BEYOND <= top < bottom <= height + BEYOND
    ):
        where = ", ".join(map(str, edges))
        return f"box {where}: empty, or outside of {width} x {height} pixels"
    return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def _cut(entry: Entry, image: Image.Image, edges: Edges) -> Entry:
    file = io.BytesIO()
    image.crop(edges).save(file, "PNG")
    return entry._replace(content=file.getvalue())


def _without(entry: Entry, reason: str, detail: str) -> Entry:
    return entry._replace(fault=detail, reason=reason)
