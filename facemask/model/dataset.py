"""Batches of images and targets for Keras."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow import Tensor

from facemask.store.pixels import Pixels

INFERENCE_BATCH = 64
"""Images in a batch for inference."""

Augment = Callable[[Tensor, Tensor], Tensor]
"""(images, seed) -> images, for a whole batch; see `augmentation.augmenter`."""


@dataclass(frozen=True)
class TrainingData:
    """The training images. Each epoch shuffles and augments them in a different way.

    Order and augmentation depend only on `seed` and the number of the epoch. So an interrupted
    training that continues gets the same batches as an uninterrupted one.

    Attributes:
        rows: a row for each image, with `path`, `row`, `label` and its `weight` in the loss.
        positive: the label whose target is 1.
        pixels: the images, by `row`.
        batch_size: images in a batch. The last batch of an epoch may be smaller.
        seed: seeds the order and the augmentation.
        min_steps: least number of batches in an epoch. Images are repeated to reach it.
    """

    rows: pd.DataFrame
    positive: str
    pixels: Pixels
    batch_size: int
    seed: int
    min_steps: int = 0

    @property
    def passes(self) -> int:
        """Number of times that an epoch uses each image."""
        return max(1, math.ceil(self.min_steps * self.batch_size / len(self.rows)))

    @property
    def images(self) -> int:
        """Number of images in an epoch, including repetitions."""
        return self.passes * len(self.rows)

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return math.ceil(self.images / self.batch_size)

    def batches(
        self,
        epochs: range,
        size: int,
        augment: Augment,
    ) -> tf.data.Dataset:
        """Return the batches of consecutive epochs.

        Args:
            epochs: numbers of the epochs, from 0.
            size: side of the images in pixels; at most the side of `pixels`.
            augment: returns the augmented images of a batch.

        Returns:
            Batches of three tensors: images, float32 (n, size, size, 3), 0-255; targets, float32
            (n, 1), 0 or 1; weights in the loss, float32 (n,).
        """
        read = _reader(self.rows, self.pixels)
        targets = _targets(self.rows, self.positive)
        weights = tf.constant(self.rows["weight"], tf.float32)

        def batch(number: Tensor, indices: Tensor) -> tuple[Tensor, ...]:
            seed = tf.stack([tf.constant(self.seed, tf.int64), number])
            images = _shrunk(read(indices), size)
            return (
                augment(images, seed),
                tf.gather(targets, indices),
                tf.gather(weights, indices),
            )

        # AutoGraph has nothing to convert here, but needs more than a second to find that out.
        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def batches_of(epoch: Tensor) -> tf.data.Dataset:
            order = tf.data.Dataset.from_tensor_slices(self._order(epoch))
            numbered = order.batch(self.batch_size).enumerate(epoch * len(self))
            return numbered.map(batch, num_parallel_calls=tf.data.AUTOTUNE)

        numbers = tf.data.Dataset.range(epochs.start, epochs.stop)
        batches = numbers.flat_map(batches_of).prefetch(tf.data.AUTOTUNE)
        count = len(epochs) * len(self)
        return batches.apply(tf.data.experimental.assert_cardinality(count))

    def paths(self, epoch: int, batch: int) -> list[str]:
        """Return the paths of the images of a batch."""
        order = self._order(tf.constant(epoch, tf.int64)).numpy()
        start = batch * self.batch_size
        indices = order[start : start + self.batch_size]
        return list(self.rows["path"].iloc[indices])

    def _order(self, epoch: Tensor) -> Tensor:
        """Return the indices of an epoch's images, int64 (images,)."""
        indices = tf.range(len(self.rows), dtype=tf.int64)
        own_seed = tf.constant(self.seed, tf.int64)
        orders = []
        for number in range(self.passes):
            seed = tf.stack([own_seed, epoch * self.passes + number])
            orders.append(tf.random.experimental.stateless_shuffle(indices, seed))
        return tf.concat(orders, axis=0)


def with_weights(rows: pd.DataFrame, balance: float) -> pd.DataFrame:
    """Return rows with a column `weight`, which is larger for classes and sources with few images.

    The weight is n ** -balance, where n is the number of images of the same class in the same
    source. The weights are then scaled to a mean of 1.

    Args:
        rows: a row for each image, with `source` and `label`.
        balance: 0 gives each image the same weight. 1 gives each class of each source the same sum.
    """
    label = rows.groupby(["source", "label"])["label"]
    count = label.transform("size").astype(float)
    weights = count**-balance
    return rows.assign(weight=weights / weights.mean())


def inference_batches(
    rows: pd.DataFrame,
    positive: str,
    pixels: Pixels,
    size: int | None = None,
) -> tf.data.Dataset:
    """Return batches of images and targets, in the order of `rows`, without augmentation.

    Args:
        rows: a row for each image, with `row` and `label`.
        positive: the label whose target is 1.
        pixels: the images, by `row`.
        size: side of the returned images in pixels; None: the side of `pixels`.
    """
    read = _reader(rows, pixels)
    targets = _targets(rows, positive)
    side = size or pixels.shape[0]

    def batch(indices: Tensor) -> tuple[Tensor, Tensor]:
        images = _shrunk(read(indices), side)
        return images, tf.gather(targets, indices)

    indices = tf.data.Dataset.range(len(rows)).batch(INFERENCE_BATCH)
    batches = indices.map(batch, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE)


def _shrunk(images: Tensor, size: int) -> Tensor:
    """Return images shrunk to `size` x `size` pixels, or unchanged if they have this size."""
    if images.shape[1] == size:
        return images
    return tf.image.resize(images, (size, size), "area")


def _targets(rows: pd.DataFrame, positive: str) -> Tensor:
    """Return 1 for each image of the positive class and 0 for the others, float32 (n, 1)."""
    is_positive = rows["label"] == positive
    targets = is_positive.to_numpy(np.float32)
    return tf.constant(targets[:, np.newaxis])


def _reader(rows: pd.DataFrame, pixels: Pixels) -> Callable[[Tensor], Tensor]:
    """Return a function that reads the images at indices of `rows`, float32 (n, side, side, 3)."""
    numbers = rows["row"].to_numpy(np.int64)

    def read(indices: Tensor) -> Tensor:
        images = tf.numpy_function(
            lambda chosen: pixels[numbers[chosen]],
            [indices],
            tf.uint8,
            stateful=False,
        )
        images = tf.ensure_shape(images, (None, *pixels.shape))
        return tf.cast(images, tf.float32)

    return read
