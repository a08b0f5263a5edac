"""Ports for servers on this machine."""

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """Return different free ports of 127.0.0.1."""
    with ExitStack() as held:  # all are open at the same time, so that they differ
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(server.getsockname()[1]) for server in servers]
