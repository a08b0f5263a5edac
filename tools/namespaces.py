"""Simulate several machines on one machine, by network namespaces (Linux, as root)."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from facemask.parallel import SETTING

BRIDGE = "facemask"
NETWORK = "10.77.0"
PORT = 8786


@contextmanager
def dask_cluster(workers: int) -> Iterator[list[psutil.Popen]]:
    """Run a Dask cluster of single-threaded workers, each on a simulated machine.

    Yields:
        The processes: the scheduler, which runs on this machine, and the workers. With 0 workers
        there is no cluster, and `parallel.run` uses threads.
    """
    if not workers:
        yield []
        return
    with ExitStack() as running, machines(workers) as (host, prefixes):
        address = f"tcp://{host}:{PORT}"
        started = []
        scheduler = ["dask", "scheduler", "--host", host, "--port", f"{PORT}"]
        worker = ["dask", "worker", address, "--no-nanny", "--nthreads", "1"]
        for command in (scheduler, *([*prefix, *worker] for prefix in prefixes)):
            process = psutil.Popen([*command, "--no-dashboard"], env=with_code())
            running.callback(process.wait)
            running.callback(process.terminate)
            started.append(process)
        os.environ[SETTING] = address
        running.callback(os.environ.pop, SETTING)
        yield started


def with_code() -> dict[str, str]:
    """Return the environment of a process that finds our code from any folder."""
    return os.environ | {"PYTHONPATH": f"{Path.cwd()}", "DASK_LOGGING__DISTRIBUTED": "warning"}


@contextmanager
def machines(count: int) -> Iterator[tuple[str, list[list[str]]]]:
    """Simulate machines that share a network with this machine.

    Yields:
        The address of this machine, and a prefix for each simulated machine. A command with the
        prefix before it runs on that machine.

    Raises:
        CalledProcessError: `ip` of iproute2 fails, for example without root.
    """
    names = [f"{BRIDGE}{number}" for number in range(1, count + 1)]
    with ExitStack() as undone:
        _ip(f"link add {BRIDGE} type bridge")
        undone.callback(_ip, f"link delete {BRIDGE}")
        _ip(f"address add {NETWORK}.254/24 dev {BRIDGE}")
        _ip(f"link set {BRIDGE} up")
        for number, name in enumerate(names, 1):
            _ip(f"netns add {name}")
            undone.callback(_ip, f"netns delete {name}")
            _ip(f"link add {name} type veth peer name eth0 netns {name}")
            undone.callback(_ip, f"link delete {name}")
            _ip(f"link set {name} master {BRIDGE} up")
            _ip(f"-n {name} address add {NETWORK}.{number}/24 dev eth0")
            for device in ("lo", "eth0"):
                _ip(f"-n {name} link set {device} up")
        yield f"{NETWORK}.254", [["ip", "netns", "exec", name] for name in names]


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True)
