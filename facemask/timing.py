"""How long a stage took, and on which machine.

Metrics contain no times, so that the same run gives the same metrics everywhere. DVC does not see
the files.
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
    """Run a stage. A `UserError` ends in one line; success leaves a file of its time.

    Args:
        name: of the stage.
        folder: gets `NAME.json` with `finished` (ISO 8601), `seconds` (wall time of the block),
            `machine`, `versions` (of packages) and what the block adds.

    Yields:
        An empty dictionary for more figures.
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
    """Return the names of processor and system, and the number of cores for this process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()} {platform.release()}"


def _processor() -> str:
    details = Path("/proc/cpuinfo")
    for line in details.read_text().splitlines() if details.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
