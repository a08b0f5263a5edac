"""Changes of where things are in an image."""

import math
from functools import partial

import tensorflow as tf
from keras.ops.image import affine_transform
from tensorflow import Tensor

from facemask import params

DRAWS = 7
"""Random numbers for each image."""


def affine(
    images: Tensor,
    seed: Tensor,
    options: params.Augmentation,
) -> Tensor:
    """Rotate, shift, shear, zoom and mirror about the centre.

    The affine change is rotation * shift * shear * zoom, as in Keras' `ImageDataGenerator`,
    resampled bilinearly once. One of the ways in `fill` is drawn for each batch: pixels from
    outside the image repeat its border, mirror the image or are black.
    """
    shape = (DRAWS, tf.shape(images)[0])
    draws = tf.random.stateless_uniform(shape, seed, -1.0, 1.0)
    side = tf.cast(tf.shape(images)[1], tf.float32)
    maps = _maps(draws, options, side)
    transforms = [
        partial(
            affine_transform,
            images,
            maps,
            fill_mode=mode,
        )
        for mode in options.fill
    ]
    index = tf.random.stateless_uniform((), seed, 0, len(transforms), tf.int32)
    return tf.switch_case(index, transforms)


def _maps(draws: Tensor, options: params.Augmentation, side: Tensor) -> Tensor:
    """Compose the maps from output to input pixels, as `affine_transform` takes them.

    Args:
        draws: float32 (`DRAWS`, n), -1 to 1.
        options: the largest changes.
        side: of the square images in pixels.

    Returns:
        float32 (n, 8): rows a0, a1, a2, b0, b1, b2, 0, 0 with x' = a0 x + a1 y + a2 and
        y' = b0 x + b1 y + b2.
    """
    turn, slant, right, down, wider, higher, mirrored = tf.unstack(draws)
    angle = turn * math.radians(options.rotation)
    shear = slant * math.radians(options.shear)
    shift_x = right * options.shift * side
    shift_y = down * options.shift * side
    zoom_x = 1 + wider * options.zoom
    zoom_y = 1 + higher * options.zoom
    if options.horizontal_flip:
        zoom_x *= tf.where(mirrored > 0, -1.0, 1.0)

    cos = tf.cos(angle)
    sin = tf.sin(angle)
    a0 = cos * zoom_x
    a1 = -tf.sin(angle + shear) * zoom_y
    b0 = sin * zoom_x
    b1 = tf.cos(angle + shear) * zoom_y
    centre = (side - 1) / 2
    a2 = cos * shift_x - sin * shift_y + centre * (1 - a0 - a1)
    b2 = sin * shift_x + cos * shift_y + centre * (1 - b0 - b1)
    zero = tf.zeros_like(angle)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)
