"""Small real projects to run the stages in."""

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers import (
    CLASSES,
    REPOSITORY,
    TINY,
    commit,
    copy_project,
    draw,
    dvc,
    set_params,
    tiny_project,
)

Run = Callable[[str], None]
SHARED = ("demo", "tiny")
SLOW = {"android", "boxes", "cluster", "crop_faces", "evaluate", "folds", "fuzz", "hostile"}
SLOW |= {"start", "team", "train", "web", "whole_photos"}
"""What begins processes, trains, or tries much; and so does what shares a run."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.path.stem.removeprefix("test_") in SLOW or set(SHARED) & set(fixtures):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole pipeline, run once by `dvc repro` on the embedded faces with two epochs.

    In float32, as on every processor, and as `evaluate` measures: so history and metrics agree.
    """
    project = copy_project(tmp_path_factory.mktemp("demo"))
    loose = {"max_accuracy_loss": 0.1, "max_changed_decisions": 0.1}  # after so few epochs
    changes = {f"export_tflite.{key}": value for key, value in loose.items()}
    short = {"train.epochs": 2, "train.fine_tuning.epochs": 0, "train.min_steps": 0}
    set_params(project, changes | short | {"train.precision": "float32"})
    commit(project)
    dvc(project, "repro")
    return project


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with small pictures and a small network that has run undisturbed."""
    project = tiny_project(tmp_path_factory.mktemp("tiny"))
    dvc(project, "repro")
    commit(project)
    return project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small parameters and a source of 2 x 10 pictures, as working directory."""
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    set_params(tmp_path, TINY)
    for label in CLASSES:
        draw(tmp_path / "data/faces" / label, 10)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run() -> Run:
    """Run one stage as `python -m stages.NAME` does, in the working directory."""

    def run_stage(stage: str) -> None:
        runpy.run_module(f"stages.{stage}", run_name="__main__")

    return run_stage


@pytest.fixture
def complaint(run: Run) -> Callable[[str], str]:
    """Run a stage that must end with one line on standard error; give that line."""

    def complain(stage: str) -> str:
        with pytest.raises(SystemExit) as stop:
            run(stage)
        message = stop.value.code
        assert isinstance(message, str)
        assert message.startswith(f"{stage}: ")
        assert "\n" not in message
        return message

    return complain
