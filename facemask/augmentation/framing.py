"""Changes of how closely a face is framed: wider, in other surroundings, or tighter, cut off."""

import tensorflow as tf
from tensorflow import Tensor

from facemask.augmentation.draws import Draws, grid, mixed

WIDER = 0.22
"""Share of the images that are shown smaller, in other surroundings."""

SMALLEST_FACE = 0.42
"""Smallest side of such an image, as a share of the side of the frame."""

TIGHTER = 0.15
"""Share of the images that are cut off at the sides."""

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
"""Radius of any oval, as a share of half the image's side."""

OVAL_SHARPNESS = 12.0
"""How steeply an oval's border falls from 1 to 0."""

BACKLIGHT = 1.8
"""Largest logarithm of the ratio between the light on a face and the light behind it."""

GRAINS = (3, 8)
"""Sides, in pixels, of the small images that become blurred surroundings."""


def framing(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Show a share of the images smaller, in other surroundings, and cut a share off at the sides.

    A smaller image lies anywhere in the frame, whole or as an oval. Behind it is another image,
    upside down or blurred, a plain colour or a gradient, in more or less light than the image.
    """
    boxes = draw_boxes(images, draws.next_seed(), strength)
    behind = surroundings(images, draws.next_seed())
    is_oval = draws.chosen(0.5)
    light = draws.uniform(-BACKLIGHT, BACKLIGHT)

    height = boxes[:, 2] - boxes[:, 0]
    is_wider = tf.cast(height > 1, tf.float32)[:, None, None, None]
    x, y = positions(images, boxes)
    is_inside = (tf.abs(x) <= 1) & (tf.abs(y) <= 1)
    visible = tf.cast(is_inside, tf.float32)
    visible *= 1 - is_wider * is_oval * (1 - oval(x, y))

    light *= is_wider
    face_light = tf.exp(-tf.nn.relu(light))
    light_behind = tf.exp(-tf.nn.relu(-light))
    return mixed(
        cropped(images, boxes) * face_light,
        behind * light_behind,
        1 - visible,
    )


def transplant(images: Tensor, draws: Draws, strength: float) -> Tensor:
    """Show a share of the images as ovals in the middle of others: with other hair and clothes.

    Otherwise hair and shoulders would distinguish the classes if one class is framed more loosely.
    """
    width = draws.row(1, *WIDTHS)
    centre = 0.5 + draws.row(2, -OFF_CENTRE, OFF_CENTRE)
    start = 0.5 - centre / width
    end = start + 1 / width
    boxes = tf.concat([start, end], axis=1)

    following = tf.roll(images, 1, axis=0)
    x, y = positions(images, boxes)
    merged = mixed(following, cropped(images, boxes), oval(x, y))
    return mixed(images, merged, draws.chosen(TRANSPLANTED * strength))


def draw_boxes(images: Tensor, seed: Tensor, strength: float) -> Tensor:
    """Draw the part of each image's plane that is shown.

    Returns:
        float32 (n, 4): top, left, bottom, right; 0 and 1 are the image's borders.
    """
    draws = Draws(images, seed)
    kind = draws.row(1, 0.0, 1.0)
    face = draws.row(1, SMALLEST_FACE, 1.0)
    position, side = tf.split(draws.row(6, 0.0, 1.0), (2, 4), axis=1)
    cut = draws.row(4, 0.0, LARGEST_CUT)

    is_wider = tf.cast(kind < WIDER * strength, tf.float32)
    surplus = is_wider * (1 / face - 1)
    start = -surplus * position
    end = start + 1 + surplus

    is_tighter = tf.cast(kind > 1 - TIGHTER * strength, tf.float32)
    is_cut = tf.cast(side < CUT_SIDES, tf.float32)
    cut *= is_tighter * is_cut
    cut_at_start, cut_at_end = tf.split(cut, 2, axis=1)
    return tf.concat([start + cut_at_start, end - cut_at_end], axis=1)


def cropped(images: Tensor, boxes: Tensor) -> Tensor:
    """Return what each box shows, scaled to the image's size; black outside the image."""
    count = tf.shape(images)[0]
    side = tf.shape(images)[1]
    parts = tf.image.crop_and_resize(
        images,
        boxes,
        box_indices=tf.range(count),
        crop_size=(side, side),
    )
    return tf.ensure_shape(parts, images.shape)


def positions(images: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each pixel of `cropped` its x and y in the image, -1 to 1 inside the image."""
    x, y = grid(images)
    top, left, bottom, right = tf.unstack(boxes[:, :, None, None, None], axis=1)
    image_x = left + x * (right - left)
    image_y = top + y * (bottom - top)
    return 2 * image_x - 1, 2 * image_y - 1


def oval(x: Tensor, y: Tensor) -> Tensor:
    """Return 1 inside an oval and 0 outside it, with a soft border."""
    radius = tf.sqrt(x**2 + y**2)
    return tf.sigmoid(OVAL_SHARPNESS * (OVAL_RADIUS - radius))


def surroundings(images: Tensor, seed: Tensor) -> Tensor:
    """Draw what is behind each image, (n, side, side, 3)."""
    draws = Draws(images, seed)
    side = tf.shape(images)[1]
    upside_down = tf.reverse(images, axis=[1])
    other = tf.roll(upside_down, 1, axis=0)
    kinds = [other]
    for grain in GRAINS:
        coarse = tf.image.resize(other, (grain, grain), "area")
        blurred = tf.image.resize(coarse, (side, side), "bilinear")
        kinds.append(blurred)

    x, y = grid(images)
    first = draws.uniform(0.0, 255.0, channels=3)
    second = draws.uniform(0.0, 255.0, channels=3)
    is_horizontal = draws.chosen(0.5)
    way = is_horizontal * x + (1 - is_horizontal) * y
    gradient = mixed(first, second, way)
    plain = first + tf.zeros_like(images)
    kinds += [gradient, plain]

    kind = tf.cast(draws.uniform(0.0, float(len(kinds))), tf.int32)
    parts = []
    for number, pixels in enumerate(kinds):
        is_drawn = tf.cast(kind == number, tf.float32)
        parts.append(is_drawn * pixels)
    return tf.add_n(parts)
