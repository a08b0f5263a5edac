"""What random changes of images share: random numbers, coordinates, brightness."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tensorflow import Tensor

Augment = Callable[[Tensor, Tensor], Tensor]
"""(images, seed) -> images, for a whole batch.

Images are float32 (n, side, side, 3), 0-255; the seed is int64 (2,).
"""

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
    """Random numbers for a batch of images. Each draw has its own seed.

    Attributes:
        seed: of all draws, int64 (2,).
    """

    def __init__(self, images: Tensor, seed: Tensor) -> None:
        """Draw for these images; equal seeds give equal numbers in the order of the draws."""
        self.seed = seed
        self._count = tf.shape(images)[0]
        self._seeds = iter(tf.unstack(tf.random.split(seed, MOST_DRAWS)))

    def next_seed(self) -> Tensor:
        """Return the seed of the next draw."""
        return next(self._seeds)

    def row(self, columns: int, low: float, high: float) -> Tensor:
        """Draw uniform numbers for each image, float32 (n, columns)."""
        shape = (self._count, columns)
        return tf.random.stateless_uniform(shape, self.next_seed(), low, high)

    def uniform(self, low: float, high: float, channels: int = 1) -> Tensor:
        """Draw uniform numbers for each image, float32 (n, 1, 1, channels)."""
        return self.row(channels, low, high)[:, None, None]

    def chosen(self, share: float) -> Tensor:
        """Draw 1 for a share of the images and 0 for the others, float32 (n, 1, 1, 1)."""
        return tf.cast(self.uniform(0.0, 1.0) < share, tf.float32)

    def of_batch(self, low: float, high: float) -> Tensor:
        """Draw one uniform number for the whole batch, float32."""
        return tf.random.stateless_uniform((), self.next_seed(), low, high)

    def index(self, count: int) -> Tensor:
        """Draw one index below `count` for the whole batch, int32."""
        return tf.random.stateless_uniform(
            (),
            self.next_seed(),
            0,
            count,
            tf.int32,
        )


Change = Callable[[Tensor, Draws, float], Tensor]
"""(images, draws, strength) -> images: one kind of change; strength 0 disables it."""


def mixed(images: Tensor, others: Tensor, amount: Tensor) -> Tensor:
    """Return pixels between two batches: `images` at amount 0, `others` at 1."""
    return images + amount * (others - images)


def luma(images: Tensor) -> Tensor:
    """Return the brightness, (n, side, side, 1), 0-255."""
    return tf.reduce_sum(images * LUMA, axis=-1, keepdims=True)


def grid(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return x, (1, 1, side, 1), and y, (1, side, 1, 1), of the pixels, 0-1."""
    side = tf.shape(images)[1]
    coordinates = tf.linspace(0.0, 1.0, side)
    x = coordinates[None, None, :, None]
    y = coordinates[None, :, None, None]
    return x, y


def filtered(images: Tensor, *kernels: Tensor) -> Tensor:
    """Apply one filter after the other; borders mirror the image.

    Args:
        images: (n, side, side, 3).
        kernels: float32 (height, width) each. The longest side of all kernels is odd.
    """
    reach = max(max(kernel.shape) for kernel in kernels) // 2
    margin = [reach, reach]
    images = tf.pad(images, [[0, 0], margin, margin, [0, 0]], "SYMMETRIC")
    for kernel in kernels:
        for_each_channel = tf.tile(kernel[:, :, None, None], (1, 1, 3, 1))
        images = tf.nn.depthwise_conv2d(
            images,
            for_each_channel,
            strides=(1, 1, 1, 1),
            padding="VALID",
        )
    return images
