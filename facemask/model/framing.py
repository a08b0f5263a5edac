"""Changes of how closely a face is framed: wider, in other surroundings, or tighter, cut off."""

import tensorflow as tf

from facemask import params
from facemask.model.draws import Change, chance, grid, uniform

SOFTNESS = 12.0
"""How sharply an oval ends, against its half axes; half of the wider images are such ovals."""

CUT_SIDES = 0.4
"""Share of the sides that a tighter crop loses a part of."""

GRAINS = (3, 8)
"""Pixels a side that another image is blurred to, as what is behind a face is out of focus."""


def framing(options: params.Framing) -> Change:
    """Show a share of the images smaller, in other surroundings, and a share cut off at the sides.

    A wider image keeps the whole of what it shows, anywhere in the frame. Behind it is another
    image upside down or blurred, a plain colour or a gradient.
    """

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        boxes = _boxes(images, seeds[0], options)
        count, side = tf.shape(images)[0], tf.shape(images)[1]
        framed = tf.image.crop_and_resize(images, boxes, tf.range(count), (side, side))
        framed = tf.ensure_shape(framed, images.shape)
        x, y = grid(images)
        top, left, bottom, right = tf.unstack(boxes[:, :, None, None, None], axis=1)
        across, down = 2 * (left + x * (right - left)) - 1, 2 * (top + y * (bottom - top)) - 1
        inside = tf.cast((tf.abs(across) <= 1) & (tf.abs(down) <= 1), tf.float32)
        oval = tf.sigmoid(SOFTNESS * (1 - tf.sqrt(across**2 + down**2)))
        is_wider = tf.cast(bottom - top > 1, tf.float32)
        inside *= 1 - is_wider * chance(images, seeds[2], 0.5) * (1 - oval)
        return framed + (1 - inside) * (_surroundings(images, seeds[1]) - framed)

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
