"""Changes of how well an image was scaled, focused, recorded and stored."""

import math
from collections.abc import Callable

import tensorflow as tf

from facemask.augmentation.draws import chosen, mixed, split, uniform

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

BLUR = 2.2
"""Largest standard deviation of the Gaussian, in pixels."""

NOISE = 8.0
"""Largest standard deviation of the noise, in grey levels."""

JPEG = 30
"""Lowest JPEG quality, of 100."""


def resolution(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Make images smaller and as large again; the scale is drawn for the batch."""
    scale_seed, kind_seed, share_seed = split(seed, 3)
    side = tf.shape(images)[1]
    scale = tf.random.stateless_uniform((), scale_seed, SMALLEST, 1.0)
    small = tf.cast(tf.round(scale * tf.cast(side, tf.float32)), tf.int32)

    def scaled(down: str, up: str) -> Callable[[], tf.Tensor]:
        def scale_image() -> tf.Tensor:
            smaller = tf.image.resize(images, (small, small), down)
            return tf.image.resize(smaller, (side, side), up)

        return scale_image

    branches = [scaled(down, up) for down, up in SCALINGS]
    kind = tf.random.stateless_uniform((), kind_seed, 0, len(SCALINGS), tf.int32)
    coarse = tf.switch_case(kind, branches)
    return mixed(images, coarse, chosen(images, share_seed, CHANGED * strength))


def blur(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Blur images by a Gaussian whose width is drawn for the batch."""
    reach = math.ceil(2 * BLUR)

    width_seed, share_seed = split(seed, 2)
    width = tf.random.stateless_uniform((), width_seed, 0.2, BLUR)
    offsets = tf.range(-reach, reach + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * (offsets / width) ** 2)
    weights = tf.reshape(weights / tf.reduce_sum(weights), (-1, 1, 1, 1))
    vertical = tf.tile(weights, (1, 1, 3, 1))
    horizontal = tf.transpose(vertical, (1, 0, 2, 3))
    margins = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
    soft = tf.pad(images, margins, "SYMMETRIC")
    soft = tf.nn.depthwise_conv2d(soft, vertical, (1, 1, 1, 1), "VALID")
    soft = tf.nn.depthwise_conv2d(soft, horizontal, (1, 1, 1, 1), "VALID")
    return mixed(images, soft, chosen(images, share_seed, CHANGED * strength))


def noise(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Add Gaussian noise, whose width is drawn for each image."""
    grain_seed, width_seed, share_seed = split(seed, 3)
    grain = tf.random.stateless_normal(tf.shape(images), grain_seed)
    width = uniform(images, width_seed, 0.0, NOISE)
    return images + width * chosen(images, share_seed, CHANGED * strength) * grain


def jpeg(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Compress images as JPEG, at a quality drawn for each image."""

    def compress(image_and_seed: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        image, own_seed = image_and_seed
        return tf.image.stateless_random_jpeg_quality(image, JPEG, 100, own_seed)

    # The first images of a batch serve, since batches come in random order.
    total = tf.cast(tf.shape(images)[0], tf.float32)
    count = tf.cast(CHANGED * strength * total, tf.int32)
    seeds = tf.random.split(seed, count)
    pixels = tf.cast(tf.round(images[:count]), tf.uint8)
    kind = tf.TensorSpec(images.shape[1:], tf.uint8)  # without a shape, no image is an error
    compressed = tf.map_fn(compress, (pixels, seeds), fn_output_signature=kind)
    return tf.concat([tf.cast(compressed, tf.float32), images[count:]], axis=0)
