"""Convert the Keras model to TFLite. It takes pixels and returns a probability of each label."""

import tempfile
import warnings
from collections.abc import Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

IN_FLOAT = ["AVERAGE_POOL_2D", "MEAN", "SUB", "MUL", "ADD", "RSQRT", "SOFTMAX"]
"""Operators that stay in float32 in the variant `int8`.

They standardize the image and compute the probabilities. 8 bits are too coarse for the small
variance of a dark image.
"""


def folded(model: keras.Model) -> keras.Model:
    """Return an equivalent model with fewer layers, and with a probability for each label.

    Rescaling and BatchNorm become part of the convolutions. Then the first convolution takes 0-255,
    which 8 bits hold exactly. In the model, BatchNorm follows max-pooling. Here it is moved before
    max-pooling. The result is the same, because BatchNorm scales by positive numbers:
    max(a x + b) = a max(x) + b for a > 0.

    The last layer of the model has one unit and a sigmoid. Here it has a unit for each label and a
    softmax. The logit of the first label is 0, because sigmoid(z) = softmax([0, z])[1].

    Args:
        model: from `network.build`.

    Returns:
        A model that takes one image, float32 (1, size, size, 3) 0-255, and returns the
        probabilities of both labels, float32 (1, 2).
    """
    image = keras.Input(batch_shape=(1, *model.input_shape[1:]), name="image")
    output = image
    scale = 1.0
    for index, layer in enumerate(model.layers[:-1]):
        match layer:
            case layers.Rescaling():
                scale = layer.scale
            case layers.LayerNormalization():
                output = _standardized(output, layer.epsilon)
            case layers.Conv2D():
                after_pooling = model.layers[index + 2]
                output = _convolution(layer, after_pooling, scale)(output)
                scale = 1.0
            case layers.BatchNormalization() | layers.Dropout():
                pass
            case _:
                output = layer(output)
    probabilities = _probabilities(model.layers[-1])
    return keras.Model(image, probabilities(output))


def _standardized(image: keras.KerasTensor, epsilon: float) -> keras.KerasTensor:
    """Standardize an image to mean 0 and standard deviation 1, as `LayerNormalization` does.

    The converter turns that layer into a mean over three axes, which OpenCV 5.0 computes wrongly.
    Here the mean is taken over the pixels first, and then over the channels. This is right in
    OpenCV, and more exact in other runtimes.
    """
    centred = image - _mean(image)
    variance = _mean(centred * centred)
    return centred * keras.ops.rsqrt(variance + epsilon)


def _mean(image: keras.KerasTensor) -> keras.KerasTensor:
    of_channels = keras.ops.average_pool(image, image.shape[1:3])
    return keras.ops.mean(of_channels, axis=3, keepdims=True)


def _convolution(
    layer: layers.Conv2D,
    after_pooling: layers.Layer,
    scale: float,
) -> layers.Conv2D:
    """Return a convolution that includes the scaling of its input and the BatchNorm after it."""
    kernel = layer.kernel.numpy() * scale
    bias = np.zeros(layer.filters, np.float32)
    if layer.use_bias:
        bias = layer.bias.numpy()
    if isinstance(after_pooling, layers.BatchNormalization):
        norm = after_pooling
        gain = 1 / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
        kernel = kernel * gain
        bias = (bias - norm.moving_mean.numpy()) * gain + norm.beta.numpy()
    return layers.Conv2D(
        layer.filters,
        layer.kernel_size,
        kernel_initializer=keras.initializers.Constant(kernel),
        bias_initializer=keras.initializers.Constant(bias),
    )


def _probabilities(layer: layers.Dense) -> layers.Dense:
    """Return the last layer with a second unit, for the first label. Its logit is 0."""
    kernel = np.pad(layer.kernel.numpy(), ((0, 0), (1, 0)))
    bias = np.pad(layer.bias.numpy(), (1, 0))
    return layers.Dense(
        2,
        activation="softmax",
        kernel_initializer=keras.initializers.Constant(kernel),
        bias_initializer=keras.initializers.Constant(bias),
        name="probabilities",
    )


def convert(
    model: keras.Model,
    variant: str,
    representative: Iterable[NDArray[np.uint8]],
) -> bytes:
    """Convert to TFLite.

    Args:
        model: takes an image, float32 (1, size, size, 3) 0-255; from `folded`.
        variant: `float32`, `float16`, `dynamic_range` or `int8`. The weights have 16 bits in
            `float16`, and 8 bits in `dynamic_range` and `int8`. The activations have 8 bits in
            `int8`, except for those of `IN_FLOAT`.
        representative: RGB images, (size, size, 3) 0-255. They set the ranges of activations in
            `int8`.

    Returns:
        A TFLite model that takes an image, uint8 (1, size, size, 3) 0-255.
    """
    image = keras.Input(
        batch_shape=model.input_shape,
        dtype="uint8",
        name="image",
    )
    pixels = keras.ops.cast(image, "float32")
    model = keras.Model(image, model(pixels))
    signature = tf.TensorSpec(model.input_shape, tf.uint8, name="image")
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False, input_signature=[signature])
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        return _converted(converter, variant, representative)


def _converted(
    converter: tf.lite.TFLiteConverter,
    variant: str,
    representative: Iterable[NDArray[np.uint8]],
) -> bytes:
    # For dense layers, quantization per unit needs runtime 2.17. Per layer it needs only 2.4.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant != "int8":
        return bytes(converter.convert())

    def batches() -> Iterator[list[NDArray[np.uint8]]]:
        for pixels in representative:
            yield [pixels[np.newaxis]]

    converter.representative_dataset = batches
    int8 = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
    converter.target_spec.supported_ops = [int8, tf.lite.OpsSet.TFLITE_BUILTINS]
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=IN_FLOAT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow warns that its own interpreter is deprecated
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter,
            debug_dataset=batches,
            debug_options=options,
        )
    return bytes(debugger.get_nondebug_quantized_model())
