"""The model that a training starts from: its weights, its order of the classes, the mix with it."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray
from scipy import stats

from facemask import params
from facemask.errors import UserError
from facemask.model import calibration, dataset, network
from facemask.store.pixels import Pixels

ASKED = 256
"""Training images that tell which way round a start has the classes."""

TOLERANCE = 0.005
"""Of log-loss, that a mix may lose to the best one."""


def start(model: keras.Model, path: Path, options: params.Train) -> bytes:
    """Start a network from the weights of a file, and freeze its first blocks.

    Args:
        model: from `network.build`, untrained.
        path: `.keras` file of a network with the same layers.
        options: of the training.

    Returns:
        The content of the file.

    Raises:
        UserError: the file cannot be read, or holds another network.
    """
    found = read(path)
    theirs, ours = _layers(found), _layers(model)
    if theirs != ours:
        raise UserError(f"train.start = '{path}': has {theirs}, but train.network is {ours}")
    model.set_weights(found.get_weights())
    normalized = [place for place, one in enumerate(model.layers) if isinstance(one, layers.ReLU)]
    if options.frozen_blocks:
        for layer in model.layers[: normalized[options.frozen_blocks - 1]]:
            layer.trainable = False
    return path.read_bytes()


def read(path: Path) -> keras.Model:
    """Return the model that a training starts from.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return network.load(path)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"train.start = '{path}': cannot be read: {reason}") from error


def turn_if_reversed(model: keras.Model, rows: pd.DataFrame, positive: str, pixels: Pixels) -> None:
    """Exchange the classes of a start that has them the other way round.

    The positive class is the second by alphabet: `WithoutMask` after `WithMask`, but `masked` after
    `bare`.

    Args:
        model: the start, which is changed.
        rows: of training, with `row` and `label`.
        positive: name of the positive class.
        pixels: the images, by `row`.
    """
    some = rows.iloc[:: max(1, len(rows) // ASKED)].reset_index(drop=True)
    batches = dataset.inference_batches(some, positive, pixels)
    is_positive = (some["label"] == positive).to_numpy()
    if ((network.predict(model, batches) >= 0.5) == is_positive).mean() < 0.5:
        calibration.apply(model, -1.0, 0.0)


def mix(
    model: keras.Model,
    start: Sequence[NDArray[Any]],
    shares: Sequence[float],
    validation: tf.data.Dataset,
) -> float:
    """Mix a trained model with its start; take as little of the training as serves.

    What was trained on few images knows these better, and all others worse than its start (WiSE-FT:
    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). Of the shares whose loss on
    validation exceeds the least one by at most `TOLERANCE` and two standard errors of the mean
    difference, the least share is kept.

    Args:
        model: trained, which is changed.
        start: weights before the training.
        shares: of the trained weights in the mix, above 0 to 1.
        validation: batches of images and targets, 0 or 1.

    Returns:
        The share that is kept.
    """
    end = model.get_weights()
    losses = {}
    for share in shares:
        network.interpolate(model, start, end, share)
        answers = network.answers(model, validation)
        losses[share] = np.asarray(keras.losses.binary_crossentropy(*answers))
    best = min(losses.values(), key=np.mean)
    worse = {share: loss - best for share, loss in losses.items()}
    kept = min(share for share, by in worse.items() if by.mean() <= TOLERANCE + 2 * stats.sem(by))
    network.interpolate(model, start, end, kept)
    return kept


def _layers(model: keras.Model) -> str:
    """Describe the layers that have weights, in words."""
    kinds: dict[str, list[int]] = {"filters": [], "dense": []}
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            kinds["filters"].append(layer.filters)
        if isinstance(layer, layers.Dense):
            kinds["dense"].append(layer.units)
    norms = any(isinstance(layer, layers.BatchNormalization) for layer in model.layers)
    inputs = [layer.kernel.shape[0] for layer in model.layers if isinstance(layer, layers.Dense)]
    standardizes = not isinstance(model.layers[0], layers.Rescaling)
    return (
        f"filters {kinds['filters']}, dense {kinds['dense'][0]} after {inputs[0]} numbers, "
        f"{'with' if norms else 'without'} batch_norm, {'' if standardizes else 'not '}standardized"
    )
