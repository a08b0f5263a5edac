"""The Keras model: its layers, its precision, its file and its predictions."""

import json
import re
import zipfile
from collections import defaultdict
from itertools import count
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from facemask import params
from facemask.errors import UserError
from facemask.store import signature

HEADS = {
    "flatten": layers.Flatten,
    "average": layers.GlobalAveragePooling2D,
}

PROCESSOR = Path("/proc/cpuinfo")
"""The file in which Linux describes the processor."""

BFLOAT16 = re.compile(r"^flags\b.*\b(avx512_bf16|amx_bf16)\b", re.MULTILINE)
"""Finds the processor's instructions for bfloat16 in `PROCESSOR`."""

NEW_OPTIONS = {
    "input_axes": None,
    "optional": False,
    "output_axes": None,
    "quantization_config": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}
"""Options of layers and initializers that are newer than Keras 3.3, with their defaults."""


def reproducible(seed: int) -> None:
    """Seed Keras and TensorFlow, and make all their operations deterministic."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def build(options: params.Network, size: int) -> keras.Model:
    """Build the untrained network.

    The first layer scales the pixels. With `standardize`, it scales each image to mean 0 and
    standard deviation 1. This cancels exposure and haze, except where pixels are clipped. Without
    `standardize`, it scales all pixels to 0-1.

    Args:
        options: the layers.
        size: side of the square input in pixels.

    Returns:
        A model. Its input is RGB images, float32 (n, size, size, 3), 0-255. Its output is the
        probability of the positive class, float32 (n, 1).
    """
    standardization = layers.LayerNormalization(
        [1, 2, 3],
        epsilon=1.0,
        center=False,
        scale=False,
    )
    scaling = standardization if options.standardize else layers.Rescaling(1 / 255)
    model = keras.Sequential([keras.Input((size, size, 3)), scaling])
    for block, filters in enumerate(options.filters):
        bias = not options.batch_norm
        initializer = options.initializer
        model.add(
            layers.Conv2D(
                filters,
                3,
                use_bias=bias,
                kernel_initializer=initializer,
            )
        )
        model.add(layers.MaxPooling2D(2))  # before the ReLU: same result, a quarter of the work
        if options.batch_norm:
            model.add(layers.BatchNormalization(scale=False))  # a later layer can scale instead
        model.add(layers.ReLU())
        if block > 0 and options.dropout:
            model.add(layers.Dropout(options.dropout))
    model.add(HEADS[options.head]())
    model.add(layers.Dense(options.dense, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    return model


def precision(
    wanted: str,
    processor: Path = PROCESSOR,
    gpus: int | None = None,
) -> str:
    """Return the precision to train in.

    `auto` is mixed_float16 on a GPU. Otherwise it is mixed_bfloat16 if the processor has it, and
    float32 if not.

    Args:
        wanted: `auto`, `mixed_float16`, `mixed_bfloat16` or `float32`.
        processor: file that describes the processor. Without this file, bfloat16 is not used.
        gpus: number of GPUs; None: the number that TensorFlow detects.

    Returns:
        `mixed_float16`, `mixed_bfloat16` or `float32`.

    Raises:
        UserError: this machine cannot compute in the wanted precision.
    """
    if gpus is None:
        gpus = len(tf.config.list_physical_devices("GPU"))
    possible = ["float32"]
    if processor.exists() and BFLOAT16.search(processor.read_text()):
        possible.append("mixed_bfloat16")
    if gpus:
        possible.append("mixed_float16")
    if wanted == "auto":
        return possible[-1]
    if wanted not in possible:
        raise UserError(
            f"train.precision = {wanted}: this machine has no hardware for it; "
            f"allowed here: {', '.join(['auto', *possible])}"
        )
    return wanted


def in_precision(model: keras.Model, name: str) -> keras.Model:
    """Return a copy of a model. The copy computes in the precision `name`.

    The weights of the copy stay float32. Its last layer always computes in float32, because this
    layer returns the probability.

    Args:
        model: from `build`.
        name: a precision from `precision`.
    """

    def like(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        config["dtype"] = "float32" if layer is model.layers[-1] else name
        return layer.from_config(config)

    image = keras.Input(model.input_shape[1:], name="image")
    copy = keras.Sequential([image, *map(like, model.layers)], name=model.name)
    copy.set_weights(model.get_weights())
    return copy


def save(model: keras.Model, path: Path, images: signature.Hashes) -> None:
    """Write a `.keras` file without the optimizer. Equal models give equal bytes.

    Keras writes the date, and uses addresses in memory as ids of shared objects. This function
    removes the date, and replaces the ids by 0, 1, 2 and so on. Keras 3.3 and later can read the
    file.

    Args:
        model: a trained model from `build`.
        path: the file to write.
        images: hashes of the training images. They become part of the file.
    """
    plain = model.from_config(model.get_config())  # a copy without an optimizer
    plain.set_weights(model.get_weights())
    plain.save(path)
    with zipfile.ZipFile(path) as saved:
        parts = {name: saved.read(name) for name in saved.namelist()}
    metadata = json.loads(parts["metadata.json"])
    del metadata["date_saved"]
    parts[signature.MEMBER] = signature.pack(images)
    parts["metadata.json"] = json.dumps(metadata).encode()
    numbers = defaultdict[bytes, int](count().__next__)
    parts["config.json"] = re.sub(
        rb'(?<="shared_object_id": )\d+',
        lambda address: b"%d" % numbers[address.group()],
        parts["config.json"],
    )
    config = json.loads(parts["config.json"], object_hook=_without_new_options)
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as rewritten:
        for name, content in parts.items():
            rewritten.writestr(zipfile.ZipInfo(name), content)


def _without_new_options(config: dict[str, object]) -> dict[str, object]:
    """Return a configuration without the `NEW_OPTIONS` that have their default value."""
    return {
        key: value
        for key, value in config.items()
        if key not in NEW_OPTIONS or value != NEW_OPTIONS[key]
    }


def load(path: Path) -> keras.Model:
    """Return the model in a `.keras` file; see `build` for its input and output."""
    return keras.models.load_model(path)


def read_start(path: Path) -> keras.Model:
    """Return the model in `train.start`.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return load(path)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"train.start = '{path}': cannot be read: {reason}") from error


