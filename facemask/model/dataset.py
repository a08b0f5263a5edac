"""Rows of a table and their pixels -> batches for Keras."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from facemask.store.pixels import Pixels

INFERENCE_BATCH = 64

ALONE = tf.distribute.InputContext()
"""Who reads whole batches; one of several workers reads its parts of each, one a replica."""


@dataclass(frozen=True)
class TrainingData:
    """Images to be trained on, at least once an epoch, each time in another order and other shape.

    Order and changes follow from `seed` and the number of the epoch alone, so that a training that
    goes on from a later epoch sees the same pixels as one that came there undisturbed.

    Attributes:
        rows: table with `path`, `row`, `label` and `weight`.
        positive: the label whose target is 1.
        pixels: the images, by `row`.
        batch_size: images in a batch; the last one of an epoch may be smaller.
        seed: any integer.
        augment: (images, seed) -> images, for a whole batch; see `augmentation.Change`.
        augment_mildly: the same for the epochs before fine-tuning; `augment` if not given.
        features: of the images, float32 (rows, k), to be predicted beside the target.
        min_steps: of an epoch, which passes over the images as often as that takes.
    """

    rows: pd.DataFrame
    positive: str
    pixels: Pixels
    batch_size: int
    seed: int
    augment: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    min_steps: int = 0
    augment_mildly: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None
    features: NDArray[np.float32] | None = None

    @property
    def passes(self) -> int:
        """How often each image is shown in an epoch."""
        return max(1, math.ceil(self.min_steps * self.batch_size / len(self.rows)))

    @property
    def images(self) -> int:
        """How many images an epoch shows, counting each as often as it is shown."""
        return self.passes * len(self.rows)

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return math.ceil(self.images / self.batch_size)

    def batches(
        self,
        epochs: range,
        size: int,
        mildly: bool = False,
        worker: tf.distribute.InputContext = ALONE,
    ) -> tf.data.Dataset:
        """Return the batches of some epochs, one epoch after the other.

        Args:
            epochs: counted from 0.
            size: of the images in pixels; at most that of `pixels`.
            mildly: whether they are augmented by `augment_mildly`.
            worker: who reads; a part of a batch is augmented by draws of its own.

        Returns:
            Images, float32 (n, size, size, 3) 0-255; targets, float32 (n, 1 + k), 0 or 1 and then
            the features; and weights in the loss, float32 (n,).
        """
        targets = _targets(self.rows, self.positive)
        if self.features is not None:
            targets = tf.concat([targets, self.features], axis=1)
        columns = targets, tf.constant(self.rows["weight"], tf.float32)
        images = _reader(self.rows, self.pixels)
        augment = self.augment_mildly if mildly and self.augment_mildly else self.augment

        def batch(
            number: tf.Tensor,
            some: tf.Tensor,
            replica: tf.Tensor | None = None,
            balance: tf.Tensor = 1.0,
        ) -> tuple[tf.Tensor, ...]:
            seed = tf.stack([tf.constant(self.seed, tf.int64), number])
            if replica is not None:
                seed = tf.random.fold_in(seed, replica)
            augmented = augment(_shrunk(images(some), size), seed)
            target, weight = (tf.gather(column, some) for column in columns)
            return augmented, target, weight * balance

        # Nothing is to be converted, and to find that out takes more than a second.
        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def batches_of(epoch: tf.Tensor) -> tf.data.Dataset:
            order = tf.data.Dataset.from_tensor_slices(self._order(epoch)).batch(self.batch_size)
            numbered = order.enumerate(epoch * len(self))
            if worker.num_replicas_in_sync > 1:
                numbered = numbered.flat_map(
                    lambda number, some: _parts(some, worker).map(lambda *part: (number, *part))
                )
            return numbered.map(batch, num_parallel_calls=tf.data.AUTOTUNE)

        numbers = tf.data.Dataset.range(epochs.start, epochs.stop)
        batches = numbers.flat_map(batches_of).prefetch(tf.data.AUTOTUNE)
        replicas = worker.num_replicas_in_sync // worker.num_input_pipelines
        count = tf.data.experimental.assert_cardinality(len(epochs) * len(self) * replicas)
        return batches.apply(count)

    def paths(self, epoch: int, batch: int) -> list[str]:
        """Return the paths of the images of one batch."""
        order = self._order(tf.constant(epoch, tf.int64)).numpy()
        some = order[batch * self.batch_size : (batch + 1) * self.batch_size]
        return list(self.rows["path"].iloc[some])

    def _order(self, epoch: tf.Tensor) -> tf.Tensor:
        numbers = tf.range(len(self.rows), dtype=tf.int64)
        seeds = [
            tf.stack([tf.constant(self.seed, tf.int64), epoch * self.passes + one])
            for one in range(self.passes)
        ]
        shuffle = tf.random.experimental.stateless_shuffle
        return tf.concat([shuffle(numbers, seed) for seed in seeds], axis=0)


def inference_batches(
    rows: pd.DataFrame,
    positive: str,
    pixels: Pixels,
    size: int | None = None,
    worker: tf.distribute.InputContext = ALONE,
) -> tf.data.Dataset:
    """Return the images of `rows` unchanged, in their order, in batches as `TrainingData` has.

    Args:
        rows: with `row` and `label`.
        positive: the label whose target is 1.
        pixels: the images, by `row`.
        size: that they are shrunk to, in pixels.
        worker: who reads.
    """
    images, targets = _reader(rows, pixels), _targets(rows, positive)
    numbers = tf.data.Dataset.range(len(rows)).batch(INFERENCE_BATCH)
    if worker.num_replicas_in_sync > 1:
        numbers = _even(len(rows)).flat_map(
            lambda some: _parts(some, worker).map(lambda part, *_: part)
        )
    batches = numbers.map(
        lambda some: (
            _shrunk(images(some), size or pixels.shape[0]),
            tf.gather(targets, some),
        ),
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


def _shrunk(images: tf.Tensor, size: int) -> tf.Tensor:
    return images if images.shape[1] == size else tf.image.resize(images, (size, size), "area")


def _even(images: int) -> tf.data.Dataset:
    """Return the numbers of so many images in batches of one size, or two: none of a few images."""
    count = math.ceil(images / INFERENCE_BATCH)
    numbers = tf.data.Dataset.range(count)
    return numbers.map(lambda one: tf.range(one * images // count, (one + 1) * images // count))


def _parts(some: tf.Tensor, worker: tf.distribute.InputContext) -> tf.data.Dataset:
    """Return a worker's parts of a batch, one a replica.

    Args:
        some: int64 (n,), numbers of images; where there are more replicas, each stands repeatedly.
        worker: who reads.

    Returns:
        The images' numbers; the replica's; and what balances the parts in the loss, whose mean over
        one counts as much as that over another.
    """
    count = worker.num_replicas_in_sync
    some = tf.repeat(some, -(-count // tf.size(some)))
    size = tf.size(some, tf.int64)

    def part(replica: tf.Tensor) -> tuple[tf.Tensor, ...]:
        own = some[replica * size // count : (replica + 1) * size // count]
        return own, replica, tf.cast(tf.size(own, tf.int64) * count / size, tf.float32)

    replicas = count // worker.num_input_pipelines
    first = worker.input_pipeline_id * replicas
    return tf.data.Dataset.range(first, first + replicas).map(part)


def _targets(rows: pd.DataFrame, positive: str) -> tf.Tensor:
    return tf.constant((rows["label"] == positive).to_numpy(np.float32)[:, np.newaxis])


def _reader(rows: pd.DataFrame, pixels: Pixels) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return what reads the images of some of the rows: float32 (n, side, side, 3), 0-255."""
    places = rows["row"].to_numpy(np.int64)

    def images(some: tf.Tensor) -> tf.Tensor:
        found = tf.numpy_function(
            lambda numbers: pixels[places[numbers]], [some], tf.uint8, stateful=False
        )
        return tf.cast(tf.ensure_shape(found, (None, *pixels.shape)), tf.float32)

    return images
