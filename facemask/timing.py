"""How long a stage took, and on what machine: for people and the report, never for DVC.

Kept apart from metrics, so that the same run gives the same metrics everywhere.
"""

import json
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
from facemask.files import replacing

PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow", "dvc")


@contextmanager
def stage(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Run a stage: a `UserError` ends in one line; what has succeeded leaves its time.

    Args:
        name: of the stage.
        folder: gets `NAME.json` with `finished` (ISO 8601), `seconds` (wall time of the block),
            `machine`, `versions` (of packages) and what the block adds.

    Yields:
        What else is to be written, empty.
    """
    start, measured = time.perf_counter(), dict[str, Any]()
    with one_line_errors(name):
        yield measured
    found = {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": time.perf_counter() - start,
        "machine": machine(),
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in PACKAGES},
        **measured,
    }
    with replacing(folder / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def machine() -> str:
    """Name the processor, the cores that this process may use, and the system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()} {platform.release()}"


def _processor() -> str:
    details = Path("/proc/cpuinfo")
    for line in details.read_text().splitlines() if details.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
