"""Two training workers on loopback: the epochs of one process, and one line where one is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from facemask.model import dataset, network
from facemask.quiet_tensorflow import WORKERS
from tests.conftest import Run
from tests.helpers import REPOSITORY, pixels_of, run_stages, set_params, small_project
from tools.loopback import tf_configs

Started = subprocess.Popen[str]
MODEL = Path("models/model.keras")

TAUGHT: dict[str, Any] = {
    "train.network.standardize": True,
    "train.network.batch_norm": True,
    "train.network.dropout": 0,
    "train.network.head": "average",
    "train.batch_size": 6,
    "train.ema_momentum": 0.9,
    "train.epochs": 2,
    "train.progressive_resizing.share": 0.5,
    "train.keep": "last",
}
"""What `params.yaml` has and the notebook has not."""

AS_IT_IS: dict[str, Any] = {
    "rotation": 0,
    "shift": 0,
    "zoom": 0,
    "shear": 0,
    "horizontal_flip": False,
}
"""No augmentation, whose draws differ between one replica and several."""


@pytest.fixture
def start() -> Iterator[Callable[..., list[Started]]]:
    """Start a worker in each of some projects, the chief in the first."""
    found: list[Started] = []

    def started(*projects: Path) -> list[Started]:
        for project, setting in zip(projects, tf_configs(len(projects)), strict=True):
            found.append(
                subprocess.Popen(
                    [sys.executable, "-m", "stages.train"],
                    cwd=project,
                    env=os.environ | {"PYTHONPATH": str(REPOSITORY), WORKERS: setting},
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        return found[-len(projects) :]

    yield started
    for one in found:  # as one that waits for others would wait on
        one.kill()
        one.wait()


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A project, which is the working directory, and a copy that shares its backup alone."""
    project = tmp_path / "one"
    project.mkdir()
    run_stages(small_project(project), "ingest", "resize", "split")
    changes = {f"train.augmentation.{name}": value for name, value in AS_IT_IS.items()}
    set_params(project, TAUGHT | changes)
    monkeypatch.chdir(project)
    other = Path(shutil.copytree(project, tmp_path / "other"))
    (other / "models").mkdir()
    (other / "models/backup").symlink_to(project / "models/backup")
    return project, other


def files(project: Path) -> set[str]:
    return {str(file.relative_to(project)) for file in project.rglob("*") if file.is_file()}


def test_two_workers_end_as_one_though_one_is_killed(
    two: tuple[Path, Path], run: Run, start: Callable[..., list[Started]]
) -> None:
    before = files(two[1])
    run("train")
    alone, history = network.load(MODEL).get_weights(), pd.read_csv("plots/history.csv")
    MODEL.unlink()
    chief, worker = start(*two)
    while not list(Path("models/backup").glob("*/epoch-0001")):
        assert chief.poll() is None
        time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    _, said = chief.communicate(timeout=60)
    assert chief.returncode == 1
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("train: TF_CONFIG: another worker of this training is")
    assert not MODEL.exists()
    for one in start(*two):
        _, said = one.communicate(timeout=300)
        assert one.returncode == 0, said
    for own, expected in zip(network.load(MODEL).get_weights(), alone, strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-3)
    pd.testing.assert_frame_equal(pd.read_csv("plots/history.csv"), history, atol=1e-3)
    assert files(two[1]) == before


@pytest.mark.usefixtures("project")
def test_a_setting_that_cannot_be_used_is_one_line(
    complaint: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WORKERS, "{'cluster': ")
    assert "TF_CONFIG = {'cluster': : cannot be used: " in complaint("train")


@pytest.mark.parametrize("batch_size", [4, 3])
def test_the_parts_of_all_replicas_are_the_batch(tmp_path: Path, batch_size: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 6, 6, 3), np.uint8)
    rows = pd.DataFrame({"row": range(7), "label": list("abababa"), "path": "", "weight": 1.0})
    pixels = pixels_of(tmp_path, images)
    data = dataset.TrainingData(rows, "b", pixels, batch_size, 5, lambda some, seed: some)
    whole = list(data.batches(range(2), 6))
    parts = [
        list(data.batches(range(2), 6, False, tf.distribute.InputContext(2, worker, 2)))
        for worker in (0, 1)
    ]
    for batch, *of_batch in zip(whole, *parts, strict=True):
        shown, targets, _ = (np.concatenate(column) for column in zip(*of_batch, strict=True))
        again = len(shown) // len(batch[0])  # a single image is shown to both
        np.testing.assert_array_equal(shown, np.repeat(batch[0], again, axis=0))
        np.testing.assert_array_equal(targets, np.repeat(batch[1], again, axis=0))
        means = [np.mean(part[2] * part[1][:, 0]) for part in of_batch]
        assert np.mean(means) == pytest.approx(np.mean(batch[1]))
