"""Random changes of training images, whole batches at a time, in the TensorFlow graph.

Each image is moved, then coloured, covered, coarsened and compressed, as a camera, a web site and
an app would; what separates the classes besides the mask is made equal by drawing it for both.
"""

import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from facemask import params

Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(images, seed) -> images: float32 (n, side, side, 3), 0-255, and int64 (2,)."""

TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
"""From RGB to brightness and two axes of colour, about which hue turns (NTSC)."""

LUMA = tf.constant(TO_YIQ[0], tf.float32)
"""Share of red, green and blue in the brightness."""

SCALINGS = [
    ("area", "nearest"),
    ("area", "bicubic"),
    ("bilinear", "bilinear"),
    ("nearest", "nearest"),
    ("nearest", "bilinear"),
]
"""How apps and web sites make images smaller, and larger again."""


def augmenter(options: params.Augmentation) -> Change:
    """Make the function that changes a batch of images; equal seeds give equal changes.

    A change without strength is left out. Pixels stay within 0-255.
    """
    changes: list[tuple[bool, Change]] = [
        (True, _moved(options)),
        (options.swap > 0, _swapped(options.swap)),
        (options.recolour > 0, _recoloured(options.recolour)),
        (max(options.hue, options.saturation, options.greyscale) > 0, _coloured(options)),
        (max(options.brightness, options.contrast, options.warmth) > 0, _lit(options)),
        (options.cutout > 0, _covered(options.cutout)),
        (options.resolution < 1, _coarsened(options.resolution)),
        (options.blur > 0, _blurred(options.blur)),
        (options.noise > 0, _noisy(options.noise)),
        (options.jpeg < 100, _compressed(options.jpeg)),
    ]
    wanted = [change for strength, change in changes if strength]

    def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, len(wanted)))
        for change, own in zip(wanted, seeds, strict=True):
            images = tf.clip_by_value(change(images, own), 0.0, 255.0)
        return images

    return augment


def _moved(options: params.Augmentation) -> Change:
    """Rotate, shift, shear, zoom and mirror about the centre.

    The affine change is rotation * shift * shear * zoom, as in Keras' `ImageDataGenerator`,
    resampled bilinearly once. What comes from outside repeats the border, or, by `fill`, mirrors
    the image or is black, one way for the whole batch.
    """

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        draws = tf.random.stateless_uniform((7, tf.shape(images)[0]), seed, -1.0, 1.0)
        affine = _affine(draws, options, tf.cast(tf.shape(images)[1], tf.float32))

        def filled(mode: str) -> Callable[[], tf.Tensor]:
            return lambda: keras.ops.image.affine_transform(
                images, affine, interpolation="bilinear", fill_mode=mode
            )

        branches = [filled(mode) for mode in options.fill]
        if len(branches) == 1:
            return branches[0]()
        way = tf.random.stateless_uniform((), seed, 0, len(branches), tf.int32)
        return tf.switch_case(way, branches)

    return change


def _affine(draws: tf.Tensor, options: params.Augmentation, side: tf.Tensor) -> tf.Tensor:
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
    shift_x, shift_y = draws[2] * options.shift * side, draws[3] * options.shift * side
    zoom_x, zoom_y = 1 + draws[4] * options.zoom, 1 + draws[5] * options.zoom
    mirror = tf.where(draws[6] > 0, -1.0, 1.0) if options.horizontal_flip else 1.0
    cos, sin, zero = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle)
    a0, a1 = cos * zoom_x * mirror, -tf.sin(angle + shear) * zoom_y
    b0, b1 = sin * zoom_x * mirror, tf.cos(angle + shear) * zoom_y
    centre = (side - 1) / 2
    a2 = cos * shift_x - sin * shift_y + centre * (1 - a0 - a1)
    b2 = sin * shift_x + cos * shift_y + centre * (1 - b0 - b1)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)


def _swapped(share: float) -> Change:
    """Give images the upper part of the next one; the label is that of the lower, masked or not."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 2))
        kept = tf.maximum(_below_a_line(images, seeds[0]), 1 - _chance(images, seeds[1], share))
        return kept * images + (1 - kept) * tf.roll(images, 1, axis=0)

    return change


