"""Small real projects to run the stages in."""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest
from filelock import FileLock

from tests.helpers import (
    commit,
    copy_project,
    dvc,
    run_stage,
    set_params,
    small_project,
    tiny_project,
    wait_for,
)
from tools.loopback import free_ports

# A shell's background job ignores Ctrl-C, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


Run = Callable[[str], None]
Shared = Callable[[str, Callable[[Path], Path]], Path]
LONGEST = ["android", "demo", "pipeline", "team", "train", "web", "folds", "predict", "hostile"]
LONGEST += ["start", "evaluate", "boxes", "whole_photos", "fuzz", "export", "crop_faces", "cluster"]
LONGEST += ["groups", "split", "ingest"]
"""Names of test files, those that take longest first."""

if "PYTEST_XDIST_WORKER" in os.environ:
    # A process a core: threads that wait for one another while another process runs cost more.
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the longest files first, so that all processes end at about the same time."""
    order = {f"test_{name}": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Make a project once for all processes of pytest-xdist; return a copy for this one.

    Runs of pytest that are given one folder, `SHARED_PROJECTS`, make it once for all of them.
    """
    own = tmp_path_factory.getbasetemp()
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    common = Path(os.environ.get("SHARED_PROJECTS", run))

    def copy(name: str, make: Callable[[Path], Path]) -> Path:
        made = common / f"{name}-made"
        with FileLock(f"{made}.lock"):
            if not made.exists():
                make(tmp_path_factory.mktemp(name)).rename(made)
        return Path(shutil.copytree(made, own / name, symlinks=True))

    return copy


@pytest.fixture(scope="session")
def demo(shared: Shared) -> Path:
    """The whole pipeline, run by `dvc repro` on the embedded faces with two epochs."""
    return shared("demo", demo_project)


def demo_project(folder: Path) -> Path:
    """Run it in float32, as on every processor, and as `evaluate` measures: so that both agree."""
    project = copy_project(folder)
    loose = {"max_accuracy_loss": 0.1, "max_changed_decisions": 0.1}  # after so few epochs
    changes = {f"export_tflite.{key}": value for key, value in loose.items()}
    short = {"train.epochs": 2, "train.fine_tuning_epochs": 0, "train.min_steps": 0}
    set_params(project, changes | short | {"train.precision": "float32"})
    commit(project)
    dvc(project, "repro")
    return project


@pytest.fixture(scope="session")
def tiny(shared: Shared) -> Path:
    """A project with small pictures and a small network that has run undisturbed."""
    return shared("tiny", finished_tiny_project)


def finished_tiny_project(folder: Path) -> Path:
    project = tiny_project(folder)
    dvc(project, "repro")
    commit(project)
    return project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small parameters and a source of 2 x 10 pictures, as working directory."""
    monkeypatch.chdir(tmp_path)
    return small_project(tmp_path)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Copy a project that other tests take too, as working directory."""

    def copy(project: Path) -> Path:
        monkeypatch.chdir(tmp_path)
        return Path(shutil.copytree(project, tmp_path, dirs_exist_ok=True))

    return copy


@pytest.fixture
def run() -> Run:
    """Run one stage as `python -m stages.NAME` does, in the working directory."""
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


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[fsspec.AbstractFileSystem]:
    """Yield an S3 server with an empty `bucket`, which AWS' own settings name meanwhile."""
    program = shutil.which("moto_server")
    if not program or not importlib.util.find_spec("dvc_s3"):
        pytest.skip("moto_server or dvc_s3 is not installed")
    [port] = free_ports(1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with subprocess.Popen([program, "-p", str(port)], stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port)
            files = fsspec.filesystem("s3", skip_instance_cache=True)
            files.mkdir("bucket")
            yield files
        finally:
            server.terminate()
