"""Rows of a table and the resized images they name -> batches for Keras."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

Augment = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(images, seed) -> images: float32 (n, size, size, 3), 0-255, and int64 (2,)."""

INFERENCE_BATCH = 64


def training_batches(
    rows: pd.DataFrame, positive: str, folder: Path, *, batch_size: int, seed: int, augment: Augment
) -> tf.data.Dataset:
    """Give the images of `rows` in an order and with an augmentation that change every epoch.

    Both follow from `seed` alone, so that a second run sees the same pixels in the same order.

    Args:
        rows: table with `sha256`, `label` and `weight`.
        positive: the label whose target is 1.
        folder: holds `SHA256.png`, 8-bit RGB, all of one size.
        batch_size: images in a batch; the last one may be smaller.
        seed: any integer.
        augment: changes a whole batch, given a seed of its own.

    Returns:
        Batches of images, float32 (n, size, size, 3) 0-255; targets, float32 (n, 1), 0 or 1; and
        weights in the loss, float32 (n,).
    """
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    weights = tf.data.Dataset.from_tensor_slices(rows["weight"].to_numpy(np.float32))
    files = tf.data.Dataset.zip(_files(rows, positive, folder), weights)
    files = files.shuffle(len(rows), seed=seed)
    images = files.map(
        lambda file, weight: (*_decode(*file), weight), num_parallel_calls=tf.data.AUTOTUNE
    )
    batches = images.batch(batch_size)
    augmented = tf.data.Dataset.zip(batches, seeds).map(
        lambda batch, seed: (augment(batch[0], seed), *batch[1:]),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return augmented.prefetch(tf.data.AUTOTUNE)


def inference_batches(rows: pd.DataFrame, positive: str, folder: Path) -> tf.data.Dataset:
    """Give the images of `rows` unchanged, in their order, shaped as `training_batches` does."""
    files = _files(rows, positive, folder)
    batches = files.map(_decode, num_parallel_calls=tf.data.AUTOTUNE).batch(INFERENCE_BATCH)
    return batches.prefetch(tf.data.AUTOTUNE)


def _files(rows: pd.DataFrame, positive: str, folder: Path) -> tf.data.Dataset:
    names = [str(folder / f"{sha256}.png") for sha256 in rows["sha256"]]
    targets = (rows["label"] == positive).to_numpy(np.float32)[:, np.newaxis]
    return tf.data.Dataset.from_tensor_slices((tf.constant(names, tf.string), targets))


def _decode(name: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    image = tf.io.decode_png(tf.io.read_file(name), channels=3)
    return tf.cast(image, tf.float32), target
