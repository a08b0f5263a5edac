"""Check params.yaml before any other stage runs.

Run by `dvc repro check_params`; takes about a second. DVC deletes the outputs of a stage before it
runs the stage. If the stage then stopped at a wrong parameter, its outputs would be lost. This
stage always writes the same output, so DVC does not rerun other stages because of it.
"""

from pathlib import Path

from facemask import params
from facemask.errors import one_line_errors
from facemask.files import replacing
from facemask.params import start
from stages import paths

CHECKED = Path("data/params_checked")
"""Output of this stage. It is not in `paths`, because no other stage reads it."""


def check_params() -> None:
    """Validate all parameters, and check that `train.start` has the layers of `train.network`."""
    values = params.load(paths.PARAMS)
    start.check(values.train)
    with replacing(CHECKED) as file:
        file.write_text("params.yaml was valid when this was written\n", encoding="utf-8")


if __name__ == "__main__":
    with one_line_errors("check_params"):
        check_params()
