"""Refuse wrong parameters while every stage's outputs are still in place.

Run by `dvc repro check_params`; takes about a second. DVC deletes the outputs of a stage before it
runs the stage, so this stage comes first. Its output never changes, so it makes no other stage run
again.
"""

from pathlib import Path

from facemask import params
from facemask.errors import one_line_errors
from facemask.files import replacing
from facemask.params import start
from stages import paths

CHECKED = Path("data/params_checked")
"""Output of this stage. It is not in `paths` because no other stage needs it."""


def check_params() -> None:
    """Read the parameters as every stage will, and compare the network with `train.start`."""
    values = params.load(paths.PARAMS)
    start.check(values.train)
    with replacing(CHECKED) as file:
        file.write_text("params.yaml was valid when this was written\n", encoding="utf-8")


if __name__ == "__main__":
    with one_line_errors("check_params"):
        check_params()
