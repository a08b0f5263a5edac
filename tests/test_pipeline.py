"""The pipeline as its users run it: `dvc` commands in a clone."""

import ast
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from facemask.inference import contract
from stages import paths
from tests.helpers import (
    ALL_STAGES,
    CLASSES,
    PIPELINE,
    REPOSITORY,
    STAGES,
    commit,
    copy_project,
    details,
    draw,
    dvc,
    environment,
    set_params,
    shell,
    tiny_project,
)

CODE = ("stages", "facemask")


def test_a_task_that_can_be_learned_is_learned(tiny: Path) -> None:
    found = details(tiny)["evaluate"]["validation"]
    assert found["accuracy"] > 0.95
    assert min(found["recall_of_class"].values()) > 0.9


def test_the_model_names_the_folder_of_photos_that_nobody_described(tiny: Path) -> None:
    _, described = contract.read((tiny / paths.TFLITE_MODEL).read_bytes(), "the model")
    assert described.data_description == "faces"


def rerun_by(project: Path) -> list[str]:
    """Say which stages would run now."""
    with Repo(project) as repository:
        status = repository.status()
    changed = {name.split(":")[-1] for name in status}
    downstream = {"train": ["evaluate", "export_tflite"], "evaluate": ["export_tflite"]}
    changed.update(*(downstream.get(name, []) for name in changed))
    return [stage for stage in ALL_STAGES if stage in changed]


@pytest.fixture
def restored(tiny: Path) -> Iterator[Path]:
    """The undisturbed project, put back afterwards."""
    yield tiny
    shell(tiny, "git", "checkout", "--quiet", ".")


@pytest.fixture
def rerun(restored: Path) -> Iterator[Path]:
    """The undisturbed project to run stages in, put back afterwards with what they made."""
    yield restored
    shell(restored, "git", "checkout", "--quiet", ".")
    dvc(restored, "checkout", "--force")


@pytest.mark.parametrize(
    ("key", "value", "stages"),
    [
        ("train.epochs", 2, ["train", "evaluate", "export_tflite"]),
        ("train.augmentation.rotation", 5, ["train", "evaluate", "export_tflite"]),
        ("train.calibrate", True, ["train", "evaluate", "export_tflite"]),
        ("evaluate.threshold", 0.4, ["evaluate", "export_tflite"]),
        ("ingest.external", "data/demo-external.zip", ["ingest"]),
        ("ingest.photos", "data/demo-photos.zip", ["ingest"]),
        ("ingest.min_side", 8, ["ingest"]),
        ("split.strategy", "random", ["split"]),
        ("export_tflite.max_changed_decisions", 1, ["export_tflite"]),
    ],
)
def test_a_parameter_runs_the_stages_that_read_it(
    restored: Path, key: str, value: float, stages: list[str]
) -> None:
    set_params(restored, {key: value})
    assert rerun_by(restored) == ["check_params", *stages]


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("facemask/model/network.py", ["train", "evaluate", "export_tflite"]),
        ("facemask/evaluation/metrics.py", ["evaluate", "export_tflite"]),
        ("facemask/evaluation/mistake_sheets.py", ["evaluate", "export_tflite"]),
        ("facemask/pictures.py", ["ingest", "split", "evaluate", "export_tflite"]),
        ("facemask/export/parity.py", ["export_tflite"]),
        ("facemask/export/end_to_end.py", ["export_tflite"]),
        ("facemask/inference/detection.py", ["ingest", "export_tflite"]),
        ("facemask/sources/source.py", ["ingest"]),
        ("facemask/params/sections.py", ["check_params"]),
        ("facemask/errors.py", []),
        ("facemask/files.py", []),
        ("facemask/timing.py", []),
    ],
)
def test_code_runs_the_stages_that_it_can_change(
    restored: Path, file: str, stages: list[str]
) -> None:
    with (restored / file).open("a") as code:
        code.write("# a comment\n")
    assert rerun_by(restored) == stages


def test_the_bytecode_that_python_leaves_runs_nothing(restored: Path) -> None:
    wings = [module.parent for module in (restored / "facemask").glob("*/__init__.py")]
    assert len(wings) > 5
    for wing in wings:
        (wing / "__pycache__").mkdir(exist_ok=True)
        (wing / "__pycache__/left.pyc").write_bytes(b"anything")
    assert rerun_by(restored) == []


