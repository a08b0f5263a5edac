"""Refuse wrong parameters while every stage's outputs are still in place.

Run by `dvc repro check_params`; a second. DVC deletes what a stage makes before it runs that stage,
so this one comes first. What it writes never changes: no stage runs again because this one did.
"""

from pathlib import Path

from facemask import params
from facemask.errors import one_line_errors
from facemask.files import replacing
from facemask.params import start
from stages import paths

CHECKED = Path("data/params_checked")
"""Not among `paths`, which all stages depend on and this one alone would need."""


def check_params() -> None:
    """Read the parameters as every stage will, and compare the network with `train.start`."""
    values = params.load(paths.PARAMS)
    start.check(values.train)
    with replacing(CHECKED) as file:
        file.write_text("params.yaml was valid when this was written\n", encoding="utf-8")


if __name__ == "__main__":
    with one_line_errors("check_params"):
        check_params()
