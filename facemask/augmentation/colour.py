"""Changes of colour, brightness and contrast."""

import math

import numpy as np
import tensorflow as tf

from facemask.augmentation.draws import TO_YIQ, chosen, split, uniform

TURNED = 0.5
"""Share of the images whose hue and saturation change."""

HUE = math.pi
"""Largest turn of the hue, either way, in radians."""

SATURATION = 0.8
"""Saturation is multiplied by 1 - this to 1 + this."""

GREY = 0.1
"""Share of the images that lose their colour."""

CONTRAST = 0.3
"""Contrast about the image's mean is multiplied by 1 - this to 1 + this."""

BRIGHTNESS = 0.3
"""Pixels are multiplied by 1 - this to 1 + this."""

WARMTH = 0.15
"""Red, green and blue are each multiplied by 1 - this to 1 + this."""


def hue(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Turn the hue of a share of the images and change their saturation; make a share grey."""
    seeds = split(seed, 4)
    turned = chosen(images, seeds[3], TURNED * strength)
    angle = turned * uniform(images, seeds[0], -1.0, 1.0) * HUE
    saturation = 1 + turned * uniform(images, seeds[1], -1.0, 1.0) * SATURATION
    saturation *= 1 - chosen(images, seeds[2], GREY * strength)
    cos = saturation * tf.cos(angle)
    sin = saturation * tf.sin(angle)
    yiq = tf.tensordot(images, tf.constant(TO_YIQ.T, tf.float32), 1)
    y, i, q = tf.split(yiq, 3, -1)
    changed = tf.concat([y, cos * i - sin * q, sin * i + cos * q], axis=-1)
    return tf.tensordot(changed, tf.constant(np.linalg.inv(TO_YIQ).T, tf.float32), 1)


def brightness(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Change brightness, contrast about the mean, and the balance of the three colours.

    The strength multiplies the range of each factor, since all images are changed.
    """
    seeds = split(seed, 3)
    contrast = 1 + uniform(images, seeds[0], -1.0, 1.0) * (CONTRAST * strength)
    gain = 1 + uniform(images, seeds[1], -1.0, 1.0) * (BRIGHTNESS * strength)
    gain *= 1 + uniform(images, seeds[2], -1.0, 1.0, channels=3) * (WARMTH * strength)
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    return (mean + contrast * (images - mean)) * gain
