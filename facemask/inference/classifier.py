"""Classify images with a `.tflite` file."""

import os
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

from facemask.errors import UserError
from facemask.inference import contract
from facemask.store import images

Item = TypeVar("Item")
Result = TypeVar("Result")


class Answer(NamedTuple):
    """The predicted class of an image, and the probability (0-1) of that class."""

    label: str
    probability: float


class Classifier:
    """An exported model, to be used from any number of threads.

    Attributes:
        contract: what the file says about itself.
    """

    def __init__(self, model: Path) -> None:
        """Load a file from `export_tflite`.

        Raises:
            UserError: the file is missing or damaged, or does not come from this pipeline.
        """
        try:
            content = model.read_bytes()
        except OSError as error:
            raise UserError(f"{model}: {error.strerror}; `dvc repro` makes it") from error
        self._model, self.contract = contract.read(content, str(model))
        self._of_thread = threading.local()
        self._check(model)

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of each label, float32 (2,), 0-1, in the labels' order.

        Args:
            pixels: uint8 (side, side, 3), RGB 0-255.
        """
        interpreter = self._interpreter()
        [image] = interpreter.get_input_details()
        [output] = interpreter.get_output_details()
        interpreter.set_tensor(image["index"], pixels[np.newaxis])
        interpreter.invoke()
        probabilities: NDArray[np.float32] = interpreter.get_tensor(output["index"])[0]
        return probabilities

    def classify(self, image: Image.Image, threshold: float | None = None) -> Answer:
        """Stretch an RGB image of any size to the model's input size, and return its class.

        Args:
            image: a face.
            threshold: the second label is predicted if its probability is at least this; None is
                the contract's threshold.
        """
        if threshold is None:
            threshold = self.contract.threshold
        pixels = np.asarray(images.resize(image, self.contract.input["side"]))
        probabilities = self.probabilities(pixels)
        index = int(probabilities[1] >= threshold)
        return Answer(self.contract.labels[index], float(probabilities[index]))

    def _check(self, model: Path) -> None:
        """Refuse a network whose input or output is not what the contract says."""
        interpreter = self._interpreter()
        [image] = interpreter.get_input_details()
        [output] = interpreter.get_output_details()
        side = self.contract.input["side"]
        input_shape = image["shape"].tolist()
        output_shape = output["shape"].tolist()
        if image["dtype"] != np.uint8 or input_shape != [1, side, side, 3]:
            raise UserError(f"{model}: its input {input_shape} is not that of its contract")
        if output["dtype"] != np.float32 or output_shape != [1, 2]:
            raise UserError(f"{model}: its output {output_shape} is not that of its contract")

    def _interpreter(self) -> Interpreter:
        """Return this thread's own interpreter."""
        if not hasattr(self._of_thread, "interpreter"):
            interpreter = Interpreter(model_content=self._model, num_threads=1)
            interpreter.allocate_tensors()
            self._of_thread.interpreter = interpreter
        return self._of_thread.interpreter


def on_all_cores(work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result]:
    """Yield `work(item)` for each item, in order; there is a thread for each core."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(work, items)
