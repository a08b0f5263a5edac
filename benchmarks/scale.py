"""What `ingest`, `resize` and `split` take of time and memory, by the number of images.

Run `python -m benchmarks.scale`; about an hour. `python -m benchmarks.scale 2` has the work done by
two single-threaded Dask workers in network namespaces instead of by threads (Linux, as root);
another hour. Images are generated, and nothing is known of them before. Memory is what a process
needs for itself at most; what it has mapped of files, which the system takes back when anything
else needs room, stands beside it. Writes its rows of `benchmarks/scale.csv`, one for each stage.
"""

import io
import math
import sys
import tempfile
import time
import zipfile
from itertools import repeat
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import yaml
from PIL import Image

from facemask.data import tables
from facemask.params import NO_SOURCE, SCRATCH
from facemask.spread import spread
from stages import paths
from tools.generated import drawn
from tools.namespaces import dask_cluster, with_code

RESULT = Path(__file__).with_suffix(".csv")
COUNTS, SIDE = (12_000, 50_000, 200_000), 160
STAGES = ("ingest", "resize", "split")
CLASSES = ("WithMask", "WithoutMask")
ROLES = ("stage", "scheduler", *repeat("worker", 100))
LOOK = 0.1
"""Seconds between two looks at the memory."""


def jpeg(number: int) -> bytes:
    """Return the bytes of a picture."""
    file = io.BytesIO()
    Image.fromarray(drawn(number, SIDE)).save(file, "JPEG", quality=90)
    return file.getvalue()


def prepare(folder: Path, count: int) -> None:
    """Write so many pictures to an archive, half in each class, and the parameters that name it."""
    contents = spread(jpeg, range(count), "draw", "image", count, here=True)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{CLASSES[number % 2]}/{number}.jpg", content)
    values = yaml.safe_load(paths.PARAMS.read_text())
    values["ingest"] |= {"source": "images.zip", "external": NO_SOURCE, "photos": NO_SOURCE}
    values["train"]["start"] = SCRATCH
    (folder / paths.PARAMS).write_text(yaml.safe_dump(values))


def measure(stage: str, folder: Path, others: list[psutil.Process]) -> dict[str, float]:
    """Run a stage; return its seconds, and what it, scheduler and workers needed of memory."""
    start, peaks = time.perf_counter(), dict[str, float]()
    command = [sys.executable, "-m", f"stages.{stage}"]
    process = psutil.Popen(command, cwd=folder, env=with_code())
    while process.poll() is None:
        for role, one in zip(ROLES, (process, *others), strict=False):
            memory = one.memory_info()
            for kind, size in (("own", memory.rss - memory.shared), ("mapped", memory.shared)):
                peaks[f"{role}_{kind}_gb"] = max(peaks.get(f"{role}_{kind}_gb", 0), size / 1e9)
        time.sleep(LOOK)
    if process.returncode:
        sys.exit(f"{stage} failed")
    return {"seconds": time.perf_counter() - start, **peaks}


def write(rows: list[dict[str, Any]], workers: int) -> None:
    """Write rows beside those of other numbers of workers, and print them."""
    table = pd.DataFrame(rows)
    cost = table["seconds"] / (table["images"] * table["images"].map(math.log))
    table["relative_to_n_log_n"] = cost / cost.groupby(table["stage"]).transform("first")
    others = pd.read_csv(RESULT) if RESULT.exists() else table[:0]
    both = pd.concat([others[others["workers"] != workers], table])
    tables.write(both.sort_values(["workers", "images"], kind="stable"), RESULT)
    print(table.to_string(float_format="%.2f"))


def main(workers: int = 0) -> None:
    """Measure every size, and write the table as it grows."""
    rows = []
    for count in COUNTS:
        with (
            tempfile.TemporaryDirectory(dir="data") as name,
            dask_cluster(workers) as others,
        ):
            prepare(Path(name), count)
            for stage in STAGES:
                row = {"workers": workers, "images": count, "stage": stage}
                rows.append(row | measure(stage, Path(name), others))
                write(rows, workers)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
