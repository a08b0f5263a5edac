"""Check that a training that is killed at random moments ends with the same weights.

Run `python -m benchmarks.restart` after `dvc repro`; it takes somewhat longer than a training. It
trains again in a temporary folder. It kills and restarts the process ten times, and lets the last
process finish. Then it compares the result with `models/model.keras`.
"""

import filecmp
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stages import paths

KILLS = 10
LONGEST = 60
"""Largest number of seconds until a kill. It is longer than an epoch, so that training advances."""


def main() -> None:
    """Train, kill and compare."""
    project = Path.cwd()
    environment = os.environ | {"PYTHONPATH": str(project)}
    command = [sys.executable, "-m", "stages.train"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").symlink_to(project / "data")
        (folder / paths.PARAMS).write_bytes(paths.PARAMS.read_bytes())
        for kill in range(KILLS):
            running = subprocess.Popen(command, cwd=folder, env=environment)
            time.sleep(random.uniform(0, LONGEST))
            running.kill()
            running.wait()
            epochs = [path.name for path in folder.glob(f"{paths.BACKUP}/*/epoch-*")]
            print(f"kill {kill + 1} of {KILLS}: {' '.join(epochs) or 'no epoch yet'}", flush=True)
        subprocess.run(command, cwd=folder, env=environment, check=True)
        same = filecmp.cmp(folder / paths.KERAS_MODEL, paths.KERAS_MODEL, shallow=False)
    sys.exit(None if same else "the weights differ")


if __name__ == "__main__":
    main()
