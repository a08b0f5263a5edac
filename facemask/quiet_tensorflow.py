"""Load TensorFlow without its notes about the machine.

TensorFlow is loaded here, before any module uses it, without its C++ notes about a machine that has
no CUDA: they come before `TF_CPP_MIN_LOG_LEVEL` counts.
"""

import os
import sys
import tempfile

WORKERS = "TF_CONFIG"
"""TensorFlow's name for what says who the workers are, and which of them this process is."""

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # later ones: errors only

with tempfile.TemporaryFile() as _said:
    _standard_error = os.dup(2)
    os.dup2(_said.fileno(), 2)
    try:
        import tensorflow as tf

        if WORKERS not in os.environ:  # several machines have to be known before the devices
            tf.config.list_logical_devices()
    except BaseException:
        _said.seek(0)
        sys.stderr.write(_said.read().decode(errors="replace"))
        raise
    finally:
        os.dup2(_standard_error, 2)
        os.close(_standard_error)
