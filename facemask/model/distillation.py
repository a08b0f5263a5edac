"""Learning from a teacher: the network predicts its features of an image beside the label.

What the teacher sees in the image as it is, the network is to see in it augmented (hints: Romero et
al. 2015, "FitNets").
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from facemask.model import network


def targets(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shift and scale features, (n, k), to mean 0 each and mean square 1 in all."""
    centred = features - features.mean(axis=0)
    return np.asarray(centred / np.sqrt(np.mean(centred**2)))


def head(count: int) -> layers.Dense | None:
    """Return the layer that predicts so many features from the last block; none predicts none."""
    return layers.Dense(count, dtype="float32") if count else None


def student(model: keras.Model, size: int, features: layers.Dense | None) -> keras.Model:
    """Return the same layers for images of another size, and what predicts a teacher's features.

    Args:
        model: from `network.build`.
        size: of the images in pixels.
        features: from `head`.

    Returns:
        A model to float32 (n, 1 + k): the probability of the positive class, and k features.
    """
    if features is None:
        return network.at_size(model, size)
    image = shown = keras.Input((size, size, 3))
    for layer in model.layers:
        shown = layer(shown)
        if isinstance(layer, tuple(network.HEADS.values())):
            pooled = shown
    return keras.Model(image, layers.Concatenate(dtype="float32")([shown, features(pooled)]))


def loss(weight: float) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return the loss: cross-entropy of the label, and `weight` times the features' mean square.

    Targets without features, as validation has them, are asked about the label alone.
    """

    def of(target: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        label = cross_entropy(target, predicted)
        if target.shape[1] == 1:
            return label
        return label + weight * keras.losses.mean_squared_error(target[:, 1:], predicted[:, 1:])

    return of


def cross_entropy(target: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Return the binary cross-entropy of the label, (n,)."""
    return keras.losses.binary_crossentropy(_label(target), _label(predicted))


def accuracy(target: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Return whether the label is right, (n,), 0 or 1."""
    return keras.metrics.binary_accuracy(_label(target), _label(predicted))


def _label(columns: tf.Tensor) -> tf.Tensor:
    """Return the first of the columns; of one alone, Keras finds the logit behind the sigmoid."""
    return columns if columns.shape[1] == 1 else columns[:, :1]
