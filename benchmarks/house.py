"""What DVC costs in this project: doing nothing, saying so, and pushing.

Run `python -m benchmarks.house` after `dvc repro`; a minute. Times `dvc repro` and `dvc status`
with nothing to do in turn with `dvc version`, which only starts, and counts the files that
`dvc push` writes to an empty remote. Writes `benchmarks/house.csv`, a row a command.
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
    """Return how many files `dvc push` writes to an empty remote."""
    with tempfile.TemporaryDirectory() as folder:
        with Repo(config={"remote": {"empty": {"url": folder}}}) as repository:
            repository.push(remote="empty")
        return sum(path.is_file() for path in Path(folder).rglob("*"))


def main() -> None:
    """Measure, and write the table."""
    if subprocess.run(["dvc", "status", "--quiet"]).returncode:
        sys.exit("house: something has changed; run `dvc repro` first")
    runs = pd.DataFrame([{name: seconds(name) for name in COMMANDS} for _ in range(TURNS)])
    found = runs.agg(statistics.median).rename_axis("command").to_frame("seconds")
    found["times_version"] = found["seconds"] / found["seconds"]["version"]
    found["images"] = sum(len(tables.read(table)) for table in (paths.SPLIT, paths.EXTERNAL))
    found["pushed_files"] = objects()
    tables.write(found.reset_index(), RESULT)
    print(found.to_string(float_format="%.2f"))


if __name__ == "__main__":
    main()
