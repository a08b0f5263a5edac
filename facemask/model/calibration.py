"""Calibration of the probabilities, by a change of the last layer."""

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray
from scipy import optimize, special

from facemask.model import dataset, network
from facemask.store.pixels import Pixels

PROBES = 256
"""Approximate number of training images that `swap_classes_if_reversed` classifies."""

SMALLEST = 1e-7
"""Probabilities are clipped to `SMALLEST` and `1 - SMALLEST`. This keeps the logits finite."""


def fit(
    model: keras.Model,
    batches: tf.data.Dataset,
    weights: NDArray[np.float64],
) -> tuple[float, float]:
    """Return the slope and shift that calibrate the model on images; see `platt`.

    The model was trained with augmentation. On images without augmentation, its logits are biased.

    Args:
        model: returns the probability of the positive class.
        batches: images without augmentation, and targets, 0 or 1.
        weights: (n,) weights of the images in the loss, with mean 1.
    """
    targets, probabilities = network.targets_and_probabilities(model, batches)
    return platt(targets[:, 0] > 0, probabilities[:, 0].astype(np.float64), weights)


def platt(
    is_positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[float, float]:
    """Return slope and shift that minimize the log-loss of `slope * logit + shift` (Platt 1999).

    If the model makes no error on the images, the best slope is infinite. This is common if there
    are few images. So a ridge penalty pulls the slope to 1 and the shift to 0. This penalty has the
    weight of one image.

    Args:
        is_positive: (n,) whether each image is of the positive class.
        probability: (n,) predicted probabilities of the positive class, 0-1.
        weights: (n,) weights of the images in the loss, with mean 1.
    """
    logits = special.logit(np.clip(probability, SMALLEST, 1 - SMALLEST))
    sign = np.where(is_positive, 1, -1)

    def loss(line: NDArray[np.float64]) -> float:
        slope, shift = line
        losses = np.logaddexp(0, -sign * (slope * logits + shift))
        penalized = weights @ losses + (slope - 1) ** 2 + shift**2
        return float(penalized) / len(losses)

    bounds = [(0.05, 20), (-10, 10)]  # of slope and shift
    slope, shift = optimize.minimize(loss, [1.0, 0.0], bounds=bounds).x
    return float(slope), float(shift)


def swap_classes_if_reversed(
    model: keras.Model,
    rows: pd.DataFrame,
    positive: str,
    pixels: Pixels,
) -> None:
    """Swap the two classes of a model if it gets most of the training images wrong.

    The positive class is the second by alphabet. With the names `WithMask` and `WithoutMask` it
    means a bare face. With the names `bare` and `masked` it means a masked face.

    Args:
        model: the model in `train.start`. Its last layer is changed.
        rows: training images, with `row` and `label`.
        positive: name of the positive class.
        pixels: the images, by `row`.
    """
    probes = rows.iloc[:: max(1, len(rows) // PROBES)]
    batches = dataset.inference_batches(probes, positive, pixels)
    targets, probabilities = network.targets_and_probabilities(model, batches)
    if ((probabilities >= 0.5) == targets).mean() < 0.5:
        apply(model, -1.0, 0.0)


def apply(model: keras.Model, slope: float, shift: float) -> None:
    """Change the last layer so that the logit becomes `slope * logit + shift`."""
    last = model.layers[-1]
    kernel, bias = last.get_weights()
    last.set_weights([slope * kernel, slope * bias + shift])
