"""The stages of dvc.yaml: one script for each stage, run as `python -m stages.NAME`."""

import sys

from facemask import errors

sys.excepthook = errors.interrupted_in_one_line  # Ctrl-C while a stage still imports TensorFlow
