"""What a stage says after Ctrl-C and on a full disk: one line, whatever library was at work."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.helpers import REPOSITORY, environment, set_params


def stage(name: str, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    """Start a stage as DVC does, in the working directory."""
    return subprocess.Popen(
        [sys.executable, "-m", f"stages.{name}"],
        env=environment() | {"PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def ends(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Return a process's status, and the lines on standard error without the epochs' bars."""
    _, stderr = process.communicate(timeout=600)
    return process.returncode, [line for line in stderr.splitlines() if line.strip()]


@pytest.fixture
def prepared(project: Path, run: Run) -> Path:
    """A project that can train, a network of half a megabyte."""
    wide = {"train.network.filters": [16, 32], "train.network.dense": 64, "train.epochs": 10_000}
    set_params(project, wide)
    for name in ("ingest", "resize", "split"):
        run(name)
    return project


@pytest.mark.usefixtures("prepared")
def test_a_full_disk_in_training_is_one_line() -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    status, lines = ends(stage("train", limit))
    assert status == 1
    assert "epoch-0001: cannot be written: File too large" in lines[-1]
    assert lines[-1].startswith("train: models/backup/")
    assert not any("Traceback" in line or "h5py" in line for line in lines)
    assert not list(Path("models/backup").rglob("*.npz"))


@pytest.mark.usefixtures("prepared")
def test_ctrl_c_in_training_is_one_line() -> None:
    process = stage("train")
    while not list(Path("models/backup").rglob("*.npz")):
        assert process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    status, lines = ends(process)
    assert status == 130
    assert lines[-1] == "train: interrupted"
    assert not any("Traceback" in line for line in lines)


def test_ctrl_c_while_a_stage_is_imported_is_one_line(tmp_path: Path) -> None:
    """A stage imports TensorFlow for seconds before it can do anything."""
    (tmp_path / "slow.py").write_text(
        "import stages, os, time\nopen('begun', 'w').close()\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", "import slow"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY}:{tmp_path}"},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "begun").exists():
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    status, lines = ends(process)
    assert status in (-signal.SIGINT, 130)
    assert lines == ["interrupted"]


@pytest.mark.parametrize("name", ["train", "evaluate", "export_tflite"])
@pytest.mark.usefixtures("project")
def test_a_stage_prints_nothing_of_what_tensorflow_logs(name: str) -> None:
    Path("params.yaml").unlink()
    status, lines = ends(stage(name))
    assert status == 1
    [line] = lines
    assert line.startswith(f"{name}: params.yaml: ")
