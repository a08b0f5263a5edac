"""Rows of a table and the resized images they name -> batches for Keras."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

INFERENCE_BATCH = 64


@dataclass(frozen=True)
class TrainingData:
    """Images to be trained on, each once an epoch, each time in another order and other shape.

    Order and changes follow from `seed` and the number of the epoch alone, so that a training that
    goes on from a later epoch sees the same pixels as one that came there undisturbed.

    Attributes:
        rows: table with `path`, `sha256`, `label` and `weight`.
        positive: the label whose target is 1.
        folder: holds `SHA256.png`, 8-bit RGB, all of one size.
        batch_size: images in a batch; the last one of an epoch may be smaller.
        seed: any integer.
        augment: (images, seed) -> images, for a whole batch; see `augmentation.Change`.
    """

    rows: pd.DataFrame
    positive: str
    folder: Path
    batch_size: int
    seed: int
    augment: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return math.ceil(len(self.rows) / self.batch_size)

    def batches(self, epochs: range, size: int) -> tf.data.Dataset:
        """Give the batches of some epochs, one epoch after the other.

        Args:
            epochs: counted from 0.
            size: of the images in pixels; at most that of the files.

        Returns:
            Images, float32 (n, size, size, 3) 0-255; targets, float32 (n, 1), 0 or 1; and weights
            in the loss, float32 (n,).
        """
        weights = tf.constant(self.rows["weight"], tf.float32)
        columns = (*_columns(self.rows, self.positive, self.folder), weights)

        def augmented(number: tf.Tensor, batch: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            seed = tf.stack([tf.constant(self.seed, tf.int64), number])
            return self.augment(_shrunk(batch[0], size), seed), *batch[1:]

        def batches_of(epoch: tf.Tensor) -> tf.data.Dataset:
            order = self._order(epoch)
            files = tf.data.Dataset.from_tensor_slices(
                tuple(tf.gather(column, order) for column in columns)
            )
            images = files.map(
                lambda name, *others: (_decode(name), *others), num_parallel_calls=tf.data.AUTOTUNE
            )
            numbered = images.batch(self.batch_size).enumerate(epoch * len(self))
            return numbered.map(augmented, num_parallel_calls=tf.data.AUTOTUNE)

        numbers = tf.data.Dataset.range(epochs.start, epochs.stop)
        batches = numbers.flat_map(batches_of).prefetch(tf.data.AUTOTUNE)
        count = tf.data.experimental.assert_cardinality(len(epochs) * len(self))
        return batches.apply(count)

    def paths(self, epoch: int, batch: int) -> list[str]:
        """Name the images of one batch."""
        order = self._order(tf.constant(epoch, tf.int64)).numpy()
        some = order[batch * self.batch_size : (batch + 1) * self.batch_size]
        return list(self.rows["path"].iloc[some])

    def _order(self, epoch: tf.Tensor) -> tf.Tensor:
        seed = tf.stack([tf.constant(self.seed, tf.int64), epoch])
        numbers = tf.range(len(self.rows), dtype=tf.int64)
        return tf.random.experimental.stateless_shuffle(numbers, seed)


def inference_batches(rows: pd.DataFrame, positive: str, folder: Path) -> tf.data.Dataset:
    """Give the images of `rows` unchanged, in their order, in batches as `TrainingData` gives."""
    files = tf.data.Dataset.from_tensor_slices(_columns(rows, positive, folder))
    images = files.map(
        lambda name, target: (_decode(name), target), num_parallel_calls=tf.data.AUTOTUNE
    )
    return images.batch(INFERENCE_BATCH).prefetch(tf.data.AUTOTUNE)


def shrunk(batches: tf.data.Dataset, size: int) -> tf.data.Dataset:
    """Give batches from `inference_batches` with smaller images, of `size` pixels."""
    return batches.map(lambda images, target: (_shrunk(images, size), target))


def _shrunk(images: tf.Tensor, size: int) -> tf.Tensor:
    smaller = tf.shape(images)[1] != size
    return tf.cond(smaller, lambda: tf.image.resize(images, (size, size), "area"), lambda: images)


def _columns(rows: pd.DataFrame, positive: str, folder: Path) -> tuple[tf.Tensor, tf.Tensor]:
    names = [str(folder / f"{sha256}.png") for sha256 in rows["sha256"]]
    targets = (rows["label"] == positive).to_numpy(np.float32)[:, np.newaxis]
    return tf.constant(names, tf.string), tf.constant(targets)


def _decode(name: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.io.decode_png(tf.io.read_file(name), channels=3), tf.float32)
