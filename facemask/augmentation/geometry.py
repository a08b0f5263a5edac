"""Changes of where things are in an image."""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from facemask import params


def affine(images: tf.Tensor, seed: tf.Tensor, options: params.Augmentation) -> tf.Tensor:
    """Rotate, shift, shear, zoom and mirror about the centre.

    The affine change is rotation * shift * shear * zoom, as in Keras' `ImageDataGenerator`,
    resampled bilinearly once. One of the ways in `fill` is drawn for each batch: pixels from
    outside the image repeat its border, mirror the image or are black.
    """
    draws = tf.random.stateless_uniform((7, tf.shape(images)[0]), seed, -1.0, 1.0)
    side = tf.cast(tf.shape(images)[1], tf.float32)
    maps = _maps(draws, options, side)

    def filled(mode: str) -> Callable[[], tf.Tensor]:
        return lambda: keras.ops.image.affine_transform(
            images, maps, interpolation="bilinear", fill_mode=mode
        )

    branches = [filled(mode) for mode in options.fill]
    if len(branches) == 1:
        return branches[0]()
    drawn = tf.random.stateless_uniform((), seed, 0, len(branches), tf.int32)
    return tf.switch_case(drawn, branches)


def _maps(draws: tf.Tensor, options: params.Augmentation, side: tf.Tensor) -> tf.Tensor:
    """Compose the maps from output to input pixels, as `affine_transform` takes them.

    Args:
        draws: float32 (7, n), -1 to 1.
        options: the largest changes.
        side: of the square images in pixels.

    Returns:
        float32 (n, 8): rows a0, a1, a2, b0, b1, b2, 0, 0 with x' = a0 x + a1 y + a2 and
        y' = b0 x + b1 y + b2.
    """
    angle = draws[0] * math.radians(options.rotation)
    shear = draws[1] * math.radians(options.shear)
    shift_x = draws[2] * options.shift * side
    shift_y = draws[3] * options.shift * side
    zoom_x = 1 + draws[4] * options.zoom
    zoom_y = 1 + draws[5] * options.zoom
    mirror = tf.where(draws[6] > 0, -1.0, 1.0) if options.horizontal_flip else 1.0
    cos = tf.cos(angle)
    sin = tf.sin(angle)
    zero = tf.zeros_like(angle)
    a0 = cos * zoom_x * mirror
    a1 = -tf.sin(angle + shear) * zoom_y
    b0 = sin * zoom_x * mirror
    b1 = tf.cos(angle + shear) * zoom_y
    centre = (side - 1) / 2
    a2 = cos * shift_x - sin * shift_y + centre * (1 - a0 - a1)
    b2 = sin * shift_x + cos * shift_y + centre * (1 - b0 - b1)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)
