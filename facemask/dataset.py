"""Rows of a table and the resized images they name -> batches for Keras."""

import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from facemask.errors import UserError

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

        Raises:
            UserError: the decoded images cannot be kept on the disk.
        """
        columns = _targets(self.rows, self.positive), tf.constant(self.rows["weight"], tf.float32)
        decoded = self._decoded

        def batch(number: tf.Tensor, some: tf.Tensor) -> tuple[tf.Tensor, ...]:
            seed = tf.stack([tf.constant(self.seed, tf.int64), number])
            images = self.augment(_shrunk(decoded.batch(some), size), seed)
            return images, *(tf.gather(column, some) for column in columns)

        def batches_of(epoch: tf.Tensor) -> tf.data.Dataset:
            order = tf.data.Dataset.from_tensor_slices(self._order(epoch)).batch(self.batch_size)
            numbered = order.enumerate(epoch * len(self))
            return numbered.map(batch, num_parallel_calls=tf.data.AUTOTUNE)

        numbers = tf.data.Dataset.range(epochs.start, epochs.stop)
        batches = numbers.flat_map(batches_of).prefetch(tf.data.AUTOTUNE)
        count = tf.data.experimental.assert_cardinality(len(epochs) * len(self))
        return batches.apply(count)

    def paths(self, epoch: int, batch: int) -> list[str]:
        """Name the images of one batch."""
        order = self._order(tf.constant(epoch, tf.int64)).numpy()
        some = order[batch * self.batch_size : (batch + 1) * self.batch_size]
        return list(self.rows["path"].iloc[some])

    @cached_property
    def _decoded(self) -> "_Decoded":
        return _Decoded(self.rows, self.folder)

    def _order(self, epoch: tf.Tensor) -> tf.Tensor:
        seed = tf.stack([tf.constant(self.seed, tf.int64), epoch])
        numbers = tf.range(len(self.rows), dtype=tf.int64)
        return tf.random.experimental.stateless_shuffle(numbers, seed)


def inference_batches(rows: pd.DataFrame, positive: str, folder: Path) -> tf.data.Dataset:
    """Give the images of `rows` unchanged, in their order, in batches as `TrainingData` gives.

    Raises:
        UserError: the decoded images cannot be kept on the disk.
    """
    decoded, targets = _Decoded(rows, folder), _targets(rows, positive)
    numbers = tf.data.Dataset.range(len(rows)).batch(INFERENCE_BATCH)
    batches = numbers.map(
        lambda some: (decoded.batch(some), tf.gather(targets, some)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return batches.prefetch(tf.data.AUTOTUNE)


def weights(rows: pd.DataFrame, by_group: bool) -> pd.Series:
    """Return each image's weight in the loss; the mean over a class is 1.

    Args:
        rows: with `label` and `group`.
        by_group: whether the images of a group share the weight of one; if not, all weigh 1.
    """
    if not by_group:
        return pd.Series(1.0, rows.index)
    share = 1 / rows.groupby("group")["group"].transform("size")
    return share / share.groupby(rows["label"]).transform("mean")


def shrunk(batches: tf.data.Dataset, size: int) -> tf.data.Dataset:
    """Give batches from `inference_batches` with smaller images, of `size` pixels."""
    return batches.map(lambda images, target: (_shrunk(images, size), target))


def _shrunk(images: tf.Tensor, size: int) -> tf.Tensor:
    return images if images.shape[1] == size else tf.image.resize(images, (size, size), "area")


def _targets(rows: pd.DataFrame, positive: str) -> tf.Tensor:
    return tf.constant((rows["label"] == positive).to_numpy(np.float32)[:, np.newaxis])


class _Decoded:
    """The images of some rows, each decoded once however often it is seen.

    They lie, 8 bits a colour, on the disk: in a file without a name, which ends with the process.
    """

    def __init__(self, rows: pd.DataFrame, folder: Path) -> None:
        names = [str(folder / f"{sha256}.png") for sha256 in rows["sha256"]]
        files = tf.data.Dataset.from_tensor_slices(tf.constant(names, tf.string))
        images = files.map(
            lambda name: tf.io.decode_png(tf.io.read_file(name), channels=3),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        batches = images.batch(INFERENCE_BATCH).prefetch(tf.data.AUTOTUNE)
        self.shape: tuple[int, ...] = (0, 0, 3)
        try:
            self.file = tempfile.TemporaryFile(dir=folder.parent)  # noqa: SIM115 - batches read it later
            with tqdm(desc="decode", total=len(rows), unit="image", disable=None) as bar:
                for pixels in batches.as_numpy_iterator():
                    self.shape = pixels.shape[1:]
                    self.file.write(pixels)
                    bar.update(len(pixels))
            self.file.flush()
        except OSError as error:
            raise UserError(f"{folder.parent}: {error.strerror}, for the decoded images") from error

    def batch(self, numbers: tf.Tensor) -> tf.Tensor:
        """Give the images of the rows of these numbers, float32 (n, height, width, 3) 0-255."""
        images = tf.numpy_function(self._read, [numbers], tf.uint8, stateful=False)
        return tf.cast(tf.ensure_shape(images, (None, *self.shape)), tf.float32)

    def _read(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        length, file = math.prod(self.shape), self.file.fileno()
        images = b"".join(os.pread(file, length, number * length) for number in numbers)
        return np.frombuffer(images, np.uint8).reshape(-1, *self.shape)
