"""A `.tflite` file -> label and probability."""

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
    """What the model says of an image: a class, and the probability (0-1) of that class."""

    label: str
    probability: float


class Classifier:
    """An exported model, to be used from any number of threads.

    Attributes:
        contract: what the file says of itself.
    """

    def __init__(self, model: Path) -> None:
        """Load a file from `export_tflite`.

        Raises:
            UserError: it is missing, damaged, or not from this pipeline.
        """
        try:
            content = model.read_bytes()
        except OSError as error:
            raise UserError(f"{model}: {error.strerror}; `dvc repro` makes it") from error
        self._model, self.contract = contract.read(content, str(model))
        self._of_thread = threading.local()
        side = self.contract.input["side"]
        input_ = self._ready()[0].get_input_details()[0]
        if input_["dtype"] != np.uint8 or list(input_["shape"]) != [1, side, side, 3]:
            raise UserError(f"{model}: takes {list(input_['shape'])}, not what its contract says")

    def probability(self, pixels: NDArray[np.uint8]) -> float:
        """Return the probability of the second class, 0-1.

        Args:
            pixels: uint8 (side, side, 3), RGB 0-255.
        """
        interpreter, input_, output = self._ready()
        interpreter.set_tensor(input_, pixels[np.newaxis])
        interpreter.invoke()
        return float(interpreter.get_tensor(output).item())

    def classify(self, image: Image.Image, threshold: float | None = None) -> Answer:
        """Return the class of an RGB image of any size, which is stretched as the contract says.

        Args:
            image: one face.
            threshold: probability from which the second class is decided on; the contract's if
                none.
        """
        pixels = np.asarray(images.resize(image, self.contract.input["side"]))
        second = self.probability(pixels)
        if second >= (self.contract.threshold if threshold is None else threshold):
            return Answer(self.contract.labels[1], second)
        return Answer(self.contract.labels[0], 1 - second)

    def _ready(self) -> tuple[Interpreter, int, int]:
        """Return this thread's own interpreter, and the indices of its input and output."""
        if not hasattr(self._of_thread, "ready"):
            interpreter = Interpreter(model_content=self._model, num_threads=1)
            interpreter.allocate_tensors()
            [input_], [output] = interpreter.get_input_details(), interpreter.get_output_details()
            self._of_thread.ready = interpreter, input_["index"], output["index"]
        ready: tuple[Interpreter, int, int] = self._of_thread.ready
        return ready


def on_all_cores(do: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result]:
    """Yield what `do` makes of each item, in their order; a thread a core."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(do, items)
