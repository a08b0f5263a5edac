"""Connection of `facemask.parallel` to a Dask cluster."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dask
import numpy as np
import PIL
import pyarrow as pa
from distributed import Client, Future, KilledWorker, get_worker
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError
from distributed.scheduler import NoWorkerError
from threadpoolctl import threadpool_limits

import facemask
from facemask.errors import NO_ROOM, UserError
from facemask.files import code_version

NO_WORKERS_TIMEOUT = "60s"
"""Time to wait for the first worker, if Dask's setting `no-workers-timeout` is not set."""

VERSION = code_version(facemask, np, PIL, pa)
"""Hash of the code and packages that affect results. Each worker must have the same."""

logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a `UserError` reports each problem


@dataclass(frozen=True)
class Cluster:
    """A connection to a scheduler."""

    client: Client

    def submit(self, work: Callable[[Any], Any], item: Any, /) -> Future:
        """Start `work(item)` on a worker."""
        return self.client.submit(
            _run_on_worker,
            work,
            item,
            VERSION,
            pure=False,
        )

    def threads(self) -> int:
        """Count the threads of all present workers."""
        try:
            return sum(self.client.nthreads().values())
        except OSError:  # the scheduler is gone, which the next result reports
            return 0


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to the scheduler at an address, such as `tcp://10.0.0.1:8786`.

    Dask repeats a task if its worker is lost.

    Raises:
        UserError: the scheduler is gone, there is no worker, a task killed each worker that ran it,
            or a worker or the scheduler cannot import this code.
    """
    own_timeout = dask.config.get("distributed.scheduler.no-workers-timeout")
    timeout = own_timeout or NO_WORKERS_TIMEOUT
    try:
        client = Client(address)
    except (OSError, ValueError) as error:
        message = f"DASK_SCHEDULER_ADDRESS = '{address}': no scheduler answers"
        raise UserError(message) from error
    with client, _one_line_errors(address):
        try:
            client.wait_for_workers(1, timeout)
        except TimeoutError as error:
            raise UserError(f"{address}: no worker for {timeout}") from error
        yield Cluster(client)


@contextmanager
def _one_line_errors(address: str) -> Iterator[None]:
    try:
        yield
    except (CancelledError, ClosedClientError, CommClosedError) as error:
        raise UserError(f"{address}: the scheduler is gone") from error
    except (KilledWorker, NoWorkerError) as error:
        raise UserError(f"{address}: {error}") from error
    except (ImportError, RuntimeError) as error:
        cause = error.__cause__ or error  # a RuntimeError wraps an ImportError of the scheduler
        if not isinstance(cause, ImportError):
            raise
        raise UserError(f"{address}: a worker or the scheduler lacks code: {cause}") from error


def _run_on_worker(work: Callable[[Any], Any], item: Any, version: str) -> Any:
    """Return `work(item)`. Add the address of the worker to each `UserError`."""
    worker = get_worker().address
    if version != VERSION:
        raise UserError(f"worker {worker} has another version of facemask, NumPy, Pillow or Arrow")
    threadpool_limits(1)  # for each item, because the item before may have loaded a library
    try:
        return work(item)
    except UserError as error:
        raise UserError(f"worker {worker}: {error}") from error
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise UserError(f"worker {worker}: cannot write: {error.strerror}") from error