def test_another_external_test_set_does_not_train(rerun: Path) -> None:
    external = rerun / "data/elsewhere"
    for label in CLASSES:
        draw(external / label, 20, seed=3)
    set_params(rerun, {"ingest.external": "data/elsewhere"})
    for stage in ("ingest", "resize", "split"):
        dvc(rerun, "repro", "--single-item", stage)
    status = json.loads(dvc(rerun, "status", "--json").stdout)
    assert sorted(status) == ["check_params", "evaluate", "export_tflite"]
    shutil.rmtree(external)


def test_other_whole_photos_are_asked_about_and_nothing_else_runs(rerun: Path) -> None:
    set_params(rerun, {"ingest.photos": "data/demo-photos.zip"})
    dvc(rerun, "repro", "--single-item", "ingest")
    assert rerun_by(rerun) == ["check_params", "export_tflite"]


def test_a_changed_photo_runs_ingest(tiny: Path) -> None:
    photo = tiny / "data/faces/WithMask/0.png"
    content = photo.read_bytes()
    photo.write_bytes(content + b" ")
    assert rerun_by(tiny) == ["ingest"]
    photo.write_bytes(content)


OTHERS = ("params", "errors.py", "files.py", "timing.py", "parallel.py", "cluster.py")
REFUSING = tuple(f"facemask/{name}" for name in OTHERS)
"""They decide whether and where an output appears, never what is in it; see dvc.yaml."""


def imported(file: Path) -> set[str]:
    """Return a module of ours with all modules of ours that it needs, packages included."""
    files = {str(file.relative_to(REPOSITORY))}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            path = REPOSITORY / name.replace(".", "/")
            for module in (path.with_suffix(".py"), path / "__init__.py"):
                if module.is_file() and "." in name:
                    files |= imported(module)
    return files


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_the_code_that_it_reads(stage: str) -> None:
    code = [name for name in PIPELINE["stages"][stage]["deps"] if name.split("/")[0] in CODE]
    files = imported(REPOSITORY / f"stages/{stage}.py")
    needed = {file for file in files if not file.startswith(REFUSING)}
    covering = {file: [name for name in code if Path(file).is_relative_to(name)] for file in needed}
    assert [file for file, names in covering.items() if not names] == []
    assert set(code) == {name for names in covering.values() for name in names}


def test_the_pipeline_names_every_path_that_the_stages_use() -> None:
    text = (REPOSITORY / "dvc.yaml").read_text()
    used = {str(path) for path in vars(paths).values() if isinstance(path, Path)}
    assert len(used) > 8
    others = (paths.CACHE, paths.DOWNLOADS, paths.BACKUP)
    no_outputs = {str(path) for path in others}
    assert {path for path in used if path not in text} == no_outputs


def test_a_stopped_stage_is_done_again_with_the_same_result(tiny: Path, tmp_path: Path) -> None:
    """Kill each stage half way, DVC with it; the next `dvc repro` must not notice."""

    def stage_runs(stage: str) -> bool:
        pattern = ["pgrep", "--full", f"python -m stages.{stage}$"]
        pids = subprocess.run(pattern, stdout=subprocess.PIPE, text=True).stdout.split()
        folders = [Path(f"/proc/{pid}/cwd").resolve() for pid in pids]
        return project.resolve() in folders  # other tests run this stage in other folders

    half_way: dict[str, Callable[[], bool]] = {
        "ingest": lambda: any(project.glob("data/raw/tmp-*/*")),
        "resize": lambda: any(project.glob("data/resized/tmp-*/*")),
        "split": lambda: stage_runs("split"),
        "train": lambda: (project / "plots/history.csv").exists(),
        "evaluate": lambda: (project / "plots/roc.csv").exists(),
        "export_tflite": lambda: (project / "models/tmp-variants/float32.tflite").exists(),
    }
    project = tiny_project(tmp_path / "project")
    log = tmp_path / "log"
    for stage in STAGES:
        with log.open("w") as output:
            running = subprocess.Popen(
                ["dvc", "repro", stage],
                cwd=project,
                env=environment(),
                stdout=output,
                stderr=output,
            )
        while running.poll() is None and not half_way[stage]():
            time.sleep(0.001)
        assert running.poll() is None, f"{stage} ended: {log.read_text()}"
        running.terminate()  # `fork_server` kills DVC, and with DVC the stage
        assert running.wait() == -signal.SIGKILL
        lock = project / "dvc.lock"
        finished = yaml.safe_load(lock.read_text())["stages"] if lock.exists() else {}
        assert stage not in finished
    dvc(project, "repro")
    assert (project / "dvc.lock").read_text() == (tiny / "dvc.lock").read_text()
    assert list(project.rglob("tmp-*")) == []


