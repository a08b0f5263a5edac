"""Parallel work on the threads of this machine, or on the workers of a Dask cluster.

The environment variable `DASK_SCHEDULER_ADDRESS` of Dask selects a cluster. Without it, Dask is not
imported. Threads and workers run the same functions. Functions receive and return only small
objects. Large data such as images is in files, in a folder that all machines share.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits
from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

SETTING = "DASK_SCHEDULER_ADDRESS"

TASKS_A_THREAD = 2
"""Largest number of tasks in progress, for each thread."""


class Future(Protocol):
    """A submitted task."""

    def result(self) -> Any:
        """Wait for the task and return its result."""


class Pool(Protocol):
    """Threads of this machine, or a cluster."""

    def submit(self, work: Callable[[Item], Any], item: Item, /) -> Future:
        """Start `work(item)`."""

    def threads(self) -> int:
        """Return the present number of threads."""


def run(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    title: str = "",
    unit: str = "it",
    total: int | None = None,
    units: Callable[[Result], int] = lambda result: 1,
    local: bool = False,
) -> Iterator[Result]:
    """Yield the result of `work` for each item, in the order of the items.

    Only a few tasks and results exist at a time, which bounds the memory. `items` is iterated in
    the caller's thread. In each task, BLAS uses one thread.

    Args:
        work: a module's function, or a `functools.partial` of it, which can be sent to a worker. If
            a worker is lost, its tasks run again. The results must then be the same.
        items: small objects. Paths in them must be absolute.
        title: title of the progress bar. If it is empty, there is no bar.
        unit: name of the unit that the bar counts.
        total: total number of units.
        units: returns the number of units of a result.
        local: use the threads of this machine even if there is a cluster.

    Raises:
        UserError: the cluster cannot be used, or the disk of a worker is full.
        Exception: any exception of `work`.
    """
    disable = None if title else True
    with (
        _pool(local) as pool,
        tqdm(None, title, total, unit=unit, disable=disable) as bar,
    ):
        for result in _in_order(pool, work, items):
            bar.update(units(result))
            yield result


def finish(results: Iterable[Any]) -> None:
    """Wait for all results, and discard them."""
    deque(results, maxlen=0)


def _in_order(
    pool: Pool, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    futures: deque[Future] = deque()
    for item in items:
        futures.append(pool.submit(work, item))
        while len(futures) > TASKS_A_THREAD * pool.threads():
            yield futures.popleft().result()
    while futures:
        yield futures.popleft().result()


def _pool(local: bool) -> AbstractContextManager[Pool]:
    address = os.environ.get(SETTING)
    if local or not address:
        return _threads()
    from facemask import cluster  # imported here, because Dask is optional

    return cluster.connected(address)


class _Threads(ThreadPoolExecutor):
    """A pool with a thread for each core."""

    def __init__(self) -> None:
        self.count = os.cpu_count() or 1
        super().__init__(self.count)

    def threads(self) -> int:
        return self.count


@contextmanager
def _threads() -> Iterator[Pool]:
    with threadpool_limits(1), _Threads() as pool:
        yield pool
