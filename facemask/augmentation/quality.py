"""Changes of how well an image was scaled, focused, recorded and stored."""

import math
from functools import partial

import tensorflow as tf

from facemask.augmentation.draws import Draws, filtered, mixed

CHANGED = 0.5
"""Share of the images that each change befalls."""

SMALLEST = 0.2
"""Smallest side that an image is scaled to, as a share of its side."""

SCALINGS = [
    ("area", "nearest"),
    ("area", "bicubic"),
    ("bilinear", "bilinear"),
    ("nearest", "nearest"),
    ("nearest", "bilinear"),
]
"""Pairs of filters with which apps and web sites make images smaller, and larger again."""

SHARPEST = 0.2
"""Smallest standard deviation of the Gaussian, in pixels."""

BLUR = 2.2
"""Largest standard deviation of the Gaussian, in pixels."""

NOISE = 8.0
"""Largest standard deviation of the noise, in grey levels."""

JPEG = 30
"""Lowest JPEG quality, of 100."""


def resolution(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Make images smaller and as large again; scale and filters are drawn for the batch."""
    draws = Draws(images, seed)
    side = tf.shape(images)[1]
    scale = draws.of_batch(SMALLEST, 1.0)
    small = tf.cast(tf.round(scale * tf.cast(side, tf.float32)), tf.int32)

    def scaled(down: str, up: str) -> tf.Tensor:
        smaller = tf.image.resize(images, (small, small), down)
        return tf.image.resize(smaller, (side, side), up)

    branches = [partial(scaled, down, up) for down, up in SCALINGS]
    coarse = tf.switch_case(draws.index(len(SCALINGS)), branches)
    return mixed(images, coarse, draws.chosen(CHANGED * strength))


def blur(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Blur images by a Gaussian whose width is drawn for the batch."""
    draws = Draws(images, seed)
    width = draws.of_batch(SHARPEST, BLUR)
    reach = math.ceil(2 * BLUR)
    offsets = tf.range(-reach, reach + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * (offsets / width) ** 2)
    weights /= tf.reduce_sum(weights)

    vertical = weights[:, None]
    horizontal = weights[None, :]
    soft = filtered(images, vertical, horizontal)
    return mixed(images, soft, draws.chosen(CHANGED * strength))


def noise(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Add Gaussian noise, whose width is drawn for each image."""
    draws = Draws(images, seed)
    grain = tf.random.stateless_normal(tf.shape(images), draws.seed())
    width = draws.uniform(0.0, NOISE) * draws.chosen(CHANGED * strength)
    return images + width * grain


def jpeg(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Compress images as JPEG, at a quality drawn for each image.

    These are the first images of the batch, since batches come in random order.
    """
    total = tf.cast(tf.shape(images)[0], tf.float32)
    count = tf.cast(CHANGED * strength * total, tf.int32)
    pixels = tf.cast(tf.round(images[:count]), tf.uint8)
    seeds = tf.random.split(seed, count)

    def compress(image_and_seed: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        image, own_seed = image_and_seed
        return tf.image.stateless_random_jpeg_quality(image, JPEG, 100, own_seed)

    kind = tf.TensorSpec(images.shape[1:], tf.uint8)  # without a shape, no image is an error
    compressed = tf.map_fn(compress, (pixels, seeds), fn_output_signature=kind)
    return tf.concat([tf.cast(compressed, tf.float32), images[count:]], axis=0)