def test_the_run_cache_restores_every_stage_in_a_second_clone(tiny: Path, tmp_path: Path) -> None:
    """A clone with the cache of the first, and without its lock, executes no stage."""
    clone = copy_project(tmp_path / "clone", of=tiny)
    shutil.copytree(tiny / "data/faces", clone / "data/faces")
    shutil.copytree(tiny / ".dvc/cache", clone / ".dvc/cache")
    (clone / "dvc.lock").unlink(missing_ok=True)
    commit(clone)
    shown = dvc(clone, "repro").stdout
    for stage in ALL_STAGES:
        assert f"Stage '{stage}' is cached - skipping run" in shown
    assert "Running stage" not in shown
    assert (clone / "dvc.lock").read_text() == (tiny / "dvc.lock").read_text()


def test_a_finished_experiment_is_rerun(rerun: Path) -> None:
    dvc(rerun, "exp", "run", "-S", "train.epochs=1", "--name", "first")
    shell(rerun, "git", "checkout", "--quiet", ".")
    dvc(rerun, "checkout")
    shown = dvc(rerun, "exp", "run", "-S", "train.epochs=1", "--name", "again").stdout
    assert "Stage 'train' is cached - skipping run" in shown
    assert "Running stage" not in shown


def test_the_commands_of_the_readme_show_what_a_parameter_did(rerun: Path) -> None:
    # the experiment of the last test: where that has run, its stages come from the cache
    shown = dvc(rerun, "exp", "run", "-S", "train.epochs=1", "--name", "shorter")
    assert "stages.ingest" not in shown.stdout
    assert details(rerun)["train"]["epochs"] == 1
    assert "train.epochs" in dvc(rerun, "params", "diff").stdout
    assert "metrics/evaluate/log_loss.json" in dvc(rerun, "metrics", "diff").stdout
    assert "accuracy" in dvc(rerun, "metrics", "show").stdout
    table = json.loads(dvc(rerun, "exp", "show", "--json").stdout)
    assert "shorter" in json.dumps(table)
    for command in (["plots", "show"], ["plots", "diff"]):
        dvc(rerun, *command)
        page = (rerun / "dvc_plots/index.html").read_text()
        for part in ("val_accuracy", "val_loss", "true_positive_rate", "precision", "actual"):
            assert part in page
        for part in ("shorter_side", "group_size", "external_confusion"):
            assert part in page
        for picture in ("classes", "quarantine", "groups", "validation_mistakes"):
            assert f"{picture}.png" in page
        (rerun / "dvc_plots/index.html").unlink()


def test_what_dvc_brings_is_tracked_by_git(tiny: Path) -> None:
    """A git-ignored `.dvc` file would make `dvc import-url` and `dvc add` fail."""
    for name in ("data/faces.zip.dvc", "data/.gitignore"):
        assert shell(tiny, "git", "check-ignore", name, check=False).returncode == 1
    assert shell(tiny, "git", "check-ignore", "data/faces.zip").returncode == 0


def test_photos_that_dvc_keeps_are_pushed_with_the_rest(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    draw(project / "data/own/WithMask", 2)
    commit(project)
    dvc(project, "add", "data/own")
    assert "own" in dvc(project, "ls", "--dvc-only", ".", "data").stdout.split()


def test_a_wrong_parameter_costs_no_output(rerun: Path) -> None:
    """DVC deletes a stage's outputs before it runs; this one stops before any that took long."""
    stages = yaml.safe_load((rerun / "dvc.lock").read_text())["stages"]
    outputs = [out["path"] for stage in STAGES for out in stages[stage]["outs"]]
    wrong = dvc(rerun, "exp", "run", "-S", "+train.nothere=1", "-S", "resize.size=0", check=False)
    again = dvc(rerun, "repro", check=False)  # `exp run` has left both in the workspace
    for result in (wrong, again):
        assert result.returncode != 0
        [line] = [line for line in result.stderr.splitlines() if "params.yaml: " in line]
        assert line.startswith("check_params: ")
        assert "train.nothere" in line
        assert "resize.size" in line
        assert [path for path in outputs if not (rerun / path).exists()] == []
    shell(rerun, "git", "checkout", "--quiet", "params.yaml")
    assert "Running stage" not in dvc(rerun, "repro").stdout


def test_a_missing_source_is_one_line(rerun: Path) -> None:
    set_params(rerun, {"ingest.source": "data/nowhere.zip"})
    result = dvc(rerun, "repro", check=False)
    assert result.returncode != 0
    [line] = result.stderr.splitlines()
    assert "'ingest'" in line
    assert "data/nowhere.zip" in line
    made = shell(rerun, "make", "--old-file", ".venv/bin/installed-run", "run", check=False)
    assert made.returncode != 0
    assert line in made.stderr
