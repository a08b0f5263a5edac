"""Changes of how well an image was taken, scaled and stored."""

import math
from collections.abc import Callable

import tensorflow as tf

from facemask.augmentation.draws import Change, chance, uniform

SCALINGS = [
    ("area", "nearest"),
    ("area", "bicubic"),
    ("bilinear", "bilinear"),
    ("nearest", "nearest"),
    ("nearest", "bilinear"),
]
"""How apps and web sites make images smaller, and larger again."""


def resolution(resolution: float) -> Change:
    """Make half of the images smaller, to as little as a share of their side, and large again."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        side = tf.shape(images)[1]
        share = tf.random.stateless_uniform((), seeds[0], resolution, 1.0)
        small = tf.cast(tf.round(share * tf.cast(side, tf.float32)), tf.int32)

        def scaled(down: str, up: str) -> Callable[[], tf.Tensor]:
            return lambda: tf.image.resize(
                tf.image.resize(images, (small, small), down), (side, side), up
            )

        kind = tf.random.stateless_uniform((), seeds[1], 0, len(SCALINGS), tf.int32)
        coarse = tf.switch_case(kind, [scaled(*filters) for filters in SCALINGS])
        return images + chance(images, seeds[2], 0.5) * (coarse - images)

    return change


def blur(blur: float) -> Change:
    """Blur half of the images by a Gaussian whose width is drawn for the batch."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 2))
        reach = math.ceil(2 * blur)
        width = tf.random.stateless_uniform((), seeds[0], 0.2, max(blur, 0.2))
        weights = tf.exp(-0.5 * (tf.range(-reach, reach + 1, dtype=tf.float32) / width) ** 2)
        weights = tf.reshape(weights / tf.reduce_sum(weights), (-1, 1, 1, 1))
        kernel = tf.tile(weights, (1, 1, 3, 1))
        ends = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
        soft = tf.pad(images, ends, "SYMMETRIC")
        for direction in (kernel, tf.transpose(kernel, (1, 0, 2, 3))):
            soft = tf.nn.depthwise_conv2d(soft, direction, (1, 1, 1, 1), "VALID")
        return images + chance(images, seeds[1], 0.5) * (soft - images)

    return change


def motion(length: float, share: float = 0.2) -> Change:
    """Blur a share of the images along a line, whose angle and length are drawn for the batch.

    Args:
        length: most pixels of an image of 96; less in a smaller one.
        share: of the images.
    """
    reach = math.ceil(length / 2)

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        scale = tf.cast(tf.shape(images)[1], tf.float32) / 96
        half = scale * tf.random.stateless_uniform((), seeds[0], 1.0, length) / 2
        angle = tf.random.stateless_uniform((), seeds[1], 0.0, math.pi)
        along = tf.linspace(-half, half, 4 * reach + 1)[:, None, None]
        places = tf.range(-reach, reach + 1, dtype=tf.float32)
        x, y = places[None, None, :], places[None, :, None]
        distance = (x - along * tf.cos(angle)) ** 2 + (y - along * tf.sin(angle)) ** 2
        weights = tf.reduce_sum(tf.exp(-2 * distance), axis=0)
        kernel = tf.tile((weights / tf.reduce_sum(weights))[:, :, None, None], (1, 1, 3, 1))
        ends = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
        padded = tf.pad(images, ends, "SYMMETRIC")
        moved = tf.nn.depthwise_conv2d(padded, kernel, (1, 1, 1, 1), "VALID")
        return images + chance(images, seeds[2], share) * (moved - images)

    return change


def noise(noise: float) -> Change:
    """Add Gaussian noise to half of the images, of another strength in each."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        grain = tf.random.stateless_normal(tf.shape(images), seeds[0])
        strength = uniform(images, seeds[1], 0.0, noise) * chance(images, seeds[2], 0.5)
        return images + strength * grain

    return change


def jpeg(quality: int) -> Change:
    """Compress half of the images as JPEG, at a quality between the least and 100."""

    def compress(image_and_seed: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        image, seed = image_and_seed
        return tf.image.stateless_random_jpeg_quality(image, quality, 100, seed)

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        half = tf.shape(images)[0] // 2  # which come in any order
        seeds = tf.random.split(seed, half)
        pixels = tf.cast(tf.round(images[:half]), tf.uint8)
        compressed = tf.map_fn(compress, (pixels, seeds), fn_output_signature=tf.uint8)
        return tf.concat([tf.cast(compressed, tf.float32), images[half:]], axis=0)

    return change
