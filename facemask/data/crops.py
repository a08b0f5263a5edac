"""Photos of a source -> the parts of them that are to be learned from."""

import io
from collections.abc import Iterator, Mapping

from PIL import Image

from facemask.data import images
from facemask.data.boxes import Annotation, Box
from facemask.data.source import Entry, Source
from facemask.spread import spread

BAD = "bad annotation"
"""Why an image is not used whose box or class is not as it should be."""

BEYOND = 1
"""Pixels by which a box may reach over the image's edge: it was rounded."""


class Crops:
    """The files of a source; of an image with boxes, what is in each box in its place."""

    def __init__(self, source: Source, annotations: Mapping[str, Annotation]) -> None:
        """Take the files, and the boxes by their image's path, from `boxes.find`."""
        self.source, self.annotations = source, annotations

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[Entry]:
        if not self.annotations:
            yield from self.source
            return
        for parts in spread(self._parts, self.source, here=True):
            yield from parts

    def _parts(self, entry: Entry) -> list[Entry]:
        boxes = self.annotations.get(entry.path)
        if not boxes or entry.fault:
            return [entry]
        if isinstance(boxes, str):
            return [entry._replace(content=b"", fault=boxes, reason=BAD)]
        try:
            image = images.open_rgb(entry.content)
        except images.BadImageError:  # which its examination will say
            return [entry._replace(label=boxes[0].label)]
        return [
            _cut(entry._replace(part=f"#{number}", label=box.label), image, box)
            for number, box in enumerate(boxes, 1)
        ]


def _cut(entry: Entry, image: Image.Image, box: Box) -> Entry:
    width, height = image.size
    if box.image_size == (1, 1):
        factors = (width, height, width, height)
    elif box.image_size in ((0, 0), image.size):
        factors = (1, 1, 1, 1)
    else:  # turned by its EXIF orientation, or halved, or of another photo
        of = "{:g} x {:g}".format(*box.image_size)
        return _bad(entry, f"boxes for {of} pixels, the image has {width} x {height}")
    edges = [round(edge * factor) for edge, factor in zip(box.edges, factors, strict=True)]
    left, top, right, bottom = edges
    if not (
        -BEYOND <= left < right <= width + BEYOND and -BEYOND <= top < bottom <= height + BEYOND
    ):
        where = ", ".join(map(str, edges))
        return _bad(entry, f"box {where}: empty, or outside of {width} x {height} pixels")
    file = io.BytesIO()
    part = image.crop((max(left, 0), max(top, 0), min(right, width), min(bottom, height)))
    part.save(file, "PNG")
    return entry._replace(content=file.getvalue())


def _bad(entry: Entry, why: str) -> Entry:
    return entry._replace(content=b"", fault=why, reason=BAD)
