"""What `.ci/release` and `.ci/full-run` make; installation and the builders have stand-ins."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import fsspec
import pytest
import yaml

from tests.helpers import CLASSES, REPOSITORY, commit, copy_project, draw, dvc, environment, shell

PUBLISHED = Path("results/published")


def program(file: Path, *lines: str) -> None:
    """Write a shell script."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text("\n".join(("#!/usr/bin/env bash", "set -euo pipefail", *lines)) + "\n")
    file.chmod(0o755)


def installed(project: Path) -> Path:
    """Let `make` take what a run needs for installed; return the folder of its programs."""
    programs = project / ".venv/bin"
    program(programs / "pip")
    (programs / "installed-run").touch()
    return programs


def test_a_release_is_the_published_model_its_page_and_its_app(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    shutil.copytree(REPOSITORY / PUBLISHED, project / PUBLISHED, dirs_exist_ok=True)
    for name in ("facemask.tflite", "model_card.md", "labels.txt"):
        (project / "models").mkdir(exist_ok=True)
        (project / "models" / name).write_text("of drawings")
    programs = installed(project)
    program(programs / "npm", "mkdir -p deploy/web/dist", 'echo "$PUBLISHED" >deploy/web/dist/page')
    program(project / "deploy/android/build", 'echo "$PUBLISHED" >deploy/android/facemask.apk')
    program(programs / "cyclonedx-py", 'echo "$*" >release/sbom.cdx.json')

    shell(project, ".ci/release")

    release = project / "release"
    names = {file.name for file in release.iterdir()}
    expected = {"facemask.tflite", "model_card.md", "labels.txt", "facemask.apk", "web.tar.gz"}
    assert names == expected | {"sbom.cdx.json", "SHA256SUMS"}
    for name in ("facemask.tflite", "model_card.md"):
        assert (release / name).read_bytes() == (REPOSITORY / PUBLISHED / name).read_bytes()
    assert (release / "labels.txt").read_text() == "WithMask\nWithoutMask\n"
    assert (release / "facemask.apk").read_text() == "1\n"
    assert shell(release, "tar", "-xzOf", "web.tar.gz", "dist/page").stdout == "1\n"
    assert "facemask.apk: OK" in shell(release, "sha256sum", "--check", "SHA256SUMS").stdout


def test_the_release_workflow_trains_nothing() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/release.yml").read_text())
    commands = [step.get("run", "") for step in workflow["jobs"]["build"]["steps"]]
    assert ".ci/release" in commands
    assert not any("make run" in command or "dvc" in command for command in commands)


def test_a_full_run_takes_an_address_with_its_checksum(
    tiny: Path, s3: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    project, url = copy_project(tmp_path / "project", of=tiny), "s3://bucket/faces.zip"
    for label in CLASSES:
        draw(tmp_path / "faces" / label, 20)
    archive = Path(shutil.make_archive(str(tmp_path / "faces"), "zip", tmp_path / "faces"))
    s3.put_file(str(archive), url)
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    commit(project)
    installed(project)
    dvc(project, "remote", "add", "--local", "mine", str(tmp_path / "remote"))

    options = f"-S ingest.source={url} -S ingest.sha256={sha256}"
    full_run(project, f"{options} -S train.epochs=1")

    run = project / "results/one"
    assert yaml.safe_load((run / "params.yaml").read_text())["ingest"]["sha256"] == sha256
    assert (run / "metrics/evaluate/accuracy.json").exists()
    assert (run / "metrics/export_tflite/kilobytes.json").exists()
    assert (tmp_path / "remote/files").exists()
    committed = shell(project, "git", "show", "--stat", "--format=%s", "one").stdout
    assert committed.startswith("Full run: Against HEAD: ")
    assert "results/one/facemask.tflite" in committed


def full_run(project: Path, options: str) -> None:
    """Run the workflow's command with the text that somebody typed into its form."""
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/full-run.yml").read_text())
    [commands] = [
        step["run"]
        for step in workflow["jobs"]["run"]["steps"]
        if ".ci/full-run" in step.get("run", "")
    ]
    [command] = [line for line in commands.splitlines() if ".ci/full-run" in line]
    typed = {"OPTIONS": options, "BRANCH": "one"}
    result = subprocess.run(
        ["bash", "-c", command.replace("full-run full-run", "full-run mine")],
        cwd=project,
        env=environment() | typed,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", ["full-run", "pull-request", "release"])
def test_a_workflow_names_scripts_that_exist(name: str) -> None:
    workflow = yaml.safe_load((REPOSITORY / f".github/workflows/{name}.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    words = " ".join(step.get("run", "") for step in steps).split()
    scripts = [word for word in words if word.startswith(".ci/")]
    assert scripts
    assert [script for script in scripts if not (REPOSITORY / script).exists()] == []
