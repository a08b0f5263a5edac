"""Changes of colour, brightness and contrast."""

import math

import numpy as np
import tensorflow as tf

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


def hue(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Turn the hue of a share of the images and change their saturation; make a share grey."""
    draws = Draws(images, seed)
    turn = draws.uniform(-1.0, 1.0)
    saturation_change = draws.uniform(-1.0, 1.0)
    grey = draws.chosen(GREY * strength)
    turned = draws.chosen(TURNED * strength)

    angle = turned * turn * HUE
    saturation = 1 + turned * saturation_change * SATURATION
    saturation *= 1 - grey
    cos = saturation * tf.cos(angle)
    sin = saturation * tf.sin(angle)

    yiq = tf.tensordot(images, tf.constant(TO_YIQ.T, tf.float32), 1)
    y, i, q = tf.split(yiq, 3, -1)
    turned_yiq = tf.concat([y, cos * i - sin * q, sin * i + cos * q], axis=-1)
    return tf.tensordot(turned_yiq, tf.constant(TO_RGB.T, tf.float32), 1)


def brightness(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Change brightness, contrast about the mean, and the balance of the three colours.

    The strength multiplies the range of each factor, since all images are changed.
    """
    draws = Draws(images, seed)
    contrast = 1 + draws.uniform(-1.0, 1.0) * (CONTRAST * strength)
    gain = 1 + draws.uniform(-1.0, 1.0) * (BRIGHTNESS * strength)
    gain *= 1 + draws.uniform(-1.0, 1.0, channels=3) * (WARMTH * strength)

    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    return (mean + contrast * (images - mean)) * gain
