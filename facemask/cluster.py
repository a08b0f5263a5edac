"""A Dask cluster as `spread` uses it, and in one line what can go wrong with one."""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, NamedTuple

import dask
import numpy as np
import PIL
import pyarrow as pa
from dask.utils import parse_timedelta
from distributed import Client, Future, KilledWorker, get_worker, wait
from distributed.client import ClosedClientError
from threadpoolctl import threadpool_limits

import facemask
from facemask.errors import UserError
from facemask.files import NO_ROOM, code_version

PATIENCE = "60s"
"""How long there may be no worker; Dask's setting `facemask.patience` says otherwise
(`DASK_FACEMASK__PATIENCE` in the environment)."""

LOOK = 1.0
"""Seconds after which one who waits looks whether there are workers."""

GONE = (OSError, ClosedClientError)
"""What Dask raises besides where the scheduler does not answer; work may raise the first, too."""

VERSION = code_version(facemask, np, PIL, pa)
"""What a worker has in common with us, that the result be the same."""

logging.getLogger("distributed").setLevel(logging.CRITICAL)  # our one line says it


class Cluster(NamedTuple):
    """A connection to a scheduler.

    Attributes:
        client: Dask's.
        address: of the scheduler.
    """

    client: Client
    address: str

    def submit(self, work: Callable[[Any], Any], item: Any, /) -> "Task":
        """Hand over a function and what it is called with."""
        with _in_words(self.address, *GONE):
            return Task(self, self.client.submit(_perform, work, item, VERSION, pure=False))

    def threads(self) -> int:
        """Count the threads of all workers that there are now."""
        with _in_words(self.address, *GONE):
            return sum(self.client.nthreads().values())


class Task(NamedTuple):
    """Work that was handed over to a cluster."""

    cluster: Cluster
    future: Future

    def result(self) -> Any:
        """Wait for what it returns.

        Raises:
            UserError: the scheduler or all workers are gone, or this work ends every worker, or a
                worker's code is another or its disk is full.
            Exception: what the work raises.
        """
        patience = parse_timedelta(dask.config.get("facemask.patience", PATIENCE))
        alive = time.monotonic()
        with _in_words(self.cluster.address):
            while not self._is_done():
                if self.cluster.threads():
                    alive = time.monotonic()
                elif time.monotonic() - alive > patience:
                    raise UserError(
                        f"{self.cluster.address}: no worker for {patience:.0f} seconds, "
                        "or the scheduler is gone"
                    )
            return self.future.result()

    def _is_done(self) -> bool:
        try:
            wait(self.future, timeout=LOOK)
        except TimeoutError:
            return False
        return True


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to the scheduler at an address, such as `tcp://10.0.0.1:8786`.

    Raises:
        UserError: there is none.
    """
    try:
        client = Client(address)
    except (OSError, ValueError) as error:
        message = f"DASK_SCHEDULER_ADDRESS = '{address}': no scheduler answers"
        raise UserError(message) from error
    with client:
        yield Cluster(client, address)


@contextmanager
def _in_words(address: str, *gone: type[Exception]) -> Iterator[None]:
    """Turn what Dask raises into a `UserError`: these, too, as the end of the scheduler."""
    try:
        yield
    except UserError:
        raise
    except (CancelledError, *gone) as error:  # type: ignore[misc]  # distributed has no types
        raise UserError(f"{address}: the scheduler is gone") from error
    except KilledWorker as error:
        raise UserError(f"{address}: {error}") from error
    except (ImportError, RuntimeError) as error:
        lacking = error.__cause__ or error  # the scheduler's comes as the cause of a RuntimeError
        if not isinstance(lacking, ImportError):
            raise
        raise UserError(f"{address}: a worker or the scheduler lacks code: {lacking}") from error


def _perform(work: Callable[[Any], Any], item: Any, version: str) -> Any:
    """Work on a worker; what its user must know names it."""
    worker = get_worker().address
    if version != VERSION:
        raise UserError(f"worker {worker} has another version of facemask, NumPy, Pillow or Arrow")
    threadpool_limits(1)  # each time, as the work may have loaded a library
    try:
        return work(item)
    except UserError as error:
        raise UserError(f"worker {worker}: {error}") from error
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise UserError(f"worker {worker}: cannot write: {error.strerror}") from error
