"""Check whether this version may be merged or released.

Run `python -m tools.verify [--base REVISION] [--tolerance SHARE]` after `dvc repro`. It fails if

- a file differs from `dvc.lock`;
- an output of `ingest`, `resize` or `split` differs from that in `dvc.lock` of HEAD;
- accuracy is below that of the base revision by more than the tolerance.

Accuracy needs a tolerance, because processors round differently and training amplifies the
difference.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import RevError
from ruamel.yaml import YAML

from facemask.errors import UserError, one_line_errors
from stages import paths
from tools.report_page import Version

EXACT = ("ingest", "resize", "split")
LOCK = Path("dvc.lock")
ACCURACY = paths.HEADLINES / "accuracy.json"


def faults(base: str, tolerance: float) -> Iterator[str]:
    """Yield a line for each fault.

    Args:
        base: revision whose accuracy is compared, if it has one.
        tolerance: largest accepted loss of accuracy, 0-1, on any subset.
    """
    with Repo() as repository:
        for stage, changes in repository.status().items():
            yield f"{stage}: differs from dvc.lock: {json.dumps(changes)}"
    now = Version(None)
    made = _outputs(now.read(LOCK))
    expected = _outputs(Version("HEAD").read(LOCK))
    for stage in EXACT:
        for path, hashed in made.get(stage, {}).items():
            if expected.get(stage, {}).get(path) != hashed:
                yield f"{stage}: made another {path} than the committed dvc.lock has"
    before = json.loads(Version(base).read(ACCURACY) or b"{}")
    for subset, value in json.loads(now.read(ACCURACY) or b"{}").items():
        if value < before.get(subset, 0) - tolerance:
            yield f"evaluate: accuracy on {subset} fell from {before[subset]:.4f} to {value:.4f}"


def _outputs(lock: bytes | None) -> dict[str, dict[str, Any]]:
    stages = YAML(typ="safe").load(lock)["stages"] if lock else {}
    return {
        name: {out["path"]: out.get("md5") for out in entry.get("outs", ())}
        for name, entry in stages.items()
    }


def main() -> None:
    """Print the result; fail if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--base", default="HEAD", help="revision to compare accuracy with")
    parser.add_argument("--tolerance", type=float, default=0.05, help="accepted loss, 0-1")
    options = parser.parse_args()
    try:
        lines = list(faults(options.base, options.tolerance))
    except (DvcException, RevError) as error:
        raise UserError(f"{options.base}: {error}") from error
    if lines:
        raise UserError("; ".join(lines))
    print("verify: nothing is wrong")


if __name__ == "__main__":
    with one_line_errors("verify"):
        main()
