"""A model and rows -> numbers and pictures."""

import facemask.model  # noqa: F401, loads TensorFlow quietly
