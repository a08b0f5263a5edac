"""What a team shares: headlines that fit, remotes that restore every stage, reports, checks."""

import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides

from facemask.errors import UserError
from facemask.sources.source import Source
from tests.helpers import (
    ALL_STAGES,
    CLASSES,
    commit,
    copy_project,
    details,
    draw,
    dvc,
    environment,
    set_params,
    shell,
    wait_for,
)
from tools.loopback import free_ports
from tools.report import headlines


@pytest.fixture
def clone(tiny: Path, tmp_path: Path) -> Path:
    """Return a clone of a finished run, with its own cache and outputs."""
    shutil.copytree(tiny, tmp_path / "clone", symlinks=True)
    return tmp_path / "clone"


def python(project: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in a project, without looking at how it ends."""
    return shell(project, "python", "-m", module, *arguments, check=False)


def test_headlines_fit_a_terminal(tiny: Path) -> None:
    shown = dvc(tiny, "metrics", "show").stdout.splitlines()
    assert max(len(line) for line in shown) <= 120
    headlines = [json.loads(file.read_text()) for file in (tiny / "metrics").rglob("*.json")]
    assert 6 <= sum(len(values) for values in headlines) <= 12
    assert len(dvc(tiny, "metrics", "diff", "--all").stdout.splitlines()) < 24


def test_the_documented_table_of_experiments_fits_a_terminal(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    lines = (tiny / "docs/team.md").read_text().splitlines()
    [command] = [line for line in lines if line.startswith("dvc exp show")]
    shown = shell(tiny, *shlex.split(command)).stdout
    for column in ("metrics/evaluate/accuracy.json:validation", "train.epochs"):
        assert column in shown
    assert "…" not in shown


def test_plots_need_no_network(clone: Path) -> None:
    assert python(clone, "tools.plots_page").returncode == 0
    dvc(clone, "plots", "show")
    page = (clone / "dvc_plots/index.html").read_text()
    assert "<script src" not in page
    assert page.count("vegaEmbed('#") > 8
    assert shell(clone, "git", "status", "--short").stdout == ""


def test_the_report_says_what_changed(clone: Path) -> None:
    assert python(clone, "tools.report", "HEAD").returncode == 0
    assert (clone / "report.md").read_text().startswith("# Against HEAD: no change\n")
    set_params(clone, {"evaluate.threshold": 0.999})
    dvc(clone, "repro")
    assert python(clone, "tools.report", "HEAD").returncode == 0
    said, page = (clone / "report.md").read_text(), (clone / "report.html").read_text()
    assert "evaluate.threshold" in said
    [row] = [line for line in said.splitlines() if line.startswith("| recall WithoutMask")]
    assert "▼" in row
    assert "worse" in row
    assert "Mistakes that were cured: 0" in said
    assert "Mistakes that appeared: 0" not in said
    assert page.count("data:image/png;base64") > 0
    assert page.count("<svg") == 3
    assert "<script" not in page
    assert "src=" not in page.replace('src="data:', "")
    nowhere = python(clone, "tools.report", "nowhere")
    assert nowhere.returncode == 1
    assert nowhere.stderr.startswith("report: nowhere: ")
    assert len(nowhere.stderr.splitlines()) == 1


def test_the_report_judges_no_figure_of_other_images() -> None:
    moved = {"validation": {"old": 0.9, "new": 0.95}, "external": {"old": 0.9, "new": 0.8}}
    ours = {"label": "a", "group": ["x", "y"], "loss_old": 0.1, "loss_new": [0.1, 0.2]}
    right = {"right_old": True, "right_new": [True, False]}
    pairs = pd.DataFrame({"split": "external"} | ours | right)
    table = headlines({"diff": {"metrics/evaluate/accuracy.json": moved}}, pairs).table
    assert table is not None
    told = dict(zip(table["metric"], table["is"], strict=True))
    assert told["accuracy, validation"] == "of other images"
    assert told["accuracy, external"] in ("worse", "within the noise")


def test_the_summary_shows_only_what_belongs_together_and_warns_of_a_class_never_predicted(
    clone: Path,
) -> None:
    """10 photos of one class and 190 of the other, which nothing tells apart."""
    whole = python(clone, "tools.summary").stdout
    evaluated = details(clone)["evaluate"]["validation"]
    recalls = [f"{label} {value:.3f}" for label, value in evaluated["recall_of_class"].items()]
    assert f"recall: {', '.join(recalls)}" in whole
    assert "Model       models/facemask.tflite" in whole
    assert "never predicted" not in whole
    assert "Not shown" not in whole

    for folder, count in (("few", 10), ("many", 190)):
        draw(clone / "data/uneven" / folder, count)
    set_params(clone, {"ingest.source": "data/uneven", "train.epochs": 1})
    dvc(clone, "repro", "ingest")
    begun = python(clone, "tools.summary").stdout
    assert "Images      200 of data/uneven: 10 few, 190 many" in begun
    assert "Validation" not in begun
    assert "Not shown   resize, split, train, evaluate, export_tflite: not up to date" in begun

    dvc(clone, "repro", "evaluate")
    uneven = python(clone, "tools.summary").stdout
    assert "recall: few 0.000, many 1.000" in uneven
    assert "WARNING     few is never predicted, though 2 validation images show it" in uneven
    assert "Not shown   export_tflite: " in uneven

    shutil.rmtree(clone / "details")
    nothing = python(clone, "tools.summary")
    assert nothing.returncode == 1
    assert nothing.stderr.startswith("summary: ingest has not run")


def test_a_good_version_passes_and_a_bad_one_does_not(clone: Path) -> None:
    verified = python(clone, "tools.verify")
    assert verified.stdout == "verify: nothing is wrong\n", verified.stderr

    model = clone / "models/facemask.tflite"
    content = model.read_bytes()
    model.unlink()  # it may be a link into the cache
    model.write_bytes(content[:-1])
    assert "export_tflite: differs from dvc.lock" in python(clone, "tools.verify").stderr
    dvc(clone, "checkout", "--force")

    lock, line = clone / "dvc.lock", "data/split.csv\n      hash: md5\n      md5: "
    lock.write_text(lock.read_text().replace(line, f"{line}0"))
    assert "split: made another data/split.csv" in python(clone, "tools.verify").stderr
    shell(clone, "git", "checkout", "--quiet", ".")

    accuracy = clone / "metrics/evaluate/accuracy.json"
    accuracy.write_text('{"validation": 0.5}')
    assert "accuracy on validation fell from" in python(clone, "tools.verify").stderr


def test_the_documented_commands_end_a_merge_conflict(clone: Path) -> None:
    text = (clone / "docs/team.md").read_text()
    commands = text.split("## A merge conflict")[1].split("```")[1].splitlines()[1:]
    shell(clone, "git", "branch", "--move", "main")
    for branch, key, value in (
        ("one", "evaluate.threshold", 0.4),
        ("two", "export_tflite.author", "somebody"),
    ):
        shell(clone, "git", "switch", "--quiet", "--create", branch, "main")
        dvc(clone, "checkout")
        set_params(clone, {key: value})
        dvc(clone, "repro")
        commit(clone)
    merge = shell(clone, "git", "merge", "one", check=False).stdout
    assert "CONFLICT (content): Merge conflict in dvc.lock" in merge
    for command in commands:
        shell(clone, "bash", "-c", command.replace("git commit", "git commit --no-edit"))
    assert "up to date" in dvc(clone, "status").stdout
    assert shell(clone, "git", "status", "--short").stdout == ""
    contract = shell(clone, "unzip", "-p", "models/facemask.tflite", "contract.json").stdout
    assert json.loads(contract)["threshold"] == 0.4
    assert json.loads(contract)["author"] == "somebody"


def test_the_documented_commands_undo_a_failed_experiment(tmp_path: Path) -> None:
    """DVC keeps the column of a comment, and so the file's size, and writes it twice a second.

    Git then compares neither bytes nor fractions of a second, so `git checkout` alone does nothing.
    """
    project = copy_project(tmp_path)
    apply_overrides(project / "params.yaml", ["seed=1"])
    commit(project)
    committed = (project / "params.yaml").read_text()
    text = (project / "docs/team.md").read_text()
    commands = text.split("undo the\nchange of the parameter")[1].split("```")[1].splitlines()[1:]
    wrong = dvc(project, "exp", "run", "-S", "split.validation=20", check=False)
    assert "split.validation = 20" in wrong.stderr
    assert (project / "params.yaml").read_text() != committed
    # most outputs are missing, because the pipeline has not run
    shell(project, "bash", "-c", "\n".join(commands), check=False)
    assert (project / "params.yaml").read_text() == committed


def test_a_clone_with_line_ends_of_windows_has_the_same_bytes(tmp_path: Path) -> None:
    """`dvc status` compares bytes; Git would write CRLF."""
    origin = copy_project(tmp_path / "origin")
    commit(origin)
    shell(tmp_path, "git", "-c", "core.autocrlf=true", "clone", "--quiet", "origin", "clone")
    names = shell(origin, "git", "ls-files").stdout.splitlines()
    differing = [
        name
        for name in names
        if (origin / name).read_bytes() != (tmp_path / "clone" / name).read_bytes()
    ]
    assert len(names) > 100
    assert differing == []


Configure = Callable[[Path], None]


@pytest.fixture(params=["folder", "s3", "ssh"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Configure]:
    """Yield what names a remote `shared` in a clone; serve it meanwhile."""
    kind, process = request.param, None
    url, options = str(tmp_path / "remote"), dict[str, str]()
    if kind == "s3":
        request.getfixturevalue("s3")
        url = "s3://bucket/facemask"
    if kind == "ssh":
        server = shutil.which("sshd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
        if not server or not importlib.util.find_spec("dvc_ssh"):
            pytest.skip("sshd or dvc_ssh is not installed")
        [port] = free_ports(1)
        key, host = tmp_path / "key", tmp_path / "host"
        for file in (key, host):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
        settings = {"HostKey": host, "AuthorizedKeysFile": f"{key}.pub", "StrictModes": "no"}
        settings |= {"ListenAddress": "127.0.0.1", "PidFile": "none", "UsePAM": "no"}
        settings |= {"Subsystem": "sftp internal-sftp"}
        words = [f"-o{name}={value}" for name, value in settings.items()]
        Path("/run/sshd").mkdir(exist_ok=True)
        process = subprocess.Popen([server, "-D", "-f/dev/null", f"-p{port}", *words])
        wait_for(port)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
        options = {"keyfile": str(key), "port": str(port), "user": user}
        url = f"ssh://127.0.0.1{tmp_path}/remote"

    def configure(project: Path) -> None:
        dvc(project, "remote", "add", "--local", "--default", "shared", url)
        for name, value in options.items():
            dvc(project, "remote", "modify", "--local", "shared", name, value)

    yield configure
    if process:
        process.terminate()
        process.wait()


def second_clone(of: Path, to: Path) -> Path:
    """Return what a colleague has: what Git brings and the photos, but no lock and no cache."""
    clone = copy_project(to, of=of)
    shutil.copytree(of / "data/faces", clone / "data/faces", dirs_exist_ok=True)
    (clone / "dvc.lock").unlink()
    commit(clone)
    return clone


def test_a_remote_restores_every_stage(clone: Path, remote: Configure, tmp_path: Path) -> None:
    """A push that is killed and taken up again loses nothing; nobody runs a stage again."""
    remote(clone)
    pushing = subprocess.Popen(
        ["python", "-m", "tools.push"],
        cwd=clone,
        env=environment(forked=False),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(3)
    os.killpg(pushing.pid, signal.SIGKILL)
    pushing.wait()
    done = python(clone, "tools.push")
    assert done.returncode == 0, done.stderr
    assert python(clone, "tools.push").stdout == "0 objects pushed\n"

    other = second_clone(clone, tmp_path / "other")
    remote(other)
    dvc(other, "fetch", "--run-cache")
    shown = dvc(other, "repro", "--pull").stdout
    assert shown.count("is cached - skipping run") == len(ALL_STAGES)
    assert "Running stage" not in shown
    assert (other / "dvc.lock").read_text() == (clone / "dvc.lock").read_text()

    shutil.rmtree(other / ".dvc/cache")
    shutil.rmtree(other / "models/variants")
    dvc(other, "pull")
    assert "up to date" in dvc(other, "repro", "--pull", "--allow-missing").stdout
    assert (other / "models/variants/float32.tflite").exists()


def test_a_remote_that_is_full_is_one_line(clone: Path, tmp_path: Path) -> None:
    """What fits stays there; with room again, the next push ends it."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place])
    if mounted.returncode:
        pytest.skip("only root may mount a tmpfs")
    try:
        dvc(clone, "remote", "add", "--local", "--default", "shared", str(place))
        full = python(clone, "tools.push")
        assert full.returncode == 1
        assert "Traceback" not in full.stderr
        assert not (place / "runs").exists()
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        assert python(clone, "tools.push").returncode == 0
        other = second_clone(clone, tmp_path / "other")
        dvc(other, "remote", "add", "--local", "--default", "shared", str(place))
        dvc(other, "fetch", "--run-cache")
        assert dvc(other, "repro", "--pull").stdout.count("is cached") == len(ALL_STAGES)
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_collection_in_a_bucket_is_fetched_and_followed(
    tiny: Path, s3: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    project, url = copy_project(tmp_path / "project", of=tiny), "s3://bucket/faces.zip"

    def put(count: int) -> None:
        for label in CLASSES:
            draw(tmp_path / "faces" / label, count)
        archive = Path(shutil.make_archive(str(tmp_path / "faces"), "zip", tmp_path / "faces"))
        s3.put_file(str(archive), url)
        sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
        set_params(project, {"ingest.source": url, "ingest.sha256": sha256})

    put(20)
    commit(project)
    dvc(project, "repro", "ingest")
    assert details(project)["ingest"]["images"] == 40
    assert "up to date" in dvc(project, "status", "ingest").stdout
    put(21)
    assert f"modified:           {url}" in dvc(project, "status", "ingest").stdout
    dvc(project, "repro", "ingest")
    assert details(project)["ingest"]["images"] == 42

    with pytest.raises(UserError, match="s3://bucket/none.zip.: cannot be fetched: .*") as missing:
        Source("s3://bucket/none.zip", sha256="0" * 64, downloads=tmp_path)
    assert "\n" not in str(missing.value)
