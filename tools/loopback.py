"""Servers and training workers on this machine alone."""

import json
import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """Return so many ports of 127.0.0.1 that nothing listens on."""
    with ExitStack() as held:  # all at once, so that they differ
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(server.getsockname()[1]) for server in servers]


def tf_configs(workers: int) -> list[str]:
    """Return the `TF_CONFIG` of each of so many training workers, the chief's first."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(workers)]}
    tasks = [{"type": "worker", "index": index} for index in range(workers)]
    return [json.dumps({"cluster": cluster, "task": task}) for task in tasks]
