"""Crop the photos of a source to faces."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image

from facemask import overlap, parallel
from facemask.cache import Cache
from facemask.sources.annotation import Annotation, BadAnnotationError, Box
from facemask.sources.source import Entry, Source
from facemask.store import images

BAD_ANNOTATION = "bad annotation"
"""Reason of an image whose boxes or classes cannot be used."""

MAIN_FACE_RATIO = 3
"""The largest face of a photo is its main face if its area is this many times the next one's."""

FINDER_ENDING = "-finder"
"""A crop by the face finder has the name of the box's crop with this ending."""

PHOTOS_AT_ONCE = 64
"""Number of photos whose faces are written to the cache together."""

Edges = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


@dataclass(frozen=True)
class FaceCropper:
    """Crops faces as `predict.py`, the web page and the app do.

    Attributes:
        find: returns the crop of each face that the face finder finds in an RGB image.
        around: returns the crop of a face, given its box and the (width, height) of its image.
        version: a text that changes whenever `find` could return other crops.
    """

    find: Callable[[Image.Image], list[Edges]]
    around: Callable[[Edges, tuple[int, int]], Edges]
    version: str


@dataclass(frozen=True)
class Photo:
    """A file, and what is known about the faces in it.

    Attributes:
        entry: the file.
        boxes: of annotated faces.
        sha256: of the file's bytes; empty if the file is not cropped.
        faces: the face finder's crops as JSON; None if they are not in the cache.
    """

    entry: Entry
    boxes: list[Box] = field(default_factory=list)
    sha256: str = ""
    faces: bytes | None = None


@dataclass(frozen=True)
class Cropped:
    """The crops of a photo.

    Attributes:
        entries: the crops; only the file itself if it is not cropped.
        faces: the face finder's crops as JSON, by SHA-256 of the photo; for the cache.
    """

    entries: list[Entry]
    faces: dict[str, bytes] = field(default_factory=dict)


def crops(
    source: Source,
    annotations: Mapping[str, Annotation],
    cropper: FaceCropper,
    cache: Path,
    *,
    crop_faces: bool,
    whole: bool,
) -> Iterator[Entry]:
    """Yield the files of a source. The crops of its faces replace a photo.

    Args:
        source: the files.
        annotations: boxes by path of the image. Each box becomes a crop. If the face finder finds
            the same face, its crop is added.
        cropper: crops the faces.
        cache: file with the results of earlier runs.
        crop_faces: whether photos of a source without boxes are cropped to the main face.
        whole: whether no photo is cropped. A photo then has the label of its first box.
    """
    entries = (_labelled(entry, annotations.get(entry.path, Annotation())) for entry in source)
    if whole or not (annotations or crop_faces):
        yield from entries
        return
    cached_faces = Cache(cache, "faces", cropper.version + images.version())
    new_faces: dict[str, bytes] = {}
    photos = (_photo(entry, annotations, cached_faces) for entry in entries)
    for cropped in parallel.run(partial(_crop, cropper), photos, local=True):
        new_faces |= cropped.faces
        if len(new_faces) >= PHOTOS_AT_ONCE:
            cached_faces.keep(new_faces)
            new_faces.clear()
        yield from cropped.entries
    cached_faces.keep(new_faces)


def _labelled(entry: Entry, annotation: Annotation) -> Entry:
    """Return a file with the label of its first box, or with the fault of its annotation."""
    if entry.fault:
        return entry
    if annotation.fault:
        return _refused(entry, BAD_ANNOTATION, annotation.fault)
    if annotation.boxes:
        return entry._replace(label=annotation.boxes[0].label)
    return entry


def _photo(
    entry: Entry,
    annotations: Mapping[str, Annotation],
    cached_faces: Cache,
) -> Photo:
    boxes = annotations.get(entry.path, Annotation()).boxes
    if entry.fault or (annotations and not boxes):
        return Photo(entry)
    sha256 = hashlib.sha256(entry.content).hexdigest()
    faces = cached_faces.recall([sha256]).get(sha256)
    return Photo(entry, boxes, sha256, faces)


def _crop(cropper: FaceCropper, photo: Photo) -> Cropped:
    entry = photo.entry
    if not photo.sha256:
        return Cropped([entry])
    try:
        image = images.open_rgb(entry.content)
    except images.BadImageError:  # the examination of the file says why
        return Cropped([entry])
    faces = json.loads(photo.faces) if photo.faces else cropper.find(image)
    if photo.boxes:
        entries = _by_boxes(photo, image, faces, cropper)
    else:
        entries = [_main_face(entry, image, faces)]
    return Cropped(entries, {photo.sha256: json.dumps(faces).encode()})


def _by_boxes(
    photo: Photo, image: Image.Image, faces: list[Edges], cropper: FaceCropper
) -> list[Entry]:
    """Return a crop for each box, and the face finder's crop of the same face if it has one."""
    entries = []
    crops_of_boxes = []
    parts = []
    for number, box in enumerate(photo.boxes, 1):
        part = photo.entry._replace(part=f"#{number}", label=box.label)
        try:
            edges = cropper.around(box.in_pixels(image.size), image.size)
        except BadAnnotationError as error:
            entries.append(_refused(part, BAD_ANNOTATION, str(error)))
            continue
        entries.append(_cut(part, image, edges))
        crops_of_boxes.append(edges)
        parts.append(part)
    for index, face in overlap.match(crops_of_boxes, faces).items():
        part = parts[index]._replace(part=parts[index].part + FINDER_ENDING)
        entries.append(_cut(part, image, faces[face]))
    return entries


def _main_face(
    entry: Entry,
    image: Image.Image,
    faces: list[Edges],
) -> Entry:
    """Return the crop of the main face, or the file with a fault if there is no main face."""
    if not faces:
        return _refused(entry, "no face", "the face finder finds none")
    by_area = sorted(faces, key=overlap.area)
    if len(faces) > 1 and overlap.area(by_area[-1]) < MAIN_FACE_RATIO * overlap.area(by_area[-2]):
        detail = f"the face finder finds {len(faces)}, none clearly the largest"
        return _refused(entry, "several faces", detail)
    return _cut(entry, image, by_area[-1])


def _cut(
    entry: Entry,
    image: Image.Image,
    edges: Edges,
) -> Entry:
    file = io.BytesIO()
    image.crop(edges).save(file, "PNG")
    return entry._replace(content=file.getvalue())


def _refused(
    entry: Entry,
    reason: str,
    detail: str,
) -> Entry:
    return entry._replace(fault=detail, reason=reason)
