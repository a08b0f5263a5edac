"""The Keras model -> TFLite files, in each of which all preparation of numbers is inside."""

import tempfile
import warnings
from collections.abc import Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

IN_FLOAT = ["MEAN", "SQUARED_DIFFERENCE", "RSQRT", "NEG", "MUL", "ADD"]
"""What standardizes an image: 8 bits cannot hold the squares of a dark one."""


def folded(model: keras.Model) -> keras.Model:
    """Return a model with the same answers, and scaling and BatchNorm inside the convolutions.

    BatchNorm comes after max-pooling; since it scales by positive numbers, it may as well come
    before (max(a x + b) = a max(x) + b for a > 0). So the first convolution takes 0-255, which
    8 bits hold exactly.

    Args:
        model: from `network.build`.

    Returns:
        A model for one image, float32 (1, size, size, 3) 0-255.
    """
    kept, weights = [], []
    first = model.layers[0]
    scale = first.scale if isinstance(first, layers.Rescaling) else 1.0
    for place, layer in enumerate(model.layers):
        if isinstance(layer, layers.Conv2D):
            kernel, bias = layer.kernel.numpy() * scale, 0.0
            if layer.use_bias:
                bias = layer.bias.numpy()
            after = model.layers[place + 2]
            if isinstance(after, layers.BatchNormalization):
                gain = 1 / np.sqrt(after.moving_variance.numpy() + after.epsilon)
                kernel, bias = kernel * gain, after.beta.numpy() - after.moving_mean.numpy() * gain
            kept.append(layers.Conv2D(layer.filters, layer.kernel_size))
            weights.append([kernel, np.broadcast_to(bias, layer.filters)])
            scale = 1.0
        elif not isinstance(layer, layers.Rescaling | layers.BatchNormalization | layers.Dropout):
            kept.append(type(layer).from_config(layer.get_config()))
            weights.append(layer.get_weights())
    image = keras.Input(batch_shape=(1, *model.input_shape[1:]), name="image")
    result = keras.Sequential([image, *kept])
    for layer, values in zip(result.layers, weights, strict=True):
        layer.set_weights(values)
    return result


def convert(model: keras.Model, variant: str, representative: Iterable[NDArray[np.uint8]]) -> bytes:
    """Convert to TFLite.

    Args:
        model: from `folded`.
        variant: `float32`; `float16`, weights of half the size; `dynamic_range`, weights of 8 bits
            and sums of 8-bit products; or `int8`, in which activations have 8 bits too, but for
            those of `IN_FLOAT`.
        representative: RGB images, (size, size, 3) 0-255, that set the ranges for `int8`.

    Returns:
        A TFLite model from one image, uint8 (1, size, size, 3) 0-255, to the probability of the
        positive class, float32 (1, 1).
    """
    image = keras.Input(batch_shape=model.input_shape, dtype="uint8", name="image")
    model = keras.Model(image, model(keras.ops.cast(image, "float32")))
    with tempfile.TemporaryDirectory() as folder:
        batch_of_one = tf.TensorSpec(model.input_shape, model.inputs[0].dtype, name="image")
        model.export(folder, verbose=False, input_signature=[batch_of_one])
        return _converted(tf.lite.TFLiteConverter.from_saved_model(folder), variant, representative)


def _converted(
    converter: tf.lite.TFLiteConverter,
    variant: str,
    representative: Iterable[NDArray[np.uint8]],
) -> bytes:
    # Weights of a dense layer with a range for each unit need runtime 2.17, of one range 2.4.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant != "int8":
        return bytes(converter.convert())

    def shown() -> Iterator[list[NDArray[np.uint8]]]:
        return ([pixels[np.newaxis]] for pixels in representative)

    converter.representative_dataset = shown
    int8 = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
    converter.target_spec.supported_ops = [int8, tf.lite.OpsSet.TFLITE_BUILTINS]
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=IN_FLOAT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own, of its own interpreter
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=shown, debug_options=options
        )
    return bytes(debugger.get_nondebug_quantized_model())
