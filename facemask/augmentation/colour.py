"""Changes of colour, brightness and contrast."""

import math

import numpy as np
import tensorflow as tf
from tensorflow import Tensor

from facemask.augmentation.draws import TO_YIQ, Draws

TURNED = 0.5
"""Share of the images whose hue and saturation change."""

HUE = math.pi
"""Largest turn of the hue, either way, in radians."""

SATURATION = 0.8
"""Saturation is multiplied by 1 - this to 1 + this."""

GREY = 0.1
"""Share of the images that lose their colour."""

TO_RGB = np.linalg.inv(TO_YIQ)
"""The inverse of `TO_YIQ`."""

CONTRAST = 0.3
"""Contrast about the image's mean is multiplied by 1 - this to 1 + this."""

BRIGHTNESS = 0.3
"""Pixels are multiplied by 1 - this to 1 + this."""

WARMTH = 0.15
"""Red, green and blue are each multiplied by 1 - this to 1 + this."""


def hue(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Turn the hue of a share of the images and change their saturation; make a share grey."""
    turn = draws.uniform(-1.0, 1.0)
    saturation_change = draws.uniform(-1.0, 1.0)
    grey = draws.chosen(GREY * strength)
    turned = draws.chosen(TURNED * strength)

    angle = turned * turn * HUE
    saturation = 1 + turned * saturation_change * SATURATION
    saturation *= 1 - grey
    cos = saturation * tf.cos(angle)
    sin = saturation * tf.sin(angle)

    y, i, q = tf.split(_transformed(images, TO_YIQ), 3, -1)
    yiq = tf.concat(
        [
            y,
            cos * i - sin * q,
            sin * i + cos * q,
        ],
        axis=-1,
    )
    return _transformed(yiq, TO_RGB)


def _transformed(images: Tensor, matrix: np.ndarray) -> Tensor:
    """Multiply the three values of each pixel by a matrix, (3, 3)."""
    return tf.tensordot(images, tf.constant(matrix.T, tf.float32), 1)


def brightness(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Change brightness, contrast about the mean, and the balance of the three colours.

    All images are changed. The strength multiplies the range of each factor.
    """
    contrast = 1 + draws.uniform(-1.0, 1.0) * (CONTRAST * strength)
    gain = 1 + draws.uniform(-1.0, 1.0) * (BRIGHTNESS * strength)
    gain *= 1 + draws.uniform(-1.0, 1.0, channels=3) * (WARMTH * strength)

    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    return (mean + contrast * (images - mean)) * gain
