"""Random changes of training images, whole batches at a time, in the TensorFlow graph.

Each image is moved, then coloured, covered, coarsened and compressed, as a camera, a web site and
an app would; what separates the classes besides the mask is made equal by drawing it for both.
"""

import numpy as np
import tensorflow as tf
from PIL import Image

from facemask import params
from facemask.augmentation import appearance, draws, framing, geometry, lighting, quality
from facemask.augmentation.draws import Change

CODE = (appearance, draws, framing, geometry, lighting, quality)
"""What the changes depend on besides this module."""

COLUMNS, ROWS = 12, 5
"""Of the images in `picture`."""


def augmenter(options: params.Augmentation) -> Change:
    """Make the function that changes a batch of images; equal seeds give equal changes.

    A change without strength is left out. Pixels stay within 0-255.
    """
    changes: list[tuple[bool, Change]] = [
        (True, geometry.affine(options)),
        (options.swap > 0, appearance.swap(options.swap)),
        (options.recolour > 0, appearance.recolour(options.recolour)),
        (options.framing.transplant > 0, framing.transplant(options.framing.transplant)),
        (max(options.framing.wider, options.framing.tighter) > 0, framing.framing(options.framing)),
        (max(options.hue, options.saturation, options.greyscale) > 0, appearance.colour(options)),
        (max(options.brightness, options.contrast, options.warmth) > 0, appearance.light(options)),
        (options.exposure.share > 0, lighting.exposure(options.exposure)),
        (options.side_light > 0, lighting.side_light(options.side_light)),
        (options.haze > 0, lighting.haze(options.haze)),
        (options.cutout > 0, appearance.cutout(options.cutout)),
        (options.resolution < 1, quality.resolution(options.resolution)),
        (options.motion > 0, quality.motion(options.motion)),
        (options.blur > 0, quality.blur(options.blur)),
        (options.noise > 0, quality.noise(options.noise)),
        (options.jpeg < 100, quality.jpeg(options.jpeg)),
    ]
    wanted = [change for strength, change in changes if strength]

    def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, len(wanted)))
        for change, own in zip(wanted, seeds, strict=True):
            images = tf.clip_by_value(change(images, own), 0.0, 255.0)
        return images

    return augment


def augmenters(options: params.Train) -> tuple[Change, Change]:
    """Make the functions for all of the augmentation, and for the epochs before fine-tuning."""
    full = options.augmentation
    return augmenter(full), augmenter(full.mild() if options.fine_tuning.epochs else full)


def picture(batches: tf.data.Dataset) -> Image.Image:
    """Return the first images of some batches, augmented as they are, side by side."""
    shown = list(batches.unbatch().take(COLUMNS * ROWS).as_numpy_iterator())
    tiles = np.stack([pixels for pixels, *_ in shown]).astype(np.uint8)
    blank = np.full((-len(tiles) % COLUMNS, *tiles.shape[1:]), 255, np.uint8)
    rows = np.concatenate([tiles, blank]).reshape(-1, COLUMNS, *tiles.shape[1:])
    return Image.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in rows]))
