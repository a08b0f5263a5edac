"""Changes of what an image shows: another upper half, a painted lower half, a covered part."""

import tensorflow as tf
from tensorflow import Tensor

from facemask.augmentation.draws import Draws, grid, luma, mixed

SWAPPED = 0.1
"""Share of the images that get the upper part of another image."""

PAINTED = 0.25
"""Share of the images whose lower part is painted."""

OPACITY = (0.3, 1.0)
"""Smallest and largest share of the paint in a painted pixel."""

LINE_HEIGHTS = (0.4, 0.65)
"""Where the lower part begins, as a share of the side."""

LINE_TILTS = (-0.4, 0.4)
"""How far that line falls across the image, as a share of the side."""

LINE_SOFTNESS = (0.01, 0.05)
"""How wide that line is, as a share of the side."""

COVERED = 0.1
"""Share of the images with a covered rectangle."""

HALF_SIDES = (0.05, 0.2)
"""Half the width and half the height of that rectangle, as shares of the image's side."""


def swap(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Replace the upper part by that of the next image; the lower part decides the label."""
    lower = lower_part(images, draws.next_seed())
    swapped = draws.chosen(SWAPPED * strength)
    kept = tf.maximum(lower, 1 - swapped)
    following = tf.roll(images, 1, axis=0)
    return kept * images + (1 - kept) * following


def recolour(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Paint the lower part in a random colour or in the colour of the skin about the eyes.

    A mask may then be as pink as a face, and a face as blue as a mask. The paint keeps the
    structure: light pixels stay lighter than dark ones.
    """
    colour = paint(images, draws)
    lower = lower_part(images, draws.next_seed())
    brightness = luma(images)
    paint_brightness = luma(colour)

    area = tf.reduce_sum(lower, (1, 2), True)
    mean = tf.reduce_sum(brightness * lower, (1, 2), True) / area
    ratio = (paint_brightness + 1) / (mean + 1)
    gain = ratio ** draws.uniform(0.0, 1.0)
    painted = brightness * gain * colour / (paint_brightness + 1)

    opacity = draws.uniform(*OPACITY)
    amount = lower * opacity * draws.chosen(PAINTED * strength)
    return mixed(images, painted, amount)


def cutout(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Cover a rectangle with one colour."""
    x, y = grid(images)
    centre_x = draws.uniform(0.0, 1.0)
    half_width = draws.uniform(*HALF_SIDES)
    centre_y = draws.uniform(0.0, 1.0)
    half_height = draws.uniform(*HALF_SIDES)

    is_within_width = tf.abs(x - centre_x) < half_width
    is_within_height = tf.abs(y - centre_y) < half_height
    is_inside = tf.cast(is_within_width & is_within_height, tf.float32)

    covered = draws.chosen(COVERED * strength) * is_inside
    colour = draws.uniform(0.0, 255.0, channels=3)
    return mixed(images, colour, covered)


def lower_part(images: Tensor, seed: Tensor) -> Tensor:
    """Return 1 below a line about the middle and 0 above it, (n, side, side, 1).

    The line's height, tilt and softness are drawn for each image.
    """
    draws = Draws(images, seed)
    x, y = grid(images)
    height = draws.uniform(*LINE_HEIGHTS)
    tilt = draws.uniform(*LINE_TILTS)
    softness = draws.uniform(*LINE_SOFTNESS)

    line = height + tilt * (x - 0.5)
    return tf.sigmoid((y - line) / softness)


def paint(images: Tensor, draws: Draws) -> Tensor:
    """Return the paint of each image, (n, 1, 1, 3).

    Half of the images get a random colour, and half get their mean colour about the eyes.
    """
    side = tf.shape(images)[1]
    rows = slice(side // 4, side // 2)
    columns = slice(side // 3, side - side // 3)
    about_the_eyes = images[:, rows, columns]
    skin = tf.reduce_mean(about_the_eyes, axis=(1, 2), keepdims=True)

    random_colour = draws.uniform(0.0, 255.0, channels=3)
    from_skin = draws.chosen(0.5)
    return from_skin * skin + (1 - from_skin) * random_colour
