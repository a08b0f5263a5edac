"""Calibration: the last layer is adjusted so that probabilities agree with what happens."""

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray
from scipy import optimize, special

from facemask.model import dataset, network
from facemask.store.pixels import Pixels

PROBES = 256
"""Number of training images that show which class the start calls positive."""

SMALLEST = 1e-7
"""Probabilities are clipped to this and to 1 minus this."""


def fit(
    model: keras.Model,
    batches: tf.data.Dataset,
    weights: NDArray[np.float64],
) -> tuple[float, float]:
    """Return slope and shift of the logit that fit images without augmentation; see `platt`.

    Augmentation hides what distinguishes the classes, and so moves the logit towards one class.

    Args:
        model: gives the probability of the positive class.
        batches: of images and targets, 0 or 1.
        weights: (n,) of the images, with mean 1.
    """
    targets, probabilities = network.answers(model, batches)
    return platt(targets[:, 0] > 0, probabilities[:, 0].astype(np.float64), weights)


def platt(
    is_positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[float, float]:
    """Return slope and shift with the smallest log-loss of `slope * logit + shift` (Platt 1999).

    A ridge penalty keeps the line near the identity where there are few images, which any steep
    line separates. The penalty weighs as much as an image.

    Args:
        is_positive: (n,), whether an image is of the positive class.
        probability: (n,), 0-1, that it is.
        weights: (n,) of the images in the loss, with mean 1.

    Returns:
        slope and shift: `slope * logit + shift` is the calibrated logit.
    """
    logits = special.logit(np.clip(probability, SMALLEST, 1 - SMALLEST))
    sign = np.where(is_positive, 1, -1)

    def loss(line: NDArray[np.float64]) -> float:
        slope, shift = line
        losses = np.logaddexp(0, -sign * (slope * logits + shift))
        penalized = weights @ losses + (slope - 1) ** 2 + shift**2
        return float(penalized) / len(losses)

    bounds = [(0.05, 20), (-10, 10)]  # a perfect separation would have no minimum
    slope, shift = optimize.minimize(loss, [1.0, 0.0], bounds=bounds).x
    return float(slope), float(shift)


def turn_if_reversed(
    model: keras.Model,
    rows: pd.DataFrame,
    positive: str,
    pixels: Pixels,
) -> None:
    """Exchange the classes of a model that has them in the other order.

    The positive class is the second by alphabet: `WithoutMask` after `WithMask`, but `masked` after
    `bare`.

    Args:
        model: the start of a training, which is changed.
        rows: of training, with `row` and `label`.
        positive: name of the positive class.
        pixels: the images, by `row`.
    """
    probes = rows.iloc[:: max(1, len(rows) // PROBES)]
    batches = dataset.inference_batches(probes, positive, pixels)
    targets, probabilities = network.answers(model, batches)
    if ((probabilities >= 0.5) == targets).mean() < 0.5:
        apply(model, -1.0, 0.0)


def apply(model: keras.Model, slope: float, shift: float) -> None:
    """Make the logit `slope * logit + shift`, inside the last layer."""
    last = model.layers[-1]
    kernel, bias = last.get_weights()
    last.set_weights([slope * kernel, slope * bias + shift])