def _recoloured(share: float) -> Change:
    """Paint the lower part in some colour, at random or that of the skin about the eyes.

    So a mask may be as pink as a face, and a face as blue as a mask; brightness varies as it did.
    """

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 6))
        side, count = tf.shape(images)[1], tf.shape(images)[0]
        about_the_eyes = images[:, side // 4 : side // 2, side // 3 : side - side // 3]
        skin = tf.reduce_mean(about_the_eyes, axis=(1, 2), keepdims=True)
        other = tf.random.stateless_uniform((count, 1, 1, 3), seeds[0], 0.0, 255.0)
        from_skin = _chance(images, seeds[1], 0.5)
        colour = from_skin * skin + (1 - from_skin) * other
        lower = _below_a_line(images, seeds[2])
        light, paint = _luma(images), _luma(colour)
        mean = tf.reduce_sum(light * lower, (1, 2), True) / tf.reduce_sum(lower, (1, 2), True)
        gain = ((paint + 1) / (mean + 1)) ** _draw(images, seeds[3], 0.0, 1.0)
        painted = light * gain * colour / (paint + 1)
        amount = lower * _draw(images, seeds[4], 0.3, 1.0) * _chance(images, seeds[5], share)
        return images + amount * (painted - images)

    return change


def _coloured(options: params.Augmentation) -> Change:
    """Turn the hue of half of the images, and their saturation; leave some no colour."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 4))
        chosen = _chance(images, seeds[3], 0.5)
        angle = chosen * _draw(images, seeds[0], -1.0, 1.0) * math.radians(options.hue)
        saturation = 1 + chosen * _draw(images, seeds[1], -1.0, 1.0) * options.saturation
        saturation *= 1 - _chance(images, seeds[2], options.greyscale)
        cos, sin = saturation * tf.cos(angle), saturation * tf.sin(angle)
        light, i, q = tf.split(tf.tensordot(images, tf.constant(TO_YIQ.T, tf.float32), 1), 3, -1)
        turned = tf.concat([light, cos * i - sin * q, sin * i + cos * q], axis=-1)
        return tf.tensordot(turned, tf.constant(np.linalg.inv(TO_YIQ).T, tf.float32), 1)

    return change


def _lit(options: params.Augmentation) -> Change:
    """Change brightness, contrast about the mean, and the balance of the three colours."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        contrast = 1 + _draw(images, seeds[0], -1.0, 1.0) * options.contrast
        gain = 1 + _draw(images, seeds[1], -1.0, 1.0) * options.brightness
        gain *= 1 + _draw(images, seeds[2], -1.0, 1.0, channels=3) * options.warmth
        mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
        return (mean + contrast * (images - mean)) * gain

    return change


def _covered(share: float) -> Change:
    """Cover a rectangle with one colour."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 6))
        x, y = _grid(images)
        across = tf.abs(x - _draw(images, seeds[0], 0.0, 1.0)) < _draw(images, seeds[1], 0.05, 0.2)
        down = tf.abs(y - _draw(images, seeds[2], 0.0, 1.0)) < _draw(images, seeds[3], 0.05, 0.2)
        covered = _chance(images, seeds[4], share) * tf.cast(across & down, tf.float32)
        colour = _draw(images, seeds[5], 0.0, 255.0, channels=3)
        return images + covered * (colour - images)

    return change


def _coarsened(resolution: float) -> Change:
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
        return images + _chance(images, seeds[2], 0.5) * (coarse - images)

    return change


def _blurred(blur: float) -> Change:
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
        return images + _chance(images, seeds[1], 0.5) * (soft - images)

    return change


def _noisy(noise: float) -> Change:
    """Add Gaussian noise to half of the images, of another strength in each."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        grain = tf.random.stateless_normal(tf.shape(images), seeds[0])
        strength = _draw(images, seeds[1], 0.0, noise) * _chance(images, seeds[2], 0.5)
        return images + strength * grain

    return change


def _compressed(quality: int) -> Change:
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


def _draw(
    images: tf.Tensor, seed: tf.Tensor, low: float, high: float, channels: int = 1
) -> tf.Tensor:
    """Draw evenly for each image: (n, 1, 1, channels)."""
    shape = (tf.shape(images)[0], 1, 1, channels)
    return tf.random.stateless_uniform(shape, seed, low, high)


def _chance(images: tf.Tensor, seed: tf.Tensor, share: float) -> tf.Tensor:
    """Draw 1 for a share of the images and 0 for the others, (n, 1, 1, 1)."""
    return tf.cast(_draw(images, seed, 0.0, 1.0) < share, tf.float32)


def _luma(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(images * LUMA, axis=-1, keepdims=True)


def _grid(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Give x, (1, 1, side, 1), and y, (1, side, 1, 1), of the pixels, 0-1."""
    places = tf.linspace(0.0, 1.0, tf.shape(images)[1])
    return places[None, None, :, None], places[None, :, None, None]


def _below_a_line(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Give 1 below a tilted, more or less soft line about the middle, and 0 above, (n, s, s, 1)."""
    height, tilt, softness = tf.unstack(tf.random.split(seed, 3))
    x, y = _grid(images)
    line = _draw(images, height, 0.4, 0.65) + _draw(images, tilt, -0.4, 0.4) * (x - 0.5)
    return tf.sigmoid((y - line) / _draw(images, softness, 0.01, 0.05))
