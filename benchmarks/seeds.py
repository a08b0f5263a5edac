"""Measure how much each figure depends on the seed.

Run `python -m benchmarks.seeds` with the `-S` options of `dvc exp run`, in a clone. It runs an
experiment with each of three seeds. The last experiment has the seed of params.yaml, so that the
workspace holds its results at the end. The split, the initial weights, the order of the images and
the augmentation are seeded. It writes `benchmarks/seeds.csv`: the mean and standard deviation of
every figure.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from facemask import files, params
from facemask.store import tables
from stages import paths

OTHERS = (1, 2)
MEASURED = ("train", "evaluate", "export_tflite")
RESULT = Path(__file__).with_suffix(".csv")


def seeds() -> tuple[int, ...]:
    """Return the seeds in the order of the experiments."""
    return *OTHERS, params.load(paths.PARAMS).seed


@contextmanager
def parameters_kept() -> Iterator[None]:
    """Restore params.yaml at the end, because `dvc exp run -S` changes it."""
    values = paths.PARAMS.read_bytes()
    try:
        yield
    finally:
        paths.PARAMS.write_bytes(values)


def experiment(arguments: Sequence[str], measured: Sequence[str] = MEASURED) -> dict[str, Any]:
    """Run `dvc exp run` with arguments; return the details of these stages, by stage."""
    subprocess.run(["dvc", "exp", "run", *arguments], check=True)
    return files.read_json(paths.DETAILS, *measured)


def compare(runs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row for each figure: its value in each run, their mean and standard deviation."""
    table = pd.json_normalize([dict(details) for details in runs.values()]).T
    table.columns = pd.Index(list(runs))
    numbers = table[table.map(lambda value: isinstance(value, int | float)).all(axis=1)]
    numbers = numbers.astype(float)
    spread = {"mean": numbers.mean(axis=1), "standard_deviation": numbers.std(axis=1)}
    return numbers.assign(**spread).rename_axis("figure").reset_index()


def main(arguments: Sequence[str]) -> None:
    """Run the experiments one after the other, and compare."""
    runs = {f"seed_{seed}": experiment([*arguments, "-S", f"seed={seed}"]) for seed in seeds()}
    table = compare(runs)
    tables.write(table, RESULT)
    print(table.to_string(index=False, float_format="%.4f"))


if __name__ == "__main__":
    main(sys.argv[1:])
