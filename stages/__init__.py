"""The stages of dvc.yaml. `python -m stages.NAME` runs a stage."""

import sys

from facemask import errors

sys.excepthook = errors.interrupted_in_one_line  # for Ctrl-C during the import of TensorFlow
