"""A Keras model -> `.tflite` files that were measured."""

import facemask.quiet_tensorflow  # noqa: F401, loads TensorFlow first
