"""Where in an image the network looks (Grad-CAM: Selvaraju 2017)."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from facemask.store.pixels import Pixels

BATCH = 64


def maps(model: keras.Model, rows: NDArray[np.int64], pixels: Pixels) -> NDArray[np.float32]:
    """Weigh the last convolution block's channels by their gradient for what is predicted.

    Args:
        model: from `network.build`.
        rows: (n,), numbers of the images.
        pixels: the images, of the model's input size.

    Returns:
        (n, h, w), as coarse as that block's output; each sums to 1, or is 0 where nothing speaks
        for the decision.
    """
    depth = max(place for place, layer in enumerate(model.layers) if layer.output.ndim == 4)
    blocks = keras.Model(model.inputs[0], model.layers[depth].output)
    *between, last = model.layers[depth + 1 :]
    found = [np.zeros((0, *blocks.output_shape[1:3]), np.float32)]
    for start in range(0, len(rows), BATCH):
        features = blocks(pixels[rows[start : start + BATCH]].astype(np.float32))
        with tf.GradientTape() as tape:
            tape.watch(features)
            values = features
            for layer in between:
                values = layer(values)
            logit = values @ last.kernel + last.bias
            decided = tf.abs(logit)  # the logit of the class that is predicted
        weights = tf.reduce_mean(tape.gradient(decided, features), axis=(1, 2), keepdims=True)
        found.append(tf.nn.relu(tf.reduce_sum(weights * features, axis=3)).numpy())
    raw = np.concatenate(found)
    raw /= np.maximum(raw.sum(axis=(1, 2), keepdims=True), 1e-12)
    return raw


def lower_half(maps: NDArray[np.float32]) -> float:
    """Return the share of attention, 0-1, in the lower half, where a mask is; mean over images."""
    height = maps.shape[1]
    rows = np.clip(2 * np.arange(1, height + 1) - height, 0, 2) / 2  # half of a middle row
    looking = maps[maps.sum(axis=(1, 2)) > 0]
    return float((looking.sum(axis=2) @ rows).mean()) if len(looking) else 0.0
