"""The network, and its training on resized images."""

import facemask.quiet_tensorflow  # noqa: F401, loads TensorFlow before any module here uses it
