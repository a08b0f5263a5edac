"""Probabilities that are what happens: the logit's slope and shift, fitted after training."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy import optimize, special

from facemask.model import network

LEAST = 1e-7
"""Nearest that a probability is taken to be to 0 or 1."""


def fit(model: keras.Model, batches: tf.data.Dataset) -> tuple[float, float]:
    """Fit slope and shift on images as they are, not as the augmentation changes them.

    Training on images that hide what tells the classes apart moves the logit to one class.

    Args:
        model: gives the probability of the positive class.
        batches: of images and targets, 0 or 1.

    Returns:
        As `platt`.
    """
    target, probability = network.answers(model, batches)
    return platt(target[:, 0] > 0, probability[:, 0].astype(np.float64))


def platt(is_positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> tuple[float, float]:
    """Find the line that maps logits to those of the least log-loss (Platt 1999).

    A ridge keeps it near the logit as it is where there are few images, which any steep line
    separates; it weighs as much as one image.

    Args:
        is_positive: (n,), whether an image is of the positive class.
        probability: (n,), 0-1, that it is.

    Returns:
        slope and shift: `slope * logit + shift` is the calibrated logit.
    """
    logits = special.logit(np.clip(probability, LEAST, 1 - LEAST))
    sign = np.where(is_positive, 1, -1)

    def loss(line: NDArray[np.float64]) -> float:
        losses = np.logaddexp(0, -sign * (line[0] * logits + line[1]))
        return float(losses.sum() + (line[0] - 1) ** 2 + line[1] ** 2) / len(losses)

    bounds = [(0.05, 20), (-10, 10)]  # where a perfect separation would have no least
    slope, shift = optimize.minimize(loss, [1.0, 0.0], bounds=bounds).x
    return float(slope), float(shift)


def apply(model: keras.Model, slope: float, shift: float) -> None:
    """Make the logit `slope * logit + shift`, inside the last layer."""
    last = model.layers[-1]
    kernel, bias = last.get_weights()
    last.set_weights([slope * kernel, slope * bias + shift])
