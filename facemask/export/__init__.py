"""A Keras model -> `.tflite` files that were measured."""

import facemask.model  # noqa: F401, loads TensorFlow quietly
