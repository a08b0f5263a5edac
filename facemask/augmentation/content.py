"""Changes of what an image shows: another upper half, a painted lower half, a covered part."""

import tensorflow as tf

from facemask.augmentation.draws import chosen, grid, lower_part, luma, mixed, split, uniform

SWAPPED = 0.1
"""Share of the images that get the upper part of another image."""

PAINTED = 0.25
"""Share of the images whose lower part is painted."""

PAINT = (0.3, 1.0)
"""How much of the painted pixel is paint."""

COVERED = 0.1
"""Share of the images with a covered rectangle."""

HALF_SIDES = (0.05, 0.2)
"""Half the width and half the height of that rectangle, as shares of the image's side."""


def swap(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Replace the upper part by that of the next image; the lower part decides the label."""
    line_seed, share_seed = split(seed, 2)
    swapped = chosen(images, share_seed, SWAPPED * strength)
    kept = tf.maximum(lower_part(images, line_seed), 1 - swapped)
    following = tf.roll(images, 1, axis=0)
    return kept * images + (1 - kept) * following


def recolour(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Paint the lower part in a random colour or in the colour of the skin about the eyes.

    A mask may then be as pink as a face, and a face as blue as a mask. The paint keeps the
    structure: light pixels stay lighter than dark ones.
    """
    seeds = split(seed, 6)
    lower = lower_part(images, seeds[2])
    brightness = luma(images)
    colour = _paint(images, seeds[0], seeds[1])
    paint_brightness = luma(colour)
    total = tf.reduce_sum(brightness * lower, (1, 2), True)
    mean = total / tf.reduce_sum(lower, (1, 2), True)
    exponent = uniform(images, seeds[3], 0.0, 1.0)
    gain = ((paint_brightness + 1) / (mean + 1)) ** exponent
    painted = brightness * gain * colour / (paint_brightness + 1)
    opacity = uniform(images, seeds[4], *PAINT)
    amount = lower * opacity * chosen(images, seeds[5], PAINTED * strength)
    return mixed(images, painted, amount)


def cutout(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Cover a rectangle with one colour."""
    seeds = split(seed, 6)
    x, y = grid(images)
    centre_x = uniform(images, seeds[0], 0.0, 1.0)
    half_width = uniform(images, seeds[1], *HALF_SIDES)
    centre_y = uniform(images, seeds[2], 0.0, 1.0)
    half_height = uniform(images, seeds[3], *HALF_SIDES)
    is_inside = (tf.abs(x - centre_x) < half_width) & (tf.abs(y - centre_y) < half_height)
    covered = chosen(images, seeds[4], COVERED * strength) * tf.cast(is_inside, tf.float32)
    colour = uniform(images, seeds[5], 0.0, 255.0, channels=3)
    return mixed(images, colour, covered)


def _paint(images: tf.Tensor, colour_seed: tf.Tensor, share_seed: tf.Tensor) -> tf.Tensor:
    """Return each image's paint: half of them a random colour, half the mean about the eyes."""
    count = tf.shape(images)[0]
    side = tf.shape(images)[1]
    about_the_eyes = images[:, side // 4 : side // 2, side // 3 : side - side // 3]
    skin = tf.reduce_mean(about_the_eyes, axis=(1, 2), keepdims=True)
    random_colour = tf.random.stateless_uniform((count, 1, 1, 3), colour_seed, 0.0, 255.0)
    from_skin = chosen(images, share_seed, 0.5)
    return from_skin * skin + (1 - from_skin) * random_colour
