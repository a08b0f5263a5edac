"""Parallel work: on the threads of this machine, or on the workers of a Dask cluster.

Dask's environment variable `DASK_SCHEDULER_ADDRESS` names the cluster. Without it, Dask is not
imported. Threads and workers run the same functions. These take references, such as the paths of
shards in a folder that all machines share, and return small tables. Pixels stay in files.
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
"""Tasks that are submitted for each thread before the first result is awaited."""


class Future(Protocol):
    """A submitted task."""

    def result(self) -> Any:
        """Wait for the task and return its result."""


class Pool(Protocol):
    """What runs tasks."""

    def submit(self, work: Callable[[Item], Any], item: Item, /) -> Future:
        """Start `work(item)`."""

    def threads(self) -> int:
        """Count the threads, which may be more or fewer each time."""


def run(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    title: str = "",
    unit: str = "it",
    total: int | None = None,
    units: Callable[[Result], int] = lambda result: 1,
    local: bool = False,
) -> Iterator[Result]:
    """Yield the result of `work` for each item, in order.

    Only a few tasks and results exist at a time, so memory is bounded for any number of items.
    The caller's thread takes the items. BLAS uses one thread in each of ours.

    Args:
        work: a function of a module, or a `functools.partial` of it, since it may run elsewhere.
            It may run again after a worker was lost, and must return the same result then.
        items: small, and with absolute paths.
        title: of a progress bar; there is no bar without it.
        unit: what the bar counts.
        total: number of units.
        units: returns how many units a result stands for.
        local: use this machine's threads even if there is a cluster, for items that are not small.

    Raises:
        UserError: the cluster cannot be used, or the disk of a worker is full.
        Exception: what `work` raises.
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
    """Wait for all results without keeping any."""
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
    from facemask import cluster  # here, since Dask is installed only where it is used

    return cluster.connected(address)


class _Threads(ThreadPoolExecutor):
    """A thread for each core."""

    def __init__(self) -> None:
        self.count = os.cpu_count() or 1
        super().__init__(self.count)

    def threads(self) -> int:
        return self.count


@contextmanager
def _threads() -> Iterator[Pool]:
    with threadpool_limits(1), _Threads() as pool:
        yield pool
