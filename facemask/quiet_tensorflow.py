"""Load TensorFlow without its notes about the machine.

Import this module before any module that imports TensorFlow. TensorFlow's C++ code writes notes
about missing CUDA libraries to standard error before `TF_CPP_MIN_LOG_LEVEL` has an effect. This
module holds them back, and shows them only if loading fails.
"""

import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # later notes: errors only

with tempfile.TemporaryFile() as _notes:
    _standard_error = os.dup(2)
    os.dup2(_notes.fileno(), 2)
    try:
        import tensorflow as tf

        tf.config.list_logical_devices()  # looks for CUDA
    except BaseException:
        _notes.seek(0)
        sys.stderr.write(_notes.read().decode(errors="replace"))
        raise
    finally:
        os.dup2(_standard_error, 2)
        os.close(_standard_error)
