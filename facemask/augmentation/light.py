"""Changes of light and air, as rooms, nights and windows make them."""

import math

import tensorflow as tf
from tensorflow import Tensor

from facemask.augmentation.draws import Draws, filtered, grid, mixed

EXPOSED = 0.3
"""Share of the images that are exposed differently."""

EXPOSURES = (0.1, 3.0)
"""Smallest and largest factor of the exposure."""

GAMMA = 0.4
"""The exponent of the gamma curve is between exp(-GAMMA) and exp(GAMMA)."""

SHADED = 0.1
"""Share of the images with light from one side."""

SIDE_LIGHT = 1.2
"""Largest logarithm of the ratio between the light at a border and in the middle."""

HAZY = 0.08
"""Share of the images with haze."""

HAZE = 0.6
"""Largest share of the haze in a pixel."""

HAZE_LEVELS = (150.0, 255.0)
"""Grey levels of the haze."""

MOVED = 0.2
"""Share of the images with motion blur."""

MOTION = 9.0
"""Greatest length of the motion blur in pixels, for a side of 96; it scales with the side."""


def exposure(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Multiply images by a factor drawn evenly on a logarithmic scale, after a gamma curve."""
    smallest, largest = EXPOSURES
    exposed = draws.chosen(EXPOSED * strength)
    factor = draws.uniform(math.log(smallest), math.log(largest))
    gamma = draws.uniform(-GAMMA, GAMMA)

    curved = 255 * (images / 255) ** tf.exp(exposed * gamma)
    return curved * tf.exp(exposed * factor)


def side_light(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Light images from one side, so that the other side is in shade."""
    angle = draws.uniform(0.0, 2 * math.pi)
    shaded = draws.chosen(SHADED * strength)
    slope = shaded * draws.uniform(0.0, SIDE_LIGHT)

    x, y = grid(images)
    across = (2 * x - 1) * tf.cos(angle)
    along = (2 * y - 1) * tf.sin(angle)
    return images * tf.exp(slope * (across + along))


def haze(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Mix images with a bright grey, as flare, fog and washed-out cameras do."""
    hazy = draws.chosen(HAZY * strength)
    amount = hazy * draws.uniform(0.0, HAZE)
    grey = draws.uniform(*HAZE_LEVELS)
    return mixed(images, grey, amount)


def motion(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Blur images along a line, as a long exposure in poor light does.

    The angle and the length are drawn for the batch.
    """
    side = tf.cast(tf.shape(images)[1], tf.float32)
    length = side / 96 * draws.of_batch(1.0, MOTION)
    angle = draws.of_batch(0.0, math.pi)
    moved = draws.chosen(MOVED * strength)
    blurred = filtered(images, line_kernel(length, angle))
    return mixed(images, blurred, moved)


def line_kernel(length: Tensor, angle: Tensor) -> Tensor:
    """Return the filter that blurs along a line, float32 (odd, odd), with sum 1.

    Args:
        length: in pixels, at most `MOTION`.
        angle: in radians.
    """
    reach = math.ceil(MOTION / 2)
    offsets = tf.range(-reach, reach + 1, dtype=tf.float32)
    line = tf.linspace(-length / 2, length / 2, 4 * reach + 1)[:, None, None]
    x = offsets[None, None, :] - line * tf.cos(angle)
    y = offsets[None, :, None] - line * tf.sin(angle)
    near = tf.exp(-2 * (x**2 + y**2))
    weights = tf.reduce_sum(near, axis=0)
    return weights / tf.reduce_sum(weights)
