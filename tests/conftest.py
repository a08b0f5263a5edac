"""Small real projects to run the stages in."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
CLASSES = ("WithMask", "WithoutMask")
NOTEBOOK: dict[str, Any] = {
    key: yaml.safe_load(value)
    for key, _, value in (
        argument.partition("=")
        for argument in (REPOSITORY / "benchmarks/notebook.args").read_text().split()
        if argument != "-S"
    )
}
"""The notebook's recipe: plain, and learned in few steps."""

TINY: dict[str, Any] = NOTEBOOK | {
    "ingest.source": "data/faces",
    "ingest.max_quarantined_share": 0.5,
    "evaluate.external": "data/none",
    "resize.size": 24,
    "train.epochs": 3,
    "train.network.filters": [4, 8],
    "train.network.dense": 8,
}


def draw(folder: Path, count: int, side: int = 32, seed: int = 0) -> list[Path]:
    """Write distinct pictures; those in a folder called WithMask are bright below."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, len(folder.name)])
    files = [folder / f"{number}.png" for number in range(count)]
    for file in files:
        pixels = rng.integers(0, 120, (side, side, 3), dtype=np.uint8)
        if folder.name == "WithMask":
            pixels[side // 2 :] += 100
        Image.fromarray(pixels).save(file)
    return files


def set_params(project: Path, changes: Mapping[str, Any]) -> None:
    """Change keys such as `train.epochs` in a project's params.yaml; None stays None."""
    file = project / "params.yaml"
    values = yaml.safe_load(file.read_text())
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = values
        for part in sections:
            section = section[part]
        section[name] = value
    file.write_text(yaml.safe_dump(values, sort_keys=False))


def copy_project(to: Path) -> Path:
    """Copy what the repository tracks, or would with what is new, as a clone brings it."""
    listing = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    listed = shell(REPOSITORY, *listing)
    for name in listed.stdout.splitlines():
        if not name.startswith("results/"):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, to / name)
    return to


def shell(project: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in a project, with the programs of this environment first."""
    result = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True)
    assert not check or result.returncode == 0, result.stdout + result.stderr
    return result


def environment() -> dict[str, str]:
    """Give one with the `python` and `dvc` that run the tests; equal commits get equal names."""
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "1767225600 +0000")
    return os.environ | dates | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def commit(project: Path) -> None:
    """Make the project's present state its Git HEAD."""
    shell(project, "git", "init", "--quiet")
    shell(project, "git", "config", "user.name", "test")
    shell(project, "git", "config", "user.email", "test@example.org")
    shell(project, "git", "add", "--all")
    shell(project, "git", "commit", "--quiet", "--allow-empty", "--message", "state")


def dvc(project: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a DVC command in a project."""
    return shell(project, "dvc", *arguments, check=check)


Run = Callable[[str], None]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole pipeline, run once by `dvc repro` on the embedded faces with two epochs.

    In float32, as on every processor, and as `evaluate` measures: so history and metrics agree.
    """
    project = copy_project(tmp_path_factory.mktemp("demo"))
    loose = {"max_accuracy_loss": 0.1, "max_changed_decisions": 0.1}  # after so few epochs
    changes = {f"export_tflite.{key}": value for key, value in loose.items()}
    set_params(project, changes | {"train.epochs": 2, "train.precision": "float32"})
    commit(project)
    dvc(project, "repro")
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
