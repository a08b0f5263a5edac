"""The same pipeline on a Dask cluster: the same bytes, and one line for whatever goes wrong."""

import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from facemask import parallel
from facemask.errors import UserError
from tests.conftest import Run
from tests.helpers import REPOSITORY, set_params, wait_for

dask, distributed = (pytest.importorskip(name) for name in ("dask", "distributed"))

STAGES = ("ingest", "resize", "split")


def two_workers() -> Any:
    """Start a cluster of two worker processes with one thread each."""
    return distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster for all tests that leave its workers alive."""
    with two_workers() as started:
        yield started


@pytest.fixture
def on_cluster(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let `parallel.run` use the cluster, and yield a client of it."""
    monkeypatch.setenv(parallel.SETTING, cluster.scheduler_address)
    with distributed.Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture
def own_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let `parallel.run` use a cluster of one test. Dask may not replace a worker that it kills."""
    with two_workers() as started:
        monkeypatch.setenv(parallel.SETTING, started.scheduler_address)
        yield


def allow(size: int) -> None:
    """Let this process write files of at most so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def pretend(version: str) -> str:
    """Let this process have another version of our code; return the one it had."""
    from facemask import cluster

    before, cluster.VERSION = cluster.VERSION, version
    return str(before)


def outputs() -> dict[str, bytes]:
    """Return what the stages wrote, but for the caches."""
    folders = ("data/raw", "data/resized", "data", "metrics/evaluate", "plots")
    files = {file for folder in folders for file in Path(folder).rglob("*") if file.is_file()}
    return {str(file): file.read_bytes() for file in files if "data/cache" not in str(file)}


def run_all(run: Run) -> dict[str, bytes]:
    for stage in STAGES:
        run(stage)
    return outputs()


def test_a_cluster_makes_the_same_bytes_as_threads(
    project: Path, run: Run, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(REPOSITORY / "data/demo.zip") as archive:
        archive.extractall("data/demo", archive.namelist()[::12])
    set_params(project, {"ingest.source": "data/demo"})
    in_threads = run_all(run)
    for file in (*Path("data").glob("cache*"), *Path("data/cache").glob("*")):
        file.unlink() if file.is_file() else None
    monkeypatch.setenv(parallel.SETTING, cluster.scheduler_address)
    assert run_all(run) == in_threads
    assert not list(Path().rglob("tmp-*"))


def test_dask_is_not_imported_without_its_setting(project: Path) -> None:
    program = "import sys; from runpy import run_module as run; "
    program += "[run(f'stages.{name}', run_name='__main__') for name in ('ingest', 'resize')]; "
    program += "assert 'facemask.parallel' in sys.modules; "
    program += "sys.exit(' '.join({'dask', 'distributed'} & set(sys.modules)) or None)"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    environment.pop(parallel.SETTING, None)
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def die_once(folder: Path, number: int) -> int:
    """End the worker's process in the midst of the first work."""
    if number == 0 and not (folder / "died").exists():
        (folder / "died").touch()
        os._exit(1)
    return number * number


@pytest.mark.usefixtures("own_cluster")
def test_what_a_killed_worker_did_is_done_again(tmp_path: Path) -> None:
    squares = list(parallel.run(partial(die_once, tmp_path), range(20)))
    assert squares == [number * number for number in range(20)]
    assert (tmp_path / "died").exists()


def always_die(number: int) -> None:
    os._exit(number)


@pytest.mark.usefixtures("own_cluster")
def test_work_that_ends_every_worker_is_one_line() -> None:
    with pytest.raises(UserError, match="_run_on_worker"):
        list(parallel.run(always_die, [1]))


def write(folder: Path, number: int) -> None:
    """Write a file, so slowly that both workers get some."""
    time.sleep(0.3)
    (folder / f"{number}").write_bytes(bytes(1_000_000))


def test_a_full_disk_names_the_worker(on_cluster: Any, tmp_path: Path) -> None:
    [full, _] = on_cluster.nthreads()
    on_cluster.run(allow, 100_000, workers=[full])
    with pytest.raises(UserError, match=f"worker {full}: cannot write: File too large"):
        list(parallel.run(partial(write, tmp_path), range(8)))
    on_cluster.run(allow, resource.RLIM_INFINITY)


def test_a_worker_with_other_code_is_one_line(on_cluster: Any) -> None:
    [other, _] = on_cluster.nthreads()
    [before] = on_cluster.run(pretend, "another", workers=[other]).values()
    with pytest.raises(UserError, match=f"worker {other} has another version of facemask"):
        list(parallel.run(time.sleep, [0.3] * 8))
    on_cluster.run(pretend, before, workers=[other])


PORT = 18786
ADDRESS = f"tcp://127.0.0.1:{PORT}"


def dask_process(program: str, *options: str, **settings: str) -> subprocess.Popen[bytes]:
    """Start a scheduler or a worker that finds our code."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *options]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | settings
    cwd = Path(__file__).parents[2]
    return subprocess.Popen(
        [*command, "--no-dashboard"], cwd=cwd, env=environment, stderr=subprocess.DEVNULL
    )


@pytest.fixture
def scheduler(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler without workers, with our code or what the test says."""
    settings = {"PYTHONPATH": getattr(request, "param", str(REPOSITORY))}
    settings["DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT"] = "2s"
    monkeypatch.setenv(parallel.SETTING, ADDRESS)
    with (
        dask_process("scheduler", "--host", ADDRESS, "--no-show", **settings) as started,
        dask.config.set({"distributed.scheduler.no-workers-timeout": "2s"}),
        dask.config.set({"distributed.comm.timeouts.connect": "2s"}),
    ):
        wait_for(PORT)
        yield started
        started.kill()


@pytest.fixture
def worker(scheduler: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Its only worker."""
    with dask_process("worker", ADDRESS, "--no-nanny", "--nthreads", "1") as started:
        with distributed.Client(ADDRESS, set_as_default=False) as client:
            client.wait_for_workers(1)
        yield started
        started.kill()


@pytest.mark.usefixtures("project", "scheduler")
def test_no_worker_is_one_line(complaint: Callable[[str], str]) -> None:
    assert "tcp://127.0.0.1:18786: no worker for 2s" in complaint("ingest")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("scheduler", [""], indirect=True)
def test_a_scheduler_without_our_code_is_one_line() -> None:
    with pytest.raises(UserError, match="scheduler lacks code: No module named 'facemask'"):
        list(parallel.run(abs, [1]))


def killing(process: subprocess.Popen[bytes]) -> Iterator[int]:
    """Yield numbers, and kill a process after the first."""
    yield 1
    process.kill()
    process.wait()
    yield from range(2, 10)


@pytest.mark.usefixtures("worker")
def test_a_scheduler_that_ends_is_one_line(scheduler: subprocess.Popen[bytes]) -> None:
    with pytest.raises(UserError, match="the scheduler is gone"):
        list(parallel.run(abs, killing(scheduler)))


def test_the_loss_of_all_workers_is_one_line(worker: subprocess.Popen[bytes]) -> None:
    with pytest.raises(UserError, match=r"timed out after 2\.00 s waiting without any .* workers"):
        list(parallel.run(abs, killing(worker)))


@pytest.mark.usefixtures("project")
def test_no_scheduler_is_one_line(
    complaint: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parallel.SETTING, "tcp://127.0.0.1:1")
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        assert "no scheduler answers" in complaint("ingest")
