"""Training by one process, one worker and two: steps a second, and are the weights the same?

Run `python -m benchmarks.workers [IMAGES]`; two minutes for the 640 generated images that it takes
unless told otherwise, with the parameters of `params.yaml` from scratch in four epochs. Workers are
processes of this machine and share its cores: two of them can show what it costs to work together,
and never that two machines are faster. Each has its part of the threads, as it would get nowhere if
the others' threads waited on all cores. Writes `benchmarks/workers.csv`, a row each.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facemask import params
from facemask.model import network, training, workers
from facemask.quiet_tensorflow import WORKERS
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths
from tools.generated import generated
from tools.loopback import tf_configs

RESULT = Path(__file__).with_suffix(".csv")
IMAGES, EPOCHS = 640, 4
LABELS = ("WithMask", "WithoutMask")


def draw(folder: Path, count: int, size: int) -> pd.DataFrame:
    """Store so many images, masked ones bright below; return their rows."""
    images = np.stack(list(generated(count, size)))
    masked = np.arange(count) % 2 == 0
    images[masked, size // 2 :] = np.clip(images[masked, size // 2 :].astype(int) + 60, 0, 255)
    np.save(folder / "00000-of-00001.npy", images.astype(np.uint8))
    names = [f"{number}.png" for number in range(count)]
    labels = np.where(masked, *LABELS)
    columns = {"path": names, "sha256": names, "group": names, "label": labels}
    return pd.DataFrame(columns).assign(row=range(count))


def worker(folder: Path, index: str) -> None:
    """Train, as one of the workers that TF_CONFIG names; leave what was measured, and a hash."""
    team = workers.Team(workers.strategy())
    values = params.load(paths.PARAMS)
    network.reproducible(values.seed)
    plain = {"start": params.SCRATCH, "epochs": EPOCHS, "min_steps": 0, "distillation": 0.0}
    fine_tuning = values.train.fine_tuning.model_copy(update={"epochs": 0})
    options = values.train.model_copy(update=plain | {"fine_tuning": fine_tuning})
    rows = pd.read_csv(folder.parent / "rows.csv")
    count = len(rows) * 3 // 4
    pixels, nowhere = Pixels(folder.parent / "pixels"), folder / "none"
    made = training.training_data(
        options, rows[:count], LABELS[1], pixels, values.seed, nowhere, nowhere
    )
    trained = training.train(
        options,
        values.resize.size,
        made,
        rows[count:],
        lambda history: None,
        folder / "backup",
        team,
    )
    weights = b"".join(one.tobytes() for one in trained.model.get_weights())
    found = {
        "steps_per_second": len(made) / trained.history["seconds"].iloc[-1],
        "weights": hashlib.sha256(weights).hexdigest()[:12],
        **trained.history[["loss", "val_loss", "val_accuracy"]].iloc[-1],
    }
    (folder / f"{index}.json").write_text(json.dumps(found))


def run(folder: Path, count: int) -> list[dict[str, Any]]:
    """Let so many workers train, or for 0 one process alone; return what each of them found."""
    threads = {"TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // max(1, count)))}
    settings = [{WORKERS: setting} for setting in tf_configs(count)]
    started = []
    for index, setting in enumerate(settings or [{}]):
        command = [sys.executable, "-m", "benchmarks.workers", str(folder), str(index)]
        started.append(subprocess.Popen(command, env=os.environ | threads | setting))
    if sum(abs(one.wait()) for one in started):
        sys.exit("a worker failed")
    return [json.loads((folder / f"{index}.json").read_text()) for index in range(len(started))]


def main(images: int = IMAGES) -> None:
    """Measure, compare, and write the table."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pixels").mkdir()
        rows = draw(folder / "pixels", images, params.load(paths.PARAMS).resize.size)
        rows.to_csv(folder / "rows.csv", index=False)
        for title, count in (("one process", 0), ("one worker", 1), ("two workers", 2)):
            (folder / title).mkdir()
            each = run(folder / title, count)
            found.append({"training": title, "images": images, **each[0]})
            if len({one["weights"] for one in each}) > 1:
                sys.exit("the workers' weights differ")
    table = pd.DataFrame(found)
    tables.write(table, RESULT)
    print(table.to_string(index=False))


def begin(arguments: Sequence[str]) -> None:
    """Be one of the workers, or the one who starts them."""
    if len(arguments) == 2:
        worker(Path(arguments[0]), arguments[1])
    else:
        main(*map(int, arguments))


if __name__ == "__main__":
    begin(sys.argv[1:])
