"""A server whose processes start with the large packages imported.

Importing TensorFlow takes seconds, and the tests start dozens of processes. `start` writes two
programs, `python` and `dvc`, which send the server what a process is given: arguments, folder,
environment and streams. The server forks a process that does what the real program does, with the
modules of that folder. TensorFlow is imported there but has no device and no thread yet. A process
ends when its program is killed, and the program ends as the process did.
"""

import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PACKAGES = (
    "tensorflow",
    "keras",
    "cv2",
    "pandas",
    "pyarrow.parquet",
    "PIL.ImageCms",
    "pydantic",
    "sklearn.metrics",
    "ai_edge_litert.interpreter",
    "dvc.cli",
    "dvc.commands.repro",
    "dvc.repo",
    "dvc.repo.reproduce",
    "dvc.repo.experiments",
    "dvc.repo.experiments.executor.local",
    "dvc.repo.metrics.diff",
    "dvc.repo.plots",
    "dvc_data.index",
    "dvc_render",
)
"""Imported before any process starts; all of ours is left out, as each project has its own."""

SIZE = struct.Struct("<I")

PROGRAM = f"""\
#!{sys.executable} -ESs
import json, os, signal, socket, struct, sys

size = struct.Struct("{SIZE.format}")
with socket.socket(socket.AF_UNIX) as server:
    server.connect(ADDRESS)
    name = os.path.basename(sys.argv[0])
    request = json.dumps([name, sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [size.pack(len(request))], [0, 1, 2])
    server.sendall(request)
    status = os.waitstatus_to_exitcode(size.unpack(server.recv(size.size))[0])
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start a server and write its programs to a folder; it ends with its standard input."""
    address = tempfile.mktemp(prefix="fork-server-")  # short, as names of sockets must be
    for name in ("python", "dvc"):
        program = folder / name
        program.write_text(PROGRAM.replace("ADDRESS", repr(address)))
        program.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        return subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


def serve(listener: socket.socket) -> None:
    """Import the packages, and start a process for each request until standard input ends."""
    for package in PACKAGES:
        importlib.import_module(package)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            answer(connection)
            return
        connection.close()


def answer(connection: socket.socket) -> None:
    """Start the process of a request and watch it; in the process itself, do its work."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    header, streams, _, _ = socket.recv_fds(connection, SIZE.size, 3)
    [size] = SIZE.unpack(header)
    request = json.loads(connection.recv(size, socket.MSG_WAITALL))
    process = os.fork()
    if not process:
        connection.close()
        os.setpgid(0, 0)
        become(*request, streams=streams)
        return
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(process)
    if ended not in select.select([ended, connection], [], [])[0]:
        os.killpg(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    connection.sendall(SIZE.pack(status))
    os._exit(0)


def become(
    program: str,
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    streams: list[int],
) -> None:
    """Do in this process what a program does with such arguments, and exit as it exits."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    if program == "dvc":
        sys.argv = [program, *arguments]
        sys.path[:1] = paths
        sys.exit(importlib.import_module("dvc.cli").main())
    if arguments[:1] == ["-m"]:
        sys.argv = arguments[1:]
        sys.path[:1] = [folder, *paths]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
