"""A `.tflite` file -> label and probability; needs neither TensorFlow nor DVC."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

from facemask import images
from facemask.errors import UserError


class Answer(NamedTuple):
    """What the model says of an image: a class and the probability (0-1) of that class."""

    label: str
    probability: float


class Classifier:
    """An exported model with its labels.

    Attributes:
        classes: the two names; the model gives the probability of the second.
        size: side of the model's square input in pixels.
    """

    def __init__(self, model: Path, labels: Path) -> None:
        """Load a model from `export_tflite` and its labels, one a line.

        Raises:
            UserError: a file is missing, is no model or no pair of labels, or the model's input is
                not uint8 (1, size, size, 3).
        """
        self.classes = _read(labels).decode(errors="replace").splitlines()
        if len(self.classes) != 2:
            raise UserError(f"{labels}: has {len(self.classes)} lines; 2 labels are needed")
        try:
            self._interpreter = Interpreter(model_content=_read(model), num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{model}: is no TFLite model: {error}") from error
        taken = self._interpreter.get_input_details()[0]
        given = self._interpreter.get_output_details()[0]
        self.size = int(taken["shape"][1]) if len(taken["shape"]) == 4 else 0
        expected = [1, self.size, self.size, 3]
        if (
            taken["dtype"] != np.uint8
            or list(taken["shape"]) != expected
            or given["shape"].prod() != 1
        ):
            raise UserError(
                f"{model}: is not a model of this pipeline: one RGB image in, one number out"
            )
        self._input, self._output = taken["index"], given["index"]

    def probability(self, pixels: NDArray[np.uint8]) -> float:
        """Give the probability of the second class, 0-1.

        Args:
            pixels: uint8 (size, size, 3), RGB 0-255.
        """
        self._interpreter.set_tensor(self._input, pixels[np.newaxis])
        self._interpreter.invoke()
        return float(self._interpreter.get_tensor(self._output).item())

    def classify(self, image: Image.Image, threshold: float = 0.5) -> Answer:
        """Decide on an RGB image of any size: the second class from `threshold` on."""
        second = self.probability(np.asarray(images.resize(image, self.size)))
        if second >= threshold:
            return Answer(self.classes[1], second)
        return Answer(self.classes[0], 1 - second)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; `dvc repro` makes it") from error
