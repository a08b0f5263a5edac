"""Find the faces in a photo, and crop them as the training data is cropped.

The network is CenterFace (Y. Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face
as Point", 2019; MIT License). The file `face_finder.tflite` contains it, with a signature for each
size of its input. `tools/face_finder.py` makes this file. The web page and the app find faces in
the same way. All of them use the constants in `face_finder.json`:

- `sides`: sides in pixels of the squares into which a photo is fitted. The large square is for
  small faces, the small square for faces that fill the photo;
- `min_score`: a box with a lower score (0-1) does not count as a face;
- `same_face`: two boxes show the same face if their intersection over union is at least this;
- `smallest_face`: a face is too small to be classified if its shorter side has fewer pixels.
"""

import hashlib
import json
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

from facemask.files import code_version
from facemask.store import images

SETTINGS: dict[str, Any] = json.loads(Path(__file__).with_name("face_finder.json").read_text())
NETWORK = Path(__file__).with_name("face_finder.tflite")
STRIDE = 4
"""Side of a cell of the network's output map, in pixels of its input."""

Box = tuple[int, int, int, int]
Array = NDArray[np.float64]


class Face(NamedTuple):
    """A face: left, top, right and bottom of its box in pixels of the photo; its score (0-1)."""

    box: tuple[float, float, float, float]
    score: float


class Placement(NamedTuple):
    """Where a scaled photo lies in a square, in pixels.

    Attributes:
        size: width and height of the scaled photo.
        left: distance from the left edge of the square.
        top: distance from the upper edge of the square.
    """

    size: tuple[int, int]
    left: int
    top: int


def version() -> str:
    """Return a text that changes whenever the face finder may find other boxes."""
    network = hashlib.sha256(NETWORK.read_bytes()).hexdigest()
    return f"{SETTINGS} {network} {code_version(sys.modules[__name__])}"


def crop(
    face: Face,
    margins: Mapping[str, float],
    size: tuple[int, int],
) -> Box:
    """Return the part of a photo around a face, cropped as the training data is.

    Args:
        face: in the photo.
        margins: `scale` and `up`, as in section `crop` of params.yaml.
        size: width and height of the photo.

    Returns:
        Left, top, right and bottom in pixels, within the photo and never empty.
    """
    first = np.array(face.box[:2])
    last = np.array(face.box[2:])
    side = margins["scale"] * (last - first).mean()
    centre = (first + last) / 2 - [0, margins["up"] * side]
    start = np.floor(centre - side / 2 + 0.5)
    start = start.clip(0, np.array(size) - 1)
    end = np.floor(centre + side / 2 + 0.5)
    end = end.clip(start + 1, size)
    left, top = start.astype(int).tolist()
    right, bottom = end.astype(int).tolist()
    return left, top, right, bottom


def fit_in_square(size: tuple[int, int], side: int) -> Placement:
    """Return where a photo of this size lies in a square if it is scaled to fit, and centred."""
    scale = side / max(size)
    width, height = (max(1, int(length * scale + 0.5)) for length in size)
    return Placement(
        size=(width, height),
        left=(side - width) // 2,
        top=(side - height) // 2,
    )


class FaceDetector:
    """CenterFace, to be used from any number of threads."""

    def __init__(self, min_score: float = SETTINGS["min_score"]) -> None:
        """Load the network.

        Args:
            min_score: a box with a lower score (0-1) does not count as a face.
        """
        self._min_score = min_score
        self._of_thread = threading.local()

    def find(self, image: Image.Image) -> list[Face]:
        """Return the faces in an RGB image of any size, the largest first."""
        parts = [self._find_in_square(image, side) for side in SETTINGS["sides"]]
        faces = np.concatenate(parts)
        faces = faces[distinct(faces[:, :4], faces[:, 4])]
        largest_first = np.argsort(-_areas(faces), kind="stable")
        return [Face(tuple(box), score) for *box, score in faces[largest_first].tolist()]

    def crops(self, image: Image.Image, margins: Mapping[str, float]) -> list[Box]:
        """Return the crop of each face in an RGB image, the largest face first."""
        return [crop(face, margins, image.size) for face in self.find(image)]

    def _find_in_square(self, image: Image.Image, side: int) -> Array:
        """Fit an image into a square and find the faces in it.

        Returns:
            (n, 5): for each face left, top, right and bottom in pixels of the image, and its score.
        """
        size, left, top = fit_in_square(image.size, side)
        square = Image.new("RGB", (side, side))
        square.paste(image.resize(size, images.RESIZE_FILTER), (left, top))

        answers = self.run(np.asarray(square)).astype(float)
        rows, columns = np.nonzero(answers[..., 0] >= self._min_score)
        answers = answers[rows, columns]
        scores = answers[:, :1]
        cells = np.stack([columns, rows], axis=1)
        centres = STRIDE * cells + answers[:, 1:3]
        halves = np.exp(answers[:, 3:5]) / 2

        corners = np.stack([centres - halves, centres + halves], axis=1)
        corners = (corners - [left, top]) * np.divide(image.size, size)
        boxes = corners.clip(0, image.size).reshape(-1, 4)
        faces = np.concatenate([boxes, scores], axis=1)
        return faces[_areas(boxes) > 0]

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the output of the network for a square.

        Args:
            pixels: (side, side, 3), RGB, 0-255; `side` is one of `SETTINGS["sides"]`.

        Returns:
            (side / STRIDE, side / STRIDE, 5): five values for each cell. The first is the score
            (0-1) of a face in the cell. The next two are x and y of the face's centre, measured
            from the upper left corner of the cell. The last two are the natural logarithms of the
            face's width and height. All lengths are in pixels of the square.
        """
        if not hasattr(self._of_thread, "network"):
            self._of_thread.network = Interpreter(str(NETWORK), num_threads=1)
        signature = self._of_thread.network.get_signature_runner(f"side_{len(pixels)}")
        [answers] = signature(image=pixels[np.newaxis]).values()
        return np.asarray(answers[0], np.float32)


def distinct(boxes: Array, scores: Array) -> NDArray[np.int64]:
    """Return the indices of boxes that show different faces, the box with the best score first.

    Of several boxes that show the same face, the one with the best score is kept.

    Args:
        boxes: (n, 4), none of them empty.
        scores: (n,). If scores are equal, the first of them is the best.
    """
    remaining = np.argsort(-scores, kind="stable")
    kept = []
    while len(remaining):
        best = remaining[0]
        kept.append(best)
        box = boxes[[best]]
        others = boxes[remaining]
        first = np.maximum(box[:, :2], others[:, :2])
        last = np.minimum(box[:, 2:], others[:, 2:])
        shared = (last - first).clip(0).prod(axis=1)
        union = _areas(box) + _areas(others) - shared
        remaining = remaining[shared / union < SETTINGS["same_face"]]
    return np.array(kept, np.int64)


def _areas(boxes: Array) -> Array:
    sides = boxes[:, 2:4] - boxes[:, :2]
    return sides[:, 0] * sides[:, 1]
