"""Changes of how closely a face is framed: wider, in other surroundings, or tighter, cut off."""

import tensorflow as tf

from facemask import params
from facemask.augmentation.draws import Change, chance, grid, uniform

RADIUS, SOFTNESS = 0.8, 12.0
"""Where an oval ends and how sharply, against half the side; half of the wider images are ovals."""

WIDTHS = 0.55, 0.9
"""Of an oval in the middle of another image, in shares of the side."""

OFF_CENTRE = 0.1
"""How far from the middle it may be."""

CUT_SIDES = 0.4
"""Share of the sides that a tighter crop loses a part of."""

BACKLIGHT = 1.8
"""Largest logarithm by which the light behind a face differs from that on it."""

GRAINS = (3, 8)
"""Pixels a side that another image is blurred to, as what is behind a face is out of focus."""


def framing(options: params.Framing) -> Change:
    """Show a share of the images smaller, in other surroundings, and a share cut off at the sides.

    A wider image keeps the whole of what it shows, anywhere in the frame. Behind it is another
    image upside down or blurred, a plain colour or a gradient, in more or less light than itself.
    """

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 4))
        boxes = _boxes(images, seeds[0], options)
        framed = _shown(images, boxes)
        across, down = _across(images, boxes)
        inside = tf.cast((tf.abs(across) <= 1) & (tf.abs(down) <= 1), tf.float32)
        is_wider = tf.cast(boxes[:, 2] - boxes[:, 0] > 1, tf.float32)[:, None, None, None]
        inside *= 1 - is_wider * chance(images, seeds[2], 0.5) * (1 - _oval(across, down))
        light = is_wider * uniform(images, seeds[3], -BACKLIGHT, BACKLIGHT)
        framed *= tf.exp(-tf.nn.relu(light))
        behind = _surroundings(images, seeds[1]) * tf.exp(-tf.nn.relu(-light))
        return framed + (1 - inside) * (behind - framed)

    return change


def transplant(share: float) -> Change:
    """Show a share of the images as ovals in the middle of others: with another's hair and body.

    Where one class is framed more loosely than the other, its hair and shoulders would tell it.
    """

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        count = tf.shape(images)[0]
        width = tf.random.stateless_uniform((count, 1), seeds[0], *WIDTHS)
        centre = 0.5 + tf.random.stateless_uniform((count, 2), seeds[1], -OFF_CENTRE, OFF_CENTRE)
        start = 0.5 - centre / width
        boxes = tf.concat([start, start + 1 / width], axis=1)
        other = tf.roll(images, 1, axis=0)
        merged = other + _oval(*_across(images, boxes)) * (_shown(images, boxes) - other)
        return images + chance(images, seeds[2], share) * (merged - images)

    return change


def _boxes(images: tf.Tensor, seed: tf.Tensor, options: params.Framing) -> tf.Tensor:
    """Draw what part of each image's plane is shown: (n, 4) top, left, bottom, right, from 0 to 1.

    Args:
        images: (n, side, side, 3).
        seed: of the draws.
        options: shares and strengths; the two kinds exclude each other.
    """
    seeds = tf.unstack(tf.random.split(seed, 4))
    count = tf.shape(images)[0]
    kind = tf.random.stateless_uniform((count, 1), seeds[0])
    wider = tf.cast(kind < options.wider, tf.float32)
    tighter = tf.cast(kind > 1 - options.tighter, tf.float32)
    face = tf.random.stateless_uniform((count, 1), seeds[1], options.least_face, 1.0)
    places = tf.random.stateless_uniform((count, 6), seeds[2])
    start = wider * (1 - 1 / face) * places[:, :2]
    end = start + 1 + wider * (1 / face - 1)
    cut = tf.random.stateless_uniform((count, 4), seeds[3], 0.0, options.most_cut)
    cut *= tighter * tf.cast(places[:, 2:] < CUT_SIDES, tf.float32)
    return tf.concat([start + cut[:, :2], end - cut[:, 2:]], axis=1)


def _shown(images: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """Return the part of each image's plane in its box, as large as the image; black outside it."""
    count, side = tf.shape(images)[0], tf.shape(images)[1]
    shown = tf.image.crop_and_resize(images, boxes, tf.range(count), (side, side))
    return tf.ensure_shape(shown, images.shape)


def _across(images: tf.Tensor, boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return where in the image that `boxes` shows each pixel lies: x and y, -1 to 1 inside it."""
    x, y = grid(images)
    top, left, bottom, right = tf.unstack(boxes[:, :, None, None, None], axis=1)
    return 2 * (left + x * (right - left)) - 1, 2 * (top + y * (bottom - top)) - 1


def _oval(across: tf.Tensor, down: tf.Tensor) -> tf.Tensor:
    """Return 1 inside an oval and 0 outside it, with a soft border."""
    return tf.sigmoid(SOFTNESS * (RADIUS - tf.sqrt(across**2 + down**2)))


def _surroundings(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return what may be behind each image, (n, side, side, 3)."""
    seeds = tf.unstack(tf.random.split(seed, 6))
    side = tf.shape(images)[1]
    other = tf.reverse(tf.roll(images, 1, axis=0), axis=[1])
    coarse = [tf.image.resize(other, (grain, grain), "area") for grain in GRAINS]
    blurred = [tf.image.resize(small, (side, side), "bilinear") for small in coarse]
    first, second = (uniform(images, seeds[place], 0.0, 255.0, channels=3) for place in (0, 1))
    x, y = grid(images)
    across = chance(images, seeds[2], 0.5)
    gradient = first + (second - first) * (across * x + (1 - across) * y)
    kinds = [other, *blurred, gradient, first + tf.zeros_like(images)]
    kind = tf.cast(uniform(images, seeds[3], 0.0, float(len(kinds))), tf.int32)
    return tf.add_n(
        [tf.cast(kind == number, tf.float32) * shown for number, shown in enumerate(kinds)]
    )
