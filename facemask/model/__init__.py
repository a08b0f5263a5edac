"""Rows and pixels -> a trained Keras model."""

import facemask.quiet_tensorflow  # noqa: F401, loads TensorFlow before any module of the wing uses it
