"""What random changes of images share: types, random numbers, coordinates, brightness."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

Augment = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(images, seed) -> images, for a whole batch.

Images are float32 (n, side, side, 3), 0-255; the seed is int64 (2,).
"""

Change = Callable[..., tf.Tensor]
"""(images, seed, strength) -> images: one kind of change; 0 disables it."""

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


def split(seed: tf.Tensor, count: int) -> list[tf.Tensor]:
    """Return seeds that are independent of one another, int64 (2,) each."""
    return list(tf.unstack(tf.random.split(seed, count)))


def uniform(
    images: tf.Tensor,
    seed: tf.Tensor,
    low: float,
    high: float,
    channels: int = 1,
) -> tf.Tensor:
    """Draw uniform numbers for each image, float32 (n, 1, 1, channels)."""
    shape = (tf.shape(images)[0], 1, 1, channels)
    return tf.random.stateless_uniform(shape, seed, low, high)


def chosen(images: tf.Tensor, seed: tf.Tensor, share: float) -> tf.Tensor:
    """Draw 1 for a share of the images and 0 for the others, float32 (n, 1, 1, 1)."""
    number = uniform(images, seed, 0.0, 1.0)
    return tf.cast(number < share, tf.float32)


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


def lower_part(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return 1 below a line about the middle and 0 above it, (n, side, side, 1).

    The line's height, tilt and softness are drawn for each image.
    """
    height_seed, tilt_seed, softness_seed = split(seed, 3)
    height = uniform(images, height_seed, 0.4, 0.65)
    tilt = uniform(images, tilt_seed, -0.4, 0.4)
    softness = uniform(images, softness_seed, 0.01, 0.05)
    x, y = grid(images)
    line = height + tilt * (x - 0.5)
    return tf.sigmoid((y - line) / softness)
