"""Changes of light and air, as rooms, nights and windows make them."""

import math

import tensorflow as tf

from facemask.augmentation.draws import chosen, grid, mixed, split, uniform

EXPOSED = 0.3
"""Share of the images that are exposed differently."""

EXPOSURES = (0.1, 3.0)
"""Smallest and largest factor of the exposure."""

GAMMA = 0.4
"""Largest logarithm of the exponent of an exposed image, either way."""

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
"""Longest way of a moving image, in pixels of an image of 96 x 96; less in a smaller image."""


def exposure(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Multiply images by a factor drawn evenly on a logarithmic scale, after a gamma curve."""
    seeds = split(seed, 3)
    least, most = EXPOSURES
    exposed = chosen(images, seeds[0], EXPOSED * strength)
    factor = uniform(images, seeds[1], math.log(least), math.log(most))
    gamma = uniform(images, seeds[2], -GAMMA, GAMMA)
    curved = 255 * (images / 255) ** tf.exp(exposed * gamma)
    return curved * tf.exp(exposed * factor)


def side_light(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Light images from one side, so that the other side is in shade."""
    seeds = split(seed, 3)
    angle = uniform(images, seeds[0], 0.0, 2 * math.pi)
    shaded = chosen(images, seeds[1], SHADED * strength)
    slope = shaded * uniform(images, seeds[2], 0.0, SIDE_LIGHT)
    x, y = grid(images)
    towards_the_light = (2 * x - 1) * tf.cos(angle) + (2 * y - 1) * tf.sin(angle)
    return images * tf.exp(slope * towards_the_light)


def haze(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Mix images with a bright grey, as flare, fog and washed-out cameras do."""
    seeds = split(seed, 3)
    hazy = chosen(images, seeds[0], HAZY * strength)
    amount = hazy * uniform(images, seeds[1], 0.0, HAZE)
    grey = uniform(images, seeds[2], *HAZE_LEVELS)
    return mixed(images, grey, amount)


def motion(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Blur images along a line, as a long exposure in poor light does.

    The angle and the length are drawn for the batch.
    """
    reach = math.ceil(MOTION / 2)

    seeds = split(seed, 3)
    scale = tf.cast(tf.shape(images)[1], tf.float32) / 96
    half = scale * tf.random.stateless_uniform((), seeds[0], 1.0, MOTION) / 2
    angle = tf.random.stateless_uniform((), seeds[1], 0.0, math.pi)
    line = tf.linspace(-half, half, 4 * reach + 1)[:, None, None]
    offsets = tf.range(-reach, reach + 1, dtype=tf.float32)
    x = offsets[None, None, :]
    y = offsets[None, :, None]
    distance = (x - line * tf.cos(angle)) ** 2 + (y - line * tf.sin(angle)) ** 2
    weights = tf.reduce_sum(tf.exp(-2 * distance), axis=0)
    weights /= tf.reduce_sum(weights)
    kernel = tf.tile(weights[:, :, None, None], (1, 1, 3, 1))
    margins = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
    padded = tf.pad(images, margins, "SYMMETRIC")
    blurred = tf.nn.depthwise_conv2d(padded, kernel, (1, 1, 1, 1), "VALID")
    return mixed(images, blurred, chosen(images, seeds[2], MOVED * strength))
