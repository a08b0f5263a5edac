"""Changes of what is in an image: other parts, other colours, other light."""

import math

import numpy as np
import tensorflow as tf

from facemask import params
from facemask.augmentation.draws import TO_YIQ, Change, below_a_line, chance, grid, luma, uniform


def swap(share: float) -> Change:
    """Replace the upper part by that of the next image; the label is that of the lower part."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 2))
        kept = tf.maximum(below_a_line(images, seeds[0]), 1 - chance(images, seeds[1], share))
        return kept * images + (1 - kept) * tf.roll(images, 1, axis=0)

    return change


def recolour(share: float) -> Change:
    """Paint the lower part in some colour, at random or that of the skin about the eyes.

    So a mask may be as pink as a face, and a face as blue as a mask; brightness varies as it did.
    """

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 6))
        side, count = tf.shape(images)[1], tf.shape(images)[0]
        about_the_eyes = images[:, side // 4 : side // 2, side // 3 : side - side // 3]
        skin = tf.reduce_mean(about_the_eyes, axis=(1, 2), keepdims=True)
        other = tf.random.stateless_uniform((count, 1, 1, 3), seeds[0], 0.0, 255.0)
        from_skin = chance(images, seeds[1], 0.5)
        colour = from_skin * skin + (1 - from_skin) * other
        lower = below_a_line(images, seeds[2])
        light, paint = luma(images), luma(colour)
        mean = tf.reduce_sum(light * lower, (1, 2), True) / tf.reduce_sum(lower, (1, 2), True)
        gain = ((paint + 1) / (mean + 1)) ** uniform(images, seeds[3], 0.0, 1.0)
        painted = light * gain * colour / (paint + 1)
        amount = lower * uniform(images, seeds[4], 0.3, 1.0) * chance(images, seeds[5], share)
        return images + amount * (painted - images)

    return change


def colour(options: params.Augmentation) -> Change:
    """Turn the hue of half of the images, and their saturation; leave some no colour."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 4))
        chosen = chance(images, seeds[3], 0.5)
        angle = chosen * uniform(images, seeds[0], -1.0, 1.0) * math.radians(options.hue)
        saturation = 1 + chosen * uniform(images, seeds[1], -1.0, 1.0) * options.saturation
        saturation *= 1 - chance(images, seeds[2], options.greyscale)
        cos, sin = saturation * tf.cos(angle), saturation * tf.sin(angle)
        light, i, q = tf.split(tf.tensordot(images, tf.constant(TO_YIQ.T, tf.float32), 1), 3, -1)
        turned = tf.concat([light, cos * i - sin * q, sin * i + cos * q], axis=-1)
        return tf.tensordot(turned, tf.constant(np.linalg.inv(TO_YIQ).T, tf.float32), 1)

    return change


def light(options: params.Augmentation) -> Change:
    """Change brightness, contrast about the mean, and the balance of the three colours."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 3))
        contrast = 1 + uniform(images, seeds[0], -1.0, 1.0) * options.contrast
        gain = 1 + uniform(images, seeds[1], -1.0, 1.0) * options.brightness
        gain *= 1 + uniform(images, seeds[2], -1.0, 1.0, channels=3) * options.warmth
        mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
        return (mean + contrast * (images - mean)) * gain

    return change


def cutout(share: float) -> Change:
    """Cover a rectangle with one colour."""

    def change(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, 6))
        x, y = grid(images)
        across = tf.abs(x - uniform(images, seeds[0], 0.0, 1.0)) < uniform(
            images, seeds[1], 0.05, 0.2
        )
        down = tf.abs(y - uniform(images, seeds[2], 0.0, 1.0)) < uniform(
            images, seeds[3], 0.05, 0.2
        )
        covered = chance(images, seeds[4], share) * tf.cast(across & down, tf.float32)
        colour = uniform(images, seeds[5], 0.0, 255.0, channels=3)
        return images + covered * (colour - images)

    return change
