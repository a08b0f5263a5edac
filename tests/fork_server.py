"""A server that starts processes with the large packages already imported.

Importing TensorFlow takes seconds, and the tests start dozens of processes. `programs` names a
folder with two programs, `python` and `dvc`. They send the server what a process gets: arguments,
folder, environment and streams. The server forks a process that does the work of the real program,
with our modules from that folder. TensorFlow is imported there, but has no device and no thread.

The program ends as its process ends. Terminating the program kills the process and waits for it;
killing the program also kills the process, but a moment later.
"""

import atexit
import gc
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
from functools import cache
from pathlib import Path

PACKAGES = (
    "tensorflow",
    "keras",
    "ai_edge_litert.interpreter",
    "cv2",
    "pandas",
    "pyarrow.parquet",
    "pydantic",
    "sklearn.metrics",
    "scipy.stats",
    "joblib",
    "pooch",
    "ruamel.yaml",
    "networkx",
    "dvc.cli",
    "dvc.commands.repro",
    "dvc.commands.experiments.run",
    "dvc.repo.reproduce",
    "dvc.repo.experiments.executor.local",
    "dvc.repo.plots",
    "dvc_data.index",
)
"""What is imported before the first process. Each project has its own `facemask` and `stages`."""

NUMBER = struct.Struct("<I")
"""Format of the length of a request, and of an exit status."""

PROGRAM = f"""\
#!{sys.executable} -ESs
import json, os, signal, socket, struct, sys

number = struct.Struct("{NUMBER.format}")
with socket.socket(socket.AF_UNIX) as server:
    server.connect(ADDRESS)
    name = os.path.basename(sys.argv[0])
    request = json.dumps([name, sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [number.pack(len(request))], [0, 1, 2])
    server.sendall(request)
    signal.signal(signal.SIGTERM, lambda *_: server.shutdown(socket.SHUT_WR))
    status = os.waitstatus_to_exitcode(number.unpack(server.recv(number.size))[0])
if status < 0:
    if status != -signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


@cache
def programs() -> Path:
    """Start a server that ends with this process; return the folder of its programs."""
    folder = Path(tempfile.mkdtemp(prefix="fork-"))  # the names of sockets must be short
    address = str(folder / "server")
    for name in ("python", "dvc"):
        (folder / name).write_text(PROGRAM.replace("ADDRESS", repr(address)))
        (folder / name).chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        server = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    atexit.register(server.communicate)  # ends its standard input, and so the server
    return folder


def serve(listener: socket.socket) -> None:
    """Start a process for each request, until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch a process
    while 0 not in select.select([0, listener.fileno()], [], [])[0]:
        connection, _ = listener.accept()
        for package in PACKAGES:
            importlib.import_module(package)
        gc.freeze()  # else each process searches these packages for garbage, a second at its end
        if not os.fork():
            listener.close()
            answer(connection)
            return
        connection.close()


def answer(connection: socket.socket) -> None:
    """Start a process for a request, and watch it; in the process itself, do the work."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    header, streams, _, _ = socket.recv_fds(connection, NUMBER.size, maxfds=3)
    [size] = NUMBER.unpack(header)
    program, arguments, folder, environment = json.loads(connection.recv(size, socket.MSG_WAITALL))
    process = os.fork()
    if not process:
        connection.close()
        os.setpgid(0, 0)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        work(program, arguments)
        return
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(process)
    if ended not in select.select([ended, connection.fileno()], [], [])[0]:
        os.killpg(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    connection.sendall(NUMBER.pack(status))
    os._exit(0)


def work(program: str, arguments: list[str]) -> None:
    """Do what the real program does with these arguments, in the working directory."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if program == "dvc":
        sys.argv = [program, *arguments]
        sys.path[:1] = filter(None, paths)
        sys.exit(importlib.import_module("dvc.cli").main())
    if arguments[:1] != ["-m"]:
        os.execv(sys.executable, [sys.executable, *arguments])
    sys.argv = arguments[1:]
    sys.path[:1] = [str(Path.cwd()), *filter(None, paths)]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
