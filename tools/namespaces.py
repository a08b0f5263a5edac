"""Machines on one machine: network namespaces, each with an address of its own (Linux, as root)."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from facemask.parallel import SETTING

BRIDGE, NETWORK, PORT = "facemask", "10.77.0", 8786


@contextmanager
def dask_cluster(workers: int) -> Iterator[list[psutil.Popen]]:
    """Let the block work on so many single-threaded workers, each on a machine.

    Yields:
        The scheduler, which is on this machine, and the workers; none for 0, which is this
        machine's threads.
    """
    if not workers:
        yield []
        return
    with ExitStack() as running, machines(workers) as (here, each):
        address, started = f"tcp://{here}:{PORT}", []
        scheduler = ["dask", "scheduler", "--host", here, "--port", f"{PORT}"]
        worker = ["dask", "worker", address, "--no-nanny", "--nthreads", "1"]
        for command in (scheduler, *([*machine, *worker] for machine in each)):
            process = psutil.Popen([*command, "--no-dashboard"], env=with_code())
            running.callback(process.wait)
            running.callback(process.terminate)
            started.append(process)
        os.environ[SETTING] = address
        running.callback(os.environ.pop, SETTING)
        yield started


def with_code() -> dict[str, str]:
    """Return the environment of a process that finds our code from any folder, and is quiet."""
    return os.environ | {"PYTHONPATH": f"{Path.cwd()}", "DASK_LOGGING__DISTRIBUTED": "warning"}


@contextmanager
def machines(count: int) -> Iterator[tuple[str, list[list[str]]]]:
    """Let the block run commands on so many machines, of which this one sees the network, too.

    Yields:
        The address of this machine there, and what each machine's commands begin with.

    Raises:
        CalledProcessError: `ip` of iproute2 refuses, as it does for all but root.
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
