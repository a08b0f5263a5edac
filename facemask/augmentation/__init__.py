"""How a training image is changed at random: a module for each kind of change."""

import facemask.quiet_tensorflow  # noqa: F401, loads TensorFlow before any module of the wing uses it
