"""The verbs: one script a stage of dvc.yaml, run as `python -m stages.NAME`."""

import sys

from facemask import errors

sys.excepthook = errors.interrupted_in_one_line  # Ctrl-C while a stage still imports TensorFlow
