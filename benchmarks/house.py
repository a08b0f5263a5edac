"""Measure the time that DVC takes in this project without running a stage.

Run `python -m benchmarks.house` after `dvc repro`; it takes a minute. It times `dvc repro` and
`dvc status` when there is nothing to do. It also times `dvc version`, which only starts DVC. It
counts the files that `dvc push` writes to an empty remote. It writes `benchmarks/house.csv`, a row
for each command.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from dvc.repo import Repo

from facemask.store import tables
from stages import paths

RESULT = Path(__file__).with_suffix(".csv")
COMMANDS = ("version", "status", "repro")
TURNS = 5


def seconds(command: str) -> float:
    """Return the seconds that a DVC command takes."""
    start = time.perf_counter()
    subprocess.run(["dvc", command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def objects() -> int:
    """Return the number of files that `dvc push` writes to an empty remote."""
    with tempfile.TemporaryDirectory() as folder:
        with Repo(config={"remote": {"empty": {"url": folder}}}) as repository:
            repository.push(remote="empty")
        return sum(path.is_file() for path in Path(folder).rglob("*"))


def main() -> None:
    """Measure and write the table."""
    if subprocess.run(["dvc", "status", "--quiet"]).returncode:
        sys.exit("house: something has changed; run `dvc repro` first")
    runs = pd.DataFrame([{name: seconds(name) for name in COMMANDS} for _ in range(TURNS)])
    table = runs.agg(statistics.median).rename_axis("command").to_frame("seconds")
    table["times_version"] = table["seconds"] / table["seconds"]["version"]
    table["images"] = sum(len(tables.read(file)) for file in (paths.SPLIT, paths.EXTERNAL))
    table["pushed_files"] = objects()
    tables.write(table.reset_index(), RESULT)
    print(table.to_string(float_format="%.2f"))


if __name__ == "__main__":
    main()
