"""Where work is spread: over this machine's threads, or over the workers of a Dask cluster.

The cluster is the one that Dask's own setting names, `DASK_SCHEDULER_ADDRESS`; without it Dask is
not even imported. Both run the same functions. These take references, such as the paths of shards
in a folder that all machines share, and return small tables; pixels stay in the files.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits
from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

SETTING = "DASK_SCHEDULER_ADDRESS"
"""Dask's name for the address of the scheduler."""

AHEAD = 2
"""Items handed over for each thread before the first result is waited for."""


class Task(Protocol):
    """Work that was handed over."""

    def result(self) -> Any:
        """Wait for what it returns."""


class Workers(Protocol):
    """What does the work."""

    def submit(self, work: Callable[[Item], Any], item: Item, /) -> Task:
        """Hand over a function and what it is called with."""


def spread(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    title: str = "",
    unit: str = "it",
    total: int | None = None,
    size: Callable[[Result], int] = lambda result: 1,
    here: bool = False,
) -> Iterator[Result]:
    """Yield `work` of each item, in order.

    Items are taken, and results held, only a few ahead of what is asked for: whatever their number,
    the memory is bounded. BLAS has one thread in each of ours.

    Args:
        work: a function of a module, or a `functools.partial` of one, as it may run elsewhere; it
            may run again where a worker is lost, and then returns the same.
        items: small, for the same reason; paths in them are absolute.
        title: of a progress bar; there is none without it.
        unit: that the bar counts.
        total: of these units.
        size: tells how many of them a result stands for.
        here: on this machine's threads even where there is a cluster; for items that are not small.

    Raises:
        UserError: the cluster cannot be used, or the disk of one of its workers is full.
        Exception: what `work` raises.
    """
    ahead: deque[Task] = deque()
    disable = None if title else True
    with (
        _workers(here) as (workers, threads),
        tqdm(None, title, total, unit=unit, disable=disable) as bar,
    ):

        def first() -> Result:
            result: Result = ahead.popleft().result()
            bar.update(size(result))
            return result

        for item in items:
            ahead.append(workers.submit(work, item))
            while len(ahead) > AHEAD * threads():
                yield first()
        while ahead:
            yield first()


def finish(results: Iterable[Any]) -> None:
    """Wait for all results, and keep none."""
    deque(results, maxlen=0)


@contextmanager
def _workers(here: bool) -> Iterator[tuple[Workers, Callable[[], int]]]:
    """Yield what does the work, and what counts its threads, of which there may be more later."""
    address = os.environ.get(SETTING)
    if address and not here:
        from facemask import cluster  # here, as Dask is installed only where it is used

        with cluster.connected(address) as connected:
            yield connected, connected.threads
        return
    cores = os.cpu_count() or 1
    with threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        yield pool, lambda: cores
