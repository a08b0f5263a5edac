"""Export a Keras model as `.tflite` files, and measure them."""

import facemask.quiet_tensorflow  # noqa: F401, loads TensorFlow first
