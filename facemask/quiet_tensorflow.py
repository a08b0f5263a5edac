"""Import TensorFlow without its log messages about the machine.

Import this module before any module that imports TensorFlow. During the import, TensorFlow's C++
code logs missing CUDA libraries to standard error. `TF_CPP_MIN_LOG_LEVEL` does not affect these
messages. This module hides them, and prints them only if the import fails.
"""

import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # after the import, log errors only

with tempfile.TemporaryFile() as _messages:
    _standard_error = os.dup(2)
    os.dup2(_messages.fileno(), 2)
    try:
        import tensorflow as tf

        tf.config.list_logical_devices()  # searches for CUDA, which logs messages
    except BaseException:
        _messages.seek(0)
        sys.stderr.write(_messages.read().decode(errors="replace"))
        raise
    finally:
        os.dup2(_standard_error, 2)
        os.close(_standard_error)
