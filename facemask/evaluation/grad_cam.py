"""Map where in an image the network looks (Grad-CAM: Selvaraju et al. 2017)."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from facemask.store.pixels import Pixels

IMAGES_AT_ONCE = 64


def maps(
    model: keras.Model,
    rows: NDArray[np.int64],
    pixels: Pixels,
) -> NDArray[np.float32]:
    """Return for each image a map of the evidence for the predicted class.

    The map is a sum of the channels of the last convolution block. The weight of a channel is the
    mean gradient of the predicted class's logit.

    Args:
        model: from `network.build`.
        rows: (n,), numbers of the images.
        pixels: the images, of the model's input size.

    Returns:
        (n, h, w), as coarse as the block's output. A map sums to 1. It is 0 everywhere if the image
        has no evidence for the prediction.
    """
    spatial = [layer for layer in model.layers if layer.output.ndim == 4]
    head = model.layers[len(spatial) :]
    blocks = keras.Model(model.inputs[0], spatial[-1].output)
    batches = [np.zeros((0, *blocks.output_shape[1:3]), np.float32)]
    for start in range(0, len(rows), IMAGES_AT_ONCE):
        numbers = rows[start : start + IMAGES_AT_ONCE]
        features = blocks(pixels[numbers].astype(np.float32))
        batches.append(_weighted(features, head))
    attention = np.concatenate(batches)
    total = attention.sum(axis=(1, 2), keepdims=True)
    return np.asarray(attention / np.maximum(total, 1e-12), np.float32)


def _weighted(features: tf.Tensor, head: Sequence[keras.Layer]) -> NDArray[np.float32]:
    """Return the weighted sum of the channels, (n, h, w), with 0 in place of negative values."""
    *between, last = head
    with tf.GradientTape() as tape:
        tape.watch(features)
        values = features
        for layer in between:
            values = layer(values)
        logit = values @ last.kernel + last.bias
        logit_of_prediction = tf.abs(logit)
    gradient = tape.gradient(logit_of_prediction, features)
    weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    weighted = tf.reduce_sum(weights * features, axis=3)
    positive: NDArray[np.float32] = tf.nn.relu(weighted).numpy()
    return positive


def lower_half(maps: NDArray[np.float32]) -> float:
    """Return the mean share of a map, 0-1, that lies in the lower half of the image.

    A mask is in the lower half. Maps that are 0 everywhere are left out.
    """
    height = maps.shape[1]
    row = np.arange(1, height + 1)
    is_lower = np.clip(2 * row - height, 0, 2) / 2  # a middle row counts half
    attention_of_row = maps.sum(axis=2)
    attentive = attention_of_row[attention_of_row.any(axis=1)]
    if not len(attentive):
        return 0.0
    return float((attentive @ is_lower).mean())
