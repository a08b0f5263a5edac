"""Changes of light and air, as rooms, nights and windows make them."""

import math

import tensorflow as tf

from facemask import params
from facemask.augmentation.draws import Change, chance, grid, uniform

SIDE_LIGHT = 1.2
"""Largest logarithm by which the light at a border differs from that in the middle."""

HAZE = 0.6
"""Most of the way to the colour of the haze."""


def exposure(options: params.Exposure) -> Change:
    """Expose a share of the images by a factor drawn evenly on a logarithmic scale, and clip."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        chosen = chance(images, seeds[0], options.share)
        stops = uniform(images, seeds[1], math.log(options.least), math.log(options.most))
        gamma = uniform(images, seeds[2], -options.gamma, options.gamma)
        curved = 255 * (images / 255) ** tf.exp(chosen * gamma)
        return curved * tf.exp(chosen * stops)

    return change


def side_light(share: float) -> Change:
    """Light a share of the images from one side, so that the other is in shade."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        angle = uniform(images, seeds[0], 0.0, 2 * math.pi)
        strength = chance(images, seeds[1], share) * uniform(images, seeds[2], 0.0, SIDE_LIGHT)
        x, y = grid(images)
        return images * tf.exp(
            strength * ((2 * x - 1) * tf.cos(angle) + (2 * y - 1) * tf.sin(angle))
        )

    return change


def haze(share: float) -> Change:
    """Mix a share of the images with a bright grey, as flare, fog and washed-out cameras do."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        amount = chance(images, seeds[0], share) * uniform(images, seeds[1], 0.0, HAZE)
        return images + amount * (uniform(images, seeds[2], 150.0, 255.0) - images)

    return change
