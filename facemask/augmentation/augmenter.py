"""Random changes of training images, whole batches at a time, in the TensorFlow graph.

Each image is moved, then coloured, covered, coarsened and compressed, as a camera, a web site and
an app would do. Changes are drawn alike for both classes, so that only the mask tells them apart.
"""

import math
from functools import partial

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image
from tensorflow import Tensor

from facemask import params
from facemask.augmentation import colour, content, framing, geometry, light, quality
from facemask.augmentation.draws import Augment, Change, Draws

CHANGES: list[tuple[str, Change]] = [
    ("content", content.swap),
    ("content", content.recolour),
    ("framing", framing.transplant),
    ("framing", framing.framing),
    ("colour", colour.hue),
    ("colour", colour.brightness),
    ("light", light.exposure),
    ("light", light.side_light),
    ("light", light.haze),
    ("content", content.cutout),
    ("quality", quality.resolution),
    ("light", light.motion),
    ("quality", quality.blur),
    ("quality", quality.noise),
    ("quality", quality.jpeg),
]
"""The changes after the geometric one, in order, each with its strength in `train.augmentation`.

At strength 1 a change affects the share of the images that its module says, at strength 0.5 half of
that share.
"""

COLUMNS = 12
ROWS = 5
"""Images in `picture`."""


def augmenter(options: params.Augmentation) -> Augment:
    """Return the function that changes a batch of images; equal seeds give equal changes.

    A change of strength 0 is left out. Pixels stay within 0-255.
    """
    steps: list[Augment] = [partial(geometry.affine, options=options)]
    for group, change in CHANGES:
        strength = getattr(options, group)
        if strength > 0:
            steps.append(partial(_changed, change=change, strength=strength))

    def augment(images: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.unstack(tf.random.split(seed, len(steps)))
        for step, own_seed in zip(steps, seeds, strict=True):
            images = tf.clip_by_value(step(images, own_seed), 0.0, 255.0)
        return images

    return augment


def _changed(
    images: Tensor,
    seed: Tensor,
    change: Change,
    strength: float,
) -> Tensor:
    draws = Draws(images, seed)
    return change(images, draws, strength)


def picture(
    images: NDArray[np.uint8],
    options: params.Augmentation,
    seed: int,
) -> Image.Image:
    """Return images, (n, side, side, 3), after augmentation, in rows of `COLUMNS`.

    Each row is changed as one batch.
    """
    augment = augmenter(options)
    count, side = images.shape[:2]
    rows = math.ceil(count / COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * side, rows * side), "white")
    for row in range(rows):
        batch = images[row * COLUMNS :][:COLUMNS]
        row_seed = tf.constant([seed, row], tf.int64)
        changed = augment(tf.constant(batch, tf.float32), row_seed)
        for column, pixels in enumerate(changed.numpy().astype(np.uint8)):
            canvas.paste(Image.fromarray(pixels), (column * side, row * side))
    return canvas
