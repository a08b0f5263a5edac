"""Random changes of training images, whole batches at a time, in the TensorFlow graph.

Each image is moved, then coloured, covered, coarsened and compressed, as a camera, a web site and
an app would do. Changes are drawn alike for both classes, so that only the mask tells them apart.
"""

from functools import partial

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from facemask import params
from facemask.augmentation import colour, content, framing, geometry, light, quality
from facemask.augmentation.draws import Augment, Change

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
"""Every change after the geometric one, in order, with the strength in `params` that it takes.

At strength 1 a change befalls the share of the images that its module says, at strength 0.5 half as
many.
"""

COLUMNS = 12
ROWS = 5
"""Images in `picture`."""


def augmenter(options: params.Augmentation) -> Augment:
    """Return the function that changes a batch of images; equal seeds give equal changes.

    A change of strength 0 is left out. Pixels stay within 0-255.
    """
    changes: list[Augment] = [partial(geometry.affine, options=options)]
    for group, change in CHANGES:
        strength = getattr(options, group)
        if strength > 0:
            changes.append(partial(change, strength=strength))

    def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, len(changes)))
        for change, own_seed in zip(changes, seeds, strict=True):
            images = tf.clip_by_value(change(images, own_seed), 0.0, 255.0)
        return images

    return augment


def picture(images: NDArray[np.uint8], options: params.Augmentation, seed: int) -> Image.Image:
    """Return some images, (n, side, side, 3), after augmentation, in rows of `COLUMNS`.

    Each row is changed as one batch.
    """
    augment = augmenter(options)
    side = images.shape[1]
    rows = []
    for number, start in enumerate(range(0, len(images), COLUMNS)):
        batch = tf.constant(images[start : start + COLUMNS], tf.float32)
        tiles = augment(batch, tf.constant([seed, number], tf.int64)).numpy().astype(np.uint8)
        row = np.full((side, COLUMNS * side, 3), 255, np.uint8)
        row[:, : len(tiles) * side] = np.concatenate(tiles, axis=1)
        rows.append(row)
    return Image.fromarray(np.concatenate(rows))
