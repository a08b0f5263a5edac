import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facemask.model import network
from tests.conftest import Run
from tests.helpers import REPOSITORY, environment, run_stages, set_params, small_project


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_stages(small_project(tmp_path_factory.mktemp("split")), "ingest", "resize", "split")


@pytest.fixture
def prepared(split: Path, copied: Callable[[Path], Path]) -> Path:
    """A small project, ready to train."""
    return copied(split)


RICH: dict[str, Any] = {
    "train.network.head": "average",
    "train.optimizer": "adamw",
    "train.progressive_resizing": 0.5,
    "train.epochs": 2,
    "train.fine_tuning_epochs": 2,
    "train.batch_size": 4,
}
"""Every mechanism of `params.yaml` that the notebook's recipe does not have."""


def trained() -> dict[str, Any]:
    return dict(json.loads(Path("details/train.json").read_text()))


@pytest.mark.skipif(network.precision("auto") == "float32", reason="no instructions for bfloat16")
def test_trained_in_bfloat16_the_model_is_one_of_float32(prepared: Path, run: Run) -> None:
    losses = []
    for precision in ("float32", "mixed_bfloat16"):
        set_params(prepared, {"train.precision": precision})
        run("train")
        assert trained()["precision"] == precision
        model = network.load(Path("models/model.keras"))
        assert {layer.compute_dtype for layer in model.layers} == {"float32"}
        losses.append(pd.read_csv("plots/history.csv")["loss"].iloc[-1])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_a_loss_that_is_not_a_number_is_one_line(
    prepared: Path, complaint: Callable[[str], str]
) -> None:
    set_params(prepared, {"train.learning_rate": 3e38})
    message = complaint("train")
    assert "train.learning_rate = 3e+38: " in message
    assert "epoch 1/3" in message
    assert not Path("models/model.keras").exists()


def test_a_loss_that_is_not_a_number_names_the_images(
    prepared: Path, complaint: Callable[[str], str]
) -> None:
    set_params(prepared, {"train.learning_rate": 3e38, "train.batch_size": 4})
    message = complaint("train")
    named = re.search(r"batch (\d): (.+), (.+), (.+) and 1 more", message)
    assert named
    assert all((Path("data/faces") / path).exists() for path in named.groups()[1:])


def test_what_changes_the_weights_after_the_last_epoch_is_in_the_figures(
    prepared: Path, run: Run
) -> None:
    set_params(prepared, RICH | {"train.calibrate": True})
    run("train")
    run("evaluate")
    last = pd.read_csv("plots/history.csv").iloc[-1]
    measured = json.loads(Path("details/evaluate.json").read_text())["validation"]
    assert trained()["val_loss"] == pytest.approx(measured["log_loss"], abs=1e-5)
    assert trained()["val_accuracy"] == pytest.approx(measured["accuracy"], abs=1e-5)
    assert trained()["val_loss"] != pytest.approx(last["val_loss"], abs=1e-3)


def test_calibration_lowers_the_loss(prepared: Path, run: Run) -> None:
    losses = []
    for calibrate in (False, True):
        set_params(prepared, {"train.calibrate": calibrate})
        run("train")
        losses.append(trained()["val_loss"])
    assert trained()["calibration"] != {"slope": 1, "shift": 0}
    assert losses[1] < losses[0]


def test_each_epoch_has_its_size_and_its_learning_rate(prepared: Path, run: Run) -> None:
    set_params(prepared, RICH | {"train.epochs": 4, "train.fine_tuning_epochs": 3})
    run("train")
    history = pd.read_csv("plots/history.csv")
    assert history["size"].tolist() == [16, 16, 24, 24, 24, 24, 24]
    assert history["learning_rate"].idxmax() in (0, 1)
    assert history["learning_rate"][3] == pytest.approx(0.04 * 0.0005)  # fine-tuning begins
    assert history["learning_rate"][6] == pytest.approx(0, abs=1e-6)
    assert history["learning_rate"][4:].max() < 0.6 * history["learning_rate"].max()
    plain = {"train.optimizer": "adam", "train.learning_rate": 0.002}
    set_params(prepared, plain)
    run("train")
    rates = pd.read_csv("plots/history.csv")["learning_rate"]
    np.testing.assert_allclose(rates, [0.002] * 3 + [0.001] * 4)  # after the last step


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_the_last_epoch_validates_the_weights_that_are_saved(
    prepared: Path, run: Run, optimizer: str
) -> None:
    set_params(prepared, {"train.optimizer": optimizer, "train.learning_rate": 0.02})
    run("train")
    last = pd.read_csv("plots/history.csv").iloc[-1]
    assert trained()["epochs"] == last["epoch"] == 3
    assert trained()["val_loss"] == pytest.approx(last["val_loss"], abs=1e-5)
    assert trained()["val_accuracy"] == pytest.approx(last["val_accuracy"], abs=1e-5)


def training(code: Path = REPOSITORY) -> subprocess.Popen[bytes]:
    """Start to train as DVC does, in a process of its own, on all cores."""
    all_cores = {"TF_NUM_INTRAOP_THREADS": "0", "TF_NUM_INTEROP_THREADS": "0"}
    variables = environment() | {"PYTHONPATH": str(code)} | all_cores
    return subprocess.Popen(["python", "-m", "stages.train"], env=variables)


def kill_after_epoch(epoch: int, code: Path = REPOSITORY) -> None:
    """Train, and kill the process as soon as it has kept an epoch."""
    before = set(Path("models/backup").glob("*/epoch-*"))
    running = training(code)
    while not set(Path("models/backup").glob(f"*/epoch-{epoch:04d}")) - before:
        assert running.poll() is None
        time.sleep(0.005)
    running.terminate()  # `fork_server` kills the process
    running.wait()


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(prepared: Path) -> None:
    set_params(prepared, RICH | {"train.network.dropout": 0.2, "train.calibrate": True})
    assert training().wait() == 0
    model = Path("models/model.keras")
    outputs = [model, Path("plots/history.csv"), Path("details/train.json")]
    undisturbed = [output.read_bytes() for output in outputs]
    model.unlink()
    for epoch in (1, 2, 3):
        kill_after_epoch(epoch)
        assert not model.exists()
        assert json.loads(Path("metrics/live.json").read_text())["epoch"] == epoch
    assert training().wait() == 0
    assert [output.read_bytes() for output in outputs] == undisturbed
    assert json.loads(Path("metrics/live.json").read_text()) == {}
    assert not Path("models/backup").exists()


def test_a_backup_of_another_training_is_not_gone_on_from(prepared: Path) -> None:
    def backup() -> Path:
        [folder] = Path("models/backup").iterdir()
        return folder

    kill_after_epoch(1)
    first = backup()
    set_params(prepared, {"train.learning_rate": 0.004})
    kill_after_epoch(1)
    of_another_rate = backup()
    code = prepared / "code"
    for package in ("facemask", "stages"):
        shutil.copytree(REPOSITORY / package, code / package)
    with (code / "facemask/model/training.py").open("a") as module:
        module.write("# a comment\n")
    kill_after_epoch(1, code)
    of_other_code = backup()
    assert len({first, of_another_rate, of_other_code}) == 3
    rates = pd.read_csv("plots/history.csv")["learning_rate"]
    assert rates.tolist() == [pytest.approx(0.004)]
