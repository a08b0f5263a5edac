"""What changes of images are drawn from: one value an image, places of pixels, brightness."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(images, seed) -> images: float32 (n, side, side, 3), 0-255, and int64 (2,)."""

TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
"""From RGB to brightness and two axes of colour, about which hue turns (NTSC)."""

LUMA = TO_YIQ[0].astype(np.float32)
"""Share of red, green and blue in the brightness."""


def uniform(
    images: tf.Tensor, seed: tf.Tensor, low: float, high: float, channels: int = 1
) -> tf.Tensor:
    """Draw evenly for each image: (n, 1, 1, channels)."""
    shape = (tf.shape(images)[0], 1, 1, channels)
    return tf.random.stateless_uniform(shape, seed, low, high)


def chance(images: tf.Tensor, seed: tf.Tensor, share: float) -> tf.Tensor:
    """Draw 1 for a share of the images and 0 for the others, (n, 1, 1, 1)."""
    return tf.cast(uniform(images, seed, 0.0, 1.0) < share, tf.float32)


def luma(images: tf.Tensor) -> tf.Tensor:
    """Return the brightness, (n, side, side, 1), 0-255."""
    return tf.reduce_sum(images * LUMA, axis=-1, keepdims=True)


def grid(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return x, (1, 1, side, 1), and y, (1, side, 1, 1), of the pixels, 0-1."""
    places = tf.linspace(0.0, 1.0, tf.shape(images)[1])
    return places[None, None, :, None], places[None, :, None, None]


def below_a_line(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return 1 below a tilted, soft line about the middle and 0 above, (n, side, side, 1)."""
    height, tilt, softness = tf.unstack(tf.random.split(seed, 3))
    x, y = grid(images)
    line = uniform(images, height, 0.4, 0.65) + uniform(images, tilt, -0.4, 0.4) * (x - 0.5)
    return tf.sigmoid((y - line) / uniform(images, softness, 0.01, 0.05))
