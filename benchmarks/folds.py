"""Cross-validation: for each fold, train on the other folds and measure on this fold.

Run `python -m benchmarks.folds 5` with the `-S` options of `dvc exp run`. It runs five experiments
up to `evaluate`, each with another `split.fold`. It writes `data/folds.csv`: the figures of each
fold, their mean and their standard deviation. At the end it restores params.yaml. The workspace
holds the results of the last fold until the next `dvc repro`.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import seeds
from facemask.errors import UserError, one_line_errors
from facemask.store import tables

RESULT = Path("data/folds.csv")

FIGURES = r"^evaluate\..+\.(accuracy|log_loss|recall_of_class\..+|against_start\.difference)$"
"""Names of the figures of `details/evaluate.json` that are compared."""


def main(arguments: Sequence[str]) -> None:
    """Run the experiments one after the other, and compare.

    Raises:
        UserError: the number of folds is missing, or an experiment failed.
    """
    count, *options = arguments or [""]
    if not count.isdecimal() or int(count) < 2:
        raise UserError(f"folds = {count!r}: the first argument should be a number from 2 on")
    runs = {}
    try:
        with seeds.parameters_kept():
            for fold in range(int(count)):
                chosen = ["-S", f"split.folds={count}", "-S", f"split.fold={fold}"]
                arguments = [*options, *chosen, "evaluate"]
                runs[f"fold_{fold}"] = seeds.experiment(arguments, ["evaluate"])
    except subprocess.CalledProcessError as error:
        raise UserError(f"fold {len(runs)} of {count}: the experiment failed, see above") from error
    table = seeds.compare(runs)
    table = table[table["figure"].str.match(FIGURES)]
    tables.write(table, RESULT)
    print(table.to_string(index=False, float_format="%.4f"))


if __name__ == "__main__":
    with one_line_errors("folds"):
        main(sys.argv[1:])
