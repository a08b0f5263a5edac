"""What the same parameters give with other seeds: every figure's mean and spread.

Run `python -m benchmarks.seeds` with the `-S` options of `dvc exp run`, in a clone: one experiment
for each of three seeds, that of params.yaml last, so that its results stay in the workspace. The
seed draws the split, the weights, the order and the augmentation. Writes `benchmarks/seeds.csv`.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from facemask import params
from facemask.data import tables
from stages import paths

OTHERS = (1, 2)
MEASURED = ("train", "evaluate", "export_tflite")
RESULT = Path(__file__).with_suffix(".csv")


def seeds() -> tuple[int, ...]:
    """Return the seeds in their order."""
    return *OTHERS, params.load(paths.PARAMS).seed


def experiment(arguments: Sequence[str], seed: int, *stages: str) -> dict[str, Any]:
    """Run `dvc exp run` with options, up to some stages or to the end.

    Returns:
        What the last three stages measured in detail, nested as it is.
    """
    command = ["dvc", "exp", "run", *arguments, "-S", f"seed={seed}", *stages]
    subprocess.run(command, check=True)
    return {name: json.loads((paths.DETAILS / f"{name}.json").read_text()) for name in MEASURED}


def compare(runs: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row a figure: its value with each seed, their mean and standard deviation."""
    table = pd.json_normalize([dict(found) for found in runs.values()]).T
    table.columns = pd.Index([f"seed_{seed}" for seed in runs])
    numbers = table[table.map(lambda value: isinstance(value, int | float)).all(axis=1)]
    numbers = numbers.astype(float)
    spread = {"mean": numbers.mean(axis=1), "standard_deviation": numbers.std(axis=1)}
    return numbers.assign(**spread).rename_axis("figure").reset_index()


def main(arguments: Sequence[str]) -> None:
    """Run the experiments one after the other, and compare."""
    found = compare({seed: experiment(arguments, seed) for seed in seeds()})
    tables.write(found, RESULT)
    print(found.to_string(index=False, float_format="%.4f"))


if __name__ == "__main__":
    main(sys.argv[1:])
