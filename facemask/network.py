"""The Keras model: its layers, its augmentation, its training and its export."""

import json
import math
import re
import sys
import time
import zipfile
from collections import defaultdict
from itertools import count
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from facemask import params, tables
from facemask.dataset import Augment
from facemask.errors import UserError


def reproducible(seed: int) -> None:
    """Make all that Keras and TensorFlow do in this process follow from `seed`."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def build(options: params.Network, size: int) -> keras.Model:
    """Build the untrained network.

    Scaling to [0, 1] is its first layer, so that whoever uses the model hands over plain pixels.

    Args:
        options: the layers.
        size: side of the square input in pixels.

    Returns:
        A model from RGB images, float32 (n, size, size, 3) 0-255, to the probability of the second
        class, float32 (n, 1).
    """
    model = keras.Sequential([keras.Input((size, size, 3)), layers.Rescaling(1 / 255)])
    for block, filters in enumerate(options.filters):
        model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(layers.MaxPooling2D(2))
        if block > 0:
            model.add(layers.Dropout(options.dropout))
    model.add(layers.Flatten())
    model.add(layers.Dense(options.dense, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    return model


def augmenter(options: params.Augmentation) -> Augment:
    """Make the function that draws one affine change, and perhaps a mirror image, for each image.

    The change is rotation * shift * shear * zoom about the centre, as in Keras'
    `ImageDataGenerator`, resampled bilinearly once; what comes from outside repeats the border.
    """

    def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        draws = tf.random.stateless_uniform((7, tf.shape(images)[0]), seed, -1.0, 1.0)
        return keras.ops.image.affine_transform(
            images,
            _affine(draws, options, tf.cast(tf.shape(images)[1], tf.float32)),
            interpolation="bilinear",
            fill_mode="nearest",
        )

    return augment


def _affine(draws: tf.Tensor, options: params.Augmentation, side: tf.Tensor) -> tf.Tensor:
    """Compose the maps from output to input pixels, as `affine_transform` takes them.

    Args:
        draws: float32 (7, n), -1 to 1.
        options: the largest changes.
        side: of the square images in pixels.

    Returns:
        float32 (n, 8): rows a0, a1, a2, b0, b1, b2, 0, 0 with x' = a0 x + a1 y + a2 and
        y' = b0 x + b1 y + b2.
    """
    angle = draws[0] * math.radians(options.rotation)
    shear = draws[1] * math.radians(options.shear)
    shift_x, shift_y = draws[2] * options.shift * side, draws[3] * options.shift * side
    zoom_x, zoom_y = 1 + draws[4] * options.zoom, 1 + draws[5] * options.zoom
    mirror = tf.where(draws[6] > 0, -1.0, 1.0) if options.horizontal_flip else 1.0
    cos, sin, zero = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle)
    a0, a1 = cos * zoom_x * mirror, -tf.sin(angle + shear) * zoom_y
    b0, b1 = sin * zoom_x * mirror, tf.cos(angle + shear) * zoom_y
    centre = (side - 1) / 2
    a2 = cos * shift_x - sin * shift_y + centre * (1 - a0 - a1)
    b2 = sin * shift_x + cos * shift_y + centre * (1 - b0 - b1)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)


def fit(
    model: keras.Model,
    training: tf.data.Dataset,
    validation: tf.data.Dataset,
    options: params.Train,
    *,
    best: Path,
    history: Path,
) -> pd.DataFrame:
    """Train with Adam on binary cross-entropy and keep the epoch of the least validation loss.

    Args:
        model: from `build`.
        training: batches from `dataset.training_batches`.
        validation: batches from `dataset.inference_batches`.
        options: `epochs`, `learning_rate` and `stop_at_accuracy` count here.
        best: where the best epoch's model is saved; its name ends in `.keras`.
        history: CSV file that gets one row an epoch as training goes.

    Returns:
        What `history` holds: epoch (from 1), loss, accuracy, val_loss, val_accuracy, learning_rate,
        seconds.

    Raises:
        UserError: the loss is infinite or not a number from the first epoch on.
    """
    model.compile(
        keras.optimizers.Adam(options.learning_rate), "binary_crossentropy", metrics=["accuracy"]
    )
    live = _LiveHistory(history)
    callbacks = [
        live,
        keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True),
        keras.callbacks.TerminateOnNaN(),
    ]
    if options.stop_at_accuracy is not None:
        callbacks.append(_StopAtAccuracy(options.stop_at_accuracy))
    model.fit(
        training,
        validation_data=validation,
        epochs=options.epochs,
        shuffle=False,  # the batches come shuffled
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=callbacks,
    )
    if not math.isfinite(live.rows[0]["val_loss"]):
        raise UserError(
            f"train.learning_rate = {options.learning_rate}: the loss became infinite or not a "
            "number in the first epoch; try a smaller one"
        )
    _forget_circumstances(best)
    return live.table()


def _forget_circumstances(path: Path) -> None:
    """Make equal models equal bytes, so that DVC sees when nothing changed.

    A `.keras` file holds the date and, as ids of shared objects, addresses in memory.
    """
    with zipfile.ZipFile(path) as saved:
        parts = {name: saved.read(name) for name in saved.namelist()}
    metadata = json.loads(parts["metadata.json"])
    del metadata["date_saved"]
    parts["metadata.json"] = json.dumps(metadata).encode()
    numbers = defaultdict[bytes, int](count().__next__)
    parts["config.json"] = re.sub(
        rb'(?<="shared_object_id": )\d+',
        lambda address: b"%d" % numbers[address.group()],
        parts["config.json"],
    )
    with zipfile.ZipFile(path, "w") as rewritten:
        for name, content in parts.items():
            rewritten.writestr(zipfile.ZipInfo(name), content)


def load(path: Path) -> keras.Model:
    """Read a trained model as `build` describes it."""
    return keras.models.load_model(path)


def predict(model: keras.Model, batches: tf.data.Dataset) -> NDArray[np.float64]:
    """Give each image's probability of the second class, (n,), 0-1."""
    if not len(batches):
        return np.empty(0)
    return model.predict(batches, verbose=0)[:, 0].astype(np.float64)


def export(model: keras.Model, path: Path) -> None:
    """Write a TFLite file (float32) that takes one image, uint8 (1, size, size, 3) RGB 0-255."""
    image = keras.Input(batch_shape=(1, *model.input_shape[1:]), dtype="uint8", name="image")
    probability = model(keras.ops.cast(image, "float32"))
    keras.Model(image, probability).export(path, format="litert", verbose=False)


class _LiveHistory(keras.callbacks.Callback):
    """One row an epoch, written as soon as the epoch ends."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.rows: list[dict[str, float]] = []

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        seen = {
            name: (logs or {})[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")
        }
        rate = float(self.model.optimizer.learning_rate)
        seconds = time.perf_counter() - self.start
        self.rows.append({"epoch": epoch + 1, **seen, "learning_rate": rate, "seconds": seconds})
        tables.write(self.table(), self.path)


class _StopAtAccuracy(keras.callbacks.Callback):
    """End training when training and validation accuracy have both reached a value."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs and min(logs["accuracy"], logs["val_accuracy"]) >= self.value:
            self.model.stop_training = True