def start_from(path: Path, model: keras.Model) -> None:
    """Load the weights of the model in `train.start` into a network from `build`.

    Raises:
        UserError: the file cannot be read, or has other layers.
    """
    start = read_start(path)
    start_layers = _describe(start)
    model_layers = _describe(model)
    if start_layers != model_layers:
        raise UserError(
            f"train.start = '{path}': has {start_layers}, but train.network has {model_layers}"
        )
    model.set_weights(start.get_weights())


def _describe(model: keras.Model) -> str:
    """Describe the layers of a network in one line, for an error message."""
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    filters = [layer.filters for layer in convolutions]
    norms = any(isinstance(layer, layers.BatchNormalization) for layer in model.layers)
    standardizes = not isinstance(model.layers[0], layers.Rescaling)
    return (
        f"filters {filters}, dense {dense[0].units} with {dense[0].kernel.shape[0]} inputs, "
        f"{'with' if norms else 'without'} batch_norm, {'' if standardizes else 'not '}standardized"
    )


def at_size(model: keras.Model, size: int) -> keras.Model:
    """Return a model that shares the layers of another model, but has another input size.

    The head `flatten` allows only one size.
    """
    return keras.Sequential([keras.Input((size, size, 3)), *model.layers])


def targets_and_probabilities(
    model: keras.Model, batches: tf.data.Dataset
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the targets, (n, 1), 0 or 1, and the predicted probabilities, (n, 1), 0-1.

    Args:
        model: returns the probability of the positive class.
        batches: images and targets.
    """
    targets = []
    probabilities = []
    for images, target in batches:
        targets.append(target)
        probabilities.append(model.predict_on_batch(images))
    return np.concatenate(targets), np.concatenate(probabilities)


def predict(model: keras.Model, batches: tf.data.Dataset) -> NDArray[np.float64]:
    """Return the probability of the positive class for each image, (n,), 0-1."""
    if not len(batches):
        return np.empty(0)
    return model.predict(batches, verbose=0)[:, 0].astype(np.float64)
