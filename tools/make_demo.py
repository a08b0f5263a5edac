"""Draw the demo data.

Run `python -m tools.make_demo`; it takes two minutes on one core. It writes three archives:

- `data/demo.zip`: 938 JPEG pictures, under 3 MB;
- `data/demo-external.zip`: other people in the style of another camera;
- `data/demo-photos.zip`: photos of one person each, and scenes of several people, under 1 MB.

The same versions of Pillow, numpy and LiteRT give the same bytes.
"""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from tqdm import tqdm

from facemask.files import replacing
from facemask.inference.detection import FaceDetector
from facemask.store import images
from tools.faces import draw_face, encode
from tools.scenes import Box, draw_photo, draw_scene

DATA = Path(__file__).parents[1] / "data"
ORIGINALS, NEAR_COPIES, TWINS = 450, 16, 3
CLASS_SIZE = ORIGINALS + NEAR_COPIES + TWINS
EXTERNAL, PHOTOS = 60, 20  # in each class
SCENES = 12
DRAWINGS = 8
"""Largest number of drawings of one photo; see `best_drawing`."""

STEP = 1000
"""Difference between the seeds of two drawings of one photo."""

Drawing = tuple[bytes, list[Box]]
"""A JPEG file, and the box of each face in it."""

# The archives name an older path of this file, so that their bytes do not change.
README = f"""\
Generated faces, for trying the pipeline.

Drawn by data/make_demo.py; no result on them says anything about real faces.

WithMask/ and WithoutMask/ hold {CLASS_SIZE} pictures each: {ORIGINALS} faces, then {NEAR_COPIES} \
near-copies and {TWINS} byte-identical
copies of some of them. A mask under the chin or hanging from one ear counts as WithoutMask.
"""
README_EXTERNAL = f"""\
Generated faces from elsewhere, for trying the evaluation on faces of another source.

Drawn by data/make_demo.py: {EXTERNAL} in each class, smaller, in coloured light, saved hard.
"""
README_PHOTOS = f"""\
Generated photos of one person each in a scene, for trying how whole photos are answered.

Drawn by tools/make_demo.py: {PHOTOS} in each class, near and far, every second one dark; and
{SCENES} scenes of several people, with a box at each face. Each was drawn up to {DRAWINGS} times, \
until the face finder found
everybody: it learned from photos, and does not find some drawn faces.
"""


def near_copy(jpeg: bytes, kind: int) -> bytes:
    """Return the same picture mirrored, re-encoded, rotated, brightened or resized."""
    image = Image.open(io.BytesIO(jpeg))
    changed = (
        ImageOps.mirror(image),
        image,
        image.rotate(4, Image.Resampling.BICUBIC),
        ImageEnhance.Brightness(image).enhance(1.2),
        ImageOps.scale(image, 0.8),
    )
    return encode(changed[kind % len(changed)], 70)


def pictures() -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every picture, class by class, with the copies last."""
    for label, first in (("WithMask", 0), ("WithoutMask", CLASS_SIZE)):
        numbers = tqdm(range(first, first + ORIGINALS), desc=label, disable=None)
        faces = [draw_face(number, label == "WithMask") for number in numbers]
        faces += [near_copy(faces[25 * kind], kind) for kind in range(NEAR_COPIES)]
        faces += [faces[25 * twin + 7] for twin in range(TWINS)]
        yield from ((f"{label}/face_{n:04d}.jpg", face) for n, face in enumerate(faces, first))


def external_pictures() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of yellowish, strongly compressed pictures at half the size."""
    for label, first in (("WithMask", 10_000), ("WithoutMask", 20_000)):
        for number in range(first, first + EXTERNAL):
            image = Image.open(io.BytesIO(draw_face(number, label == "WithMask")))
            pixels = np.asarray(ImageOps.scale(image, 0.5)) * np.array([1.1, 1.0, 0.75])
            small = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            yield f"{label}/elsewhere_{number}.jpg", encode(small, 60)


@cache
def face_finder() -> FaceDetector:
    """Return the face finder, which is loaded only once."""
    return FaceDetector()


def count_faces(jpeg: bytes) -> int:
    """Return the number of faces that the face finder finds in a photo."""
    return len(face_finder().find(images.open_rgb(jpeg)))


def best_drawing(draw: Callable[[int], Drawing], people: int) -> Drawing:
    """Return the first drawing in which the face finder finds all people, or else most people.

    The face finder learned from photos, and does not find some drawn faces with masks.

    Args:
        draw: returns a photo and the boxes of its faces, given the number of the attempt.
        people: number of people in the photo.
    """
    best = draw(0)
    most = count_faces(best[0])
    for attempt in range(1, DRAWINGS):
        if most >= people:
            break
        drawing = draw(attempt)
        faces = count_faces(drawing[0])
        if faces > most:
            best = drawing
            most = faces
    return best


def photos() -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of photos of one other person each. Every second photo is dark."""
    for label, first in (("WithMask", 30_000), ("WithoutMask", 40_000)):
        for number in range(first, first + PHOTOS):
            draw = partial(attempt_photo, number, masked=label == "WithMask")
            photo, _ = best_drawing(draw, people=1)
            yield f"{label}/photo_{number}.jpg", photo


def attempt_photo(number: int, attempt: int, *, masked: bool) -> Drawing:
    """Return a drawing of one person, with no boxes."""
    return draw_photo(number + STEP * attempt, masked, dark=bool(number % 2)), []


def scenes() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of photos of two to five people each, and of their annotations."""
    for number in range(SCENES):
        masked = [bool((number + person) % 2) for person in range(2 + number % 4)]
        draw = partial(attempt_scene, number, masked=masked)
        photo, boxes = best_drawing(draw, people=len(masked))
        yield f"images/scene_{number}.jpg", photo
        yield f"annotations/scene_{number}.xml", annotation(masked, boxes).encode()


def attempt_scene(number: int, attempt: int, *, masked: Sequence[bool]) -> Drawing:
    """Return a drawing of several people."""
    return draw_scene(50_000 + number + STEP * attempt, masked)


def annotation(masked: Sequence[bool], boxes: Sequence[Box]) -> str:
    """Return the boxes of a scene as Pascal VOC."""
    lines = ["<annotation>"]
    for is_masked, box in zip(masked, boxes, strict=True):
        label = "WithMask" if is_masked else "WithoutMask"
        names = ("xmin", "ymin", "xmax", "ymax")
        edges = "".join(f"<{n}>{edge}</{n}>" for n, edge in zip(names, box, strict=True))
        lines.append(f"  <object><name>{label}</name><bndbox>{edges}</bndbox></object>")
    return "\n".join([*lines, "</annotation>", ""])


def write(target: Path, readme: str, pictures: Iterable[tuple[str, bytes]]) -> None:
    """Write an archive completely, or not at all."""
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        # A default ZipInfo is uncompressed and dated 1980, so the bytes do not depend on the time.
        archive.writestr(zipfile.ZipInfo("README.txt"), readme)
        for name, jpeg in pictures:
            archive.writestr(zipfile.ZipInfo(name), jpeg)


if __name__ == "__main__":
    write(DATA / "demo.zip", README, pictures())
    write(DATA / "demo-external.zip", README_EXTERNAL, external_pictures())
    write(DATA / "demo-photos.zip", README_PHOTOS, chain(photos(), scenes()))
