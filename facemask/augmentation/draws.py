"""What random changes of images share: random numbers, coordinates, brightness."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

Augment = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(images, seed) -> images, for a whole batch.

Images are float32 (n, side, side, 3), 0-255; the seed is int64 (2,).
"""

Change = Callable[..., tf.Tensor]
"""(images, seed, strength) -> images: one kind of change; strength 0 disables it."""

MOST_DRAWS = 8
"""Largest number of draws of one change."""

TO_YIQ = np.array(
    [
        [0.299, 0.587, 0.114],
        [0.5959, -0.2746, -0.3213],
        [0.2115, -0.5227, 0.3112],
    ]
)
"""From RGB to brightness and two axes of colour, about which hue turns (NTSC)."""

LUMA = TO_YIQ[0].astype(np.float32)
"""Share of red, green and blue in the brightness."""


class Draws:
    """Random numbers for a batch of images, each draw with a seed of its own."""

    def __init__(self, images: tf.Tensor, seed: tf.Tensor) -> None:
        """Take the batch, and the seed from which all draws follow in their order."""
        self.count = tf.shape(images)[0]
        self.seeds = iter(tf.unstack(tf.random.split(seed, MOST_DRAWS)))

    def seed(self) -> tf.Tensor:
        """Return the seed of the next draw."""
        return next(self.seeds)

    def uniform(self, low: float, high: float, channels: int = 1) -> tf.Tensor:
        """Draw uniform numbers for each image, float32 (n, 1, 1, channels)."""
        shape = (self.count, 1, 1, channels)
        return tf.random.stateless_uniform(shape, self.seed(), low, high)

    def row(self, columns: int, low: float, high: float) -> tf.Tensor:
        """Draw uniform numbers for each image, float32 (n, columns)."""
        shape = (self.count, columns)
        return tf.random.stateless_uniform(shape, self.seed(), low, high)

    def chosen(self, share: float) -> tf.Tensor:
        """Draw 1 for a share of the images and 0 for the others, float32 (n, 1, 1, 1)."""
        return tf.cast(self.uniform(0.0, 1.0) < share, tf.float32)

    def of_batch(self, low: float, high: float) -> tf.Tensor:
        """Draw one uniform number for the whole batch, float32."""
        return tf.random.stateless_uniform((), self.seed(), low, high)

    def index(self, count: int) -> tf.Tensor:
        """Draw one index below `count` for the whole batch, int32."""
        return tf.random.stateless_uniform((), self.seed(), 0, count, tf.int32)


def mixed(images: tf.Tensor, others: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Return pixels between two batches: `images` at amount 0, `others` at 1."""
    return images + amount * (others - images)


def luma(images: tf.Tensor) -> tf.Tensor:
    """Return the brightness, (n, side, side, 1), 0-255."""
    return tf.reduce_sum(images * LUMA, axis=-1, keepdims=True)


def grid(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return x, (1, 1, side, 1), and y, (1, side, 1, 1), of the pixels, 0-1."""
    side = tf.shape(images)[1]
    coordinates = tf.linspace(0.0, 1.0, side)
    x = coordinates[None, None, :, None]
    y = coordinates[None, :, None, None]
    return x, y


def filtered(images: tf.Tensor, *kernels: tf.Tensor) -> tf.Tensor:
    """Return images after one filter after another; borders mirror the image.

    Args:
        images: (n, side, side, 3).
        kernels: float32 (height, width) each; the longest side is odd, and that of the margin.
    """
    reach = max(max(kernel.shape) for kernel in kernels) // 2
    margins = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
    images = tf.pad(images, margins, "SYMMETRIC")
    for kernel in kernels:
        for_each_channel = tf.tile(kernel[:, :, None, None], (1, 1, 3, 1))
        images = tf.nn.depthwise_conv2d(images, for_each_channel, (1, 1, 1, 1), "VALID")
    return images
