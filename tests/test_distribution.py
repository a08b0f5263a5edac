"""Training in several processes is training in one, up to rounding."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facemask.model import network
from tests.conftest import Run
from tests.helpers import REPOSITORY, set_params

CHANGES: dict[str, Any] = {
    "train.precision": "float32",
    "train.network.batch_norm": True,
    "train.network.head": "average",
    "train.ema_momentum": 0.9,
    "train.progressive_resizing.share": 0.5,
    "train.batch_size": 6,  # of 16 images: the last of an epoch has 4
    "train.epochs": 4,
}
"""What must be the same on all workers, and more of it than in the small project."""

PROGRAM = """
import runpy, sys
from facemask.model import network, training

train = training.train

def training_that_is_kept(*arguments, **options):
    trained = train(*arguments, **options)
    trained.model.save_weights(sys.argv[1])
    return trained

training.train = training_that_is_kept
runpy.run_module("stages.train", run_name="__main__")
"""


def start(index: int, ports: list[int], weights: Path) -> subprocess.Popen[str]:
    """Start one of the workers, which also leaves its weights."""
    addresses = [f"127.0.0.1:{port}" for port in ports]
    task = {"type": "worker", "index": index}
    setting = {"cluster": {"worker": addresses}, "task": task}
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", PROGRAM, str(weights)]
    environment |= {"TF_CONFIG": json.dumps(setting)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_two_workers_train_as_one(project: Path, run: Run) -> None:
    for stage in ("ingest", "resize", "split"):
        run(stage)
    set_params(project, CHANGES)
    run("train")
    alone = network.load(Path("models/model.keras")).get_weights()
    history = pd.read_csv("plots/history.csv")
    Path("models/model.keras").unlink()

    files, ports = [Path(f"{index}.weights.h5") for index in range(2)], free_ports(2)
    running = [start(index, ports, file) for index, file in enumerate(files)]
    for process in running:
        assert process.communicate(timeout=300)[1] is not None
        assert process.returncode == 0
    both = []
    for file in files:
        model = network.load(Path("models/model.keras"))
        model.load_weights(file)
        both.append(model.get_weights())
    for one, other, single in zip(*both, alone, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(one, single, rtol=0.01, atol=1e-3)
    together = pd.read_csv("plots/history.csv")
    for column in ("loss", "val_loss"):
        assert together[column].to_list() == pytest.approx(history[column].to_list(), rel=0.01)
