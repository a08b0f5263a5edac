"""Duration of a stage, and the machine that it ran on.

Durations are in files of their own and not in the metrics, so that metrics are reproducible. DVC
does not track these files.
"""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from facemask.errors import one_line_errors
from facemask.files import write_json

PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow", "dvc")


@contextmanager
def stage(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Run a stage in the block, and write its duration to a file. Errors end as one line.

    The file has the keys `finished` (ISO 8601), `seconds` (wall time of the block), `machine` and
    `versions` (of packages), and the figures that the block adds.

    Args:
        name: name of the stage.
        folder: folder for the file `NAME.json`.

    Yields:
        An empty dictionary, to which the block may add figures.
    """
    start = time.perf_counter()
    figures: dict[str, Any] = {}
    with one_line_errors(name):
        yield figures
    versions = {package: version(package) for package in PACKAGES}
    write_json(
        {
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": time.perf_counter() - start,
            "machine": machine(),
            "versions": {"python": platform.python_version(), **versions},
            **figures,
        },
        folder / f"{name}.json",
    )


def machine() -> str:
    """Return the processor, the number of cores that this process may use, and the system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()} {platform.release()}"


def _processor() -> str:
    details = Path("/proc/cpuinfo")
    for line in details.read_text().splitlines() if details.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
