"""Changes of how closely a face is framed: wider, in other surroundings, or tighter, cut off."""

import tensorflow as tf

from facemask.augmentation.draws import chosen, grid, mixed, split, uniform

WIDER = 0.22
"""Share of the images that are shown smaller, in other surroundings."""

SMALLEST_FACE = 0.42
"""Smallest side of such an image, as a share of the side of the frame."""

TIGHTER = 0.15
"""Share of the images that are cut off at some sides."""

LARGEST_CUT = 0.35
"""Largest part that is cut off at one side, as a share of the image's side."""

CUT_SIDES = 0.4
"""Share of the sides at which such an image is cut."""

TRANSPLANTED = 0.08
"""Share of the images that are shown as an oval in the middle of another image."""

WIDTHS = (0.55, 0.9)
"""Width of that oval, as a share of the side."""

OFF_CENTRE = 0.1
"""Largest distance of that oval from the middle in x and in y, as a share of the side."""

OVAL_RADIUS = 0.8
"""Where any oval ends, as a share of half the image's side."""

OVAL_SHARPNESS = 12.0
"""How steeply an oval's border falls from 1 to 0."""

BACKLIGHT = 1.8
"""Largest logarithm of the ratio between the light on a face and the light behind it."""

GRAINS = (3, 8)
"""Sides, in pixels, of the small images that become blurred surroundings."""


def framing(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Show some images smaller, in other surroundings, and cut some off at the sides.

    A smaller image lies anywhere in the frame, whole or as an oval. Behind it is another image,
    upside down or blurred, a plain colour or a gradient, in more or less light than the image.
    """
    box_seed, behind_seed, oval_seed, light_seed = split(seed, 4)
    boxes = _boxes(images, box_seed, strength)
    framed = _cropped(images, boxes)
    x, y = _positions(images, boxes)
    inside = tf.cast((tf.abs(x) <= 1) & (tf.abs(y) <= 1), tf.float32)
    is_wider = tf.cast(boxes[:, 2] - boxes[:, 0] > 1, tf.float32)[:, None, None, None]
    inside *= 1 - is_wider * chosen(images, oval_seed, 0.5) * (1 - _oval(x, y))
    light = is_wider * uniform(images, light_seed, -BACKLIGHT, BACKLIGHT)
    framed *= tf.exp(-tf.nn.relu(light))
    behind = _surroundings(images, behind_seed) * tf.exp(-tf.nn.relu(-light))
    return framed + (1 - inside) * (behind - framed)


def transplant(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Show some images as ovals in the middle of others, so with another person's hair and body.

    Otherwise hair and shoulders would tell the classes apart where one is framed more loosely.
    """
    width_seed, centre_seed, share_seed = split(seed, 3)
    count = tf.shape(images)[0]
    width = tf.random.stateless_uniform((count, 1), width_seed, *WIDTHS)
    shift = tf.random.stateless_uniform((count, 2), centre_seed, -OFF_CENTRE, OFF_CENTRE)
    start = 0.5 - (0.5 + shift) / width
    boxes = tf.concat([start, start + 1 / width], axis=1)
    x, y = _positions(images, boxes)
    following = tf.roll(images, 1, axis=0)
    merged = following + _oval(x, y) * (_cropped(images, boxes) - following)
    return mixed(images, merged, chosen(images, share_seed, TRANSPLANTED * strength))


def _boxes(images: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Draw the part of each image's plane that is shown.

    Returns:
        float32 (n, 4): top, left, bottom, right; 0 and 1 are the image's borders.
    """
    kind_seed, face_seed, place_seed, cut_seed = split(seed, 4)
    count = tf.shape(images)[0]
    kind = tf.random.stateless_uniform((count, 1), kind_seed)
    wider = tf.cast(kind < WIDER * strength, tf.float32)
    tighter = tf.cast(kind > 1 - TIGHTER * strength, tf.float32)
    face = tf.random.stateless_uniform((count, 1), face_seed, SMALLEST_FACE, 1.0)
    places = tf.random.stateless_uniform((count, 6), place_seed)
    start = wider * (1 - 1 / face) * places[:, :2]
    end = start + 1 + wider * (1 / face - 1)
    cut = tf.random.stateless_uniform((count, 4), cut_seed, 0.0, LARGEST_CUT)
    cut *= tighter * tf.cast(places[:, 2:] < CUT_SIDES, tf.float32)
    return tf.concat([start + cut[:, :2], end - cut[:, 2:]], axis=1)


def _cropped(images: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """Return what each box shows, scaled to the image's size; black outside the image."""
    count = tf.shape(images)[0]
    side = tf.shape(images)[1]
    cropped = tf.image.crop_and_resize(images, boxes, tf.range(count), (side, side))
    return tf.ensure_shape(cropped, images.shape)


def _positions(images: tf.Tensor, boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return for each pixel of `_cropped` its x and y in the image, -1 to 1 inside the image."""
    x, y = grid(images)
    top, left, bottom, right = tf.unstack(boxes[:, :, None, None, None], axis=1)
    position_x = 2 * (left + x * (right - left)) - 1
    position_y = 2 * (top + y * (bottom - top)) - 1
    return position_x, position_y


def _oval(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return 1 inside an oval and 0 outside it, with a soft border."""
    return tf.sigmoid(OVAL_SHARPNESS * (OVAL_RADIUS - tf.sqrt(x**2 + y**2)))


def _surroundings(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return what may be behind each image, (n, side, side, 3)."""
    seeds = split(seed, 6)
    side = tf.shape(images)[1]
    other = tf.reverse(tf.roll(images, 1, axis=0), axis=[1])
    coarse = [tf.image.resize(other, (grain, grain), "area") for grain in GRAINS]
    blurred = [tf.image.resize(small, (side, side), "bilinear") for small in coarse]
    first = uniform(images, seeds[0], 0.0, 255.0, channels=3)
    second = uniform(images, seeds[1], 0.0, 255.0, channels=3)
    x, y = grid(images)
    is_horizontal = chosen(images, seeds[2], 0.5)
    gradient = first + (second - first) * (is_horizontal * x + (1 - is_horizontal) * y)
    plain = first + tf.zeros_like(images)
    kinds = [other, *blurred, gradient, plain]
    kind = tf.cast(uniform(images, seeds[3], 0.0, float(len(kinds))), tf.int32)
    parts = [
        tf.cast(kind == number, tf.float32) * surroundings
        for number, surroundings in enumerate(kinds)
    ]
    return tf.add_n(parts)
