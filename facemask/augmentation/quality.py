"""Changes of how well an image was scaled, focused, recorded and stored."""

import math
from functools import partial

import tensorflow as tf
from tensorflow import Tensor

from facemask.augmentation.draws import Draws, filtered, mixed

CHANGED = 0.5
"""Share of the images that each change affects."""

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


def resolution(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Make images smaller and then as large as before.

    The scale and the filters are drawn for the batch.
    """
    side = tf.shape(images)[1]
    scale = draws.of_batch(SMALLEST, 1.0)
    small = tf.cast(tf.round(scale * tf.cast(side, tf.float32)), tf.int32)

    def scaled(down: str, up: str) -> Tensor:
        smaller = tf.image.resize(images, (small, small), down)
        return tf.image.resize(smaller, (side, side), up)

    branches = [partial(scaled, down, up) for down, up in SCALINGS]
    coarse = tf.switch_case(draws.index(len(SCALINGS)), branches)
    return mixed(images, coarse, draws.chosen(CHANGED * strength))


def blur(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Blur images by a Gaussian whose width is drawn for the batch."""
    width = draws.of_batch(SHARPEST, BLUR)
    reach = math.ceil(2 * BLUR)
    offsets = tf.range(-reach, reach + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * (offsets / width) ** 2)
    weights /= tf.reduce_sum(weights)

    vertical = weights[:, None]
    horizontal = weights[None, :]
    blurred = filtered(images, vertical, horizontal)
    return mixed(images, blurred, draws.chosen(CHANGED * strength))


def noise(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Add Gaussian noise, whose width is drawn for each image."""
    grain = tf.random.stateless_normal(tf.shape(images), draws.next_seed())
    width = draws.uniform(0.0, NOISE) * draws.chosen(CHANGED * strength)
    return images + width * grain


def jpeg(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Compress the first images of the batch as JPEG, at a quality drawn for each image.

    Batches come in random order, so the first images are as random as any.
    """
    total = tf.cast(tf.shape(images)[0], tf.float32)
    count = tf.cast(CHANGED * strength * total, tf.int32)
    seeds = tf.random.split(draws.seed, count)
    pixels = tf.cast(tf.round(images[:count]), tf.uint8)

    def compress(image_and_seed: tuple[Tensor, Tensor]) -> Tensor:
        image, own_seed = image_and_seed
        return tf.image.stateless_random_jpeg_quality(
            image,
            JPEG,
            100,
            own_seed,
        )

    compressed = tf.map_fn(
        compress,
        (pixels, seeds),
        # Without the shape, a batch in which no image is compressed is an error.
        fn_output_signature=tf.TensorSpec(images.shape[1:], tf.uint8),
    )
    return tf.concat([tf.cast(compressed, tf.float32), images[count:]], axis=0)
