"""Measure time and memory of `ingest`, `resize` and `split` by the number of images.

Run `python -m benchmarks.scale [WORKERS [IMAGES ...]]`; it takes half an hour. The workers are
single-threaded Dask workers in network namespaces (Linux, as root). With 0 workers, threads of
this machine do the work. The images are generated, and the cache is empty. It writes
`benchmarks/scale.csv`, a row for each stage. The columns `own` have the peak of the memory of a
process. The columns `mapped` have that of its memory-mapped files, which the system takes back when
another process needs memory.
"""

import io
import math
import sys
import tempfile
import time
import zipfile
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from PIL import Image
from ruamel.yaml import YAML

from facemask import parallel
from facemask.params import SCRATCH
from facemask.store import tables
from stages import paths
from tools.generated import drawn
from tools.namespaces import dask_cluster, with_code

RESULT = Path(__file__).with_suffix(".csv")
COUNTS, SIDE = (12_000, 50_000, 200_000), 160
STAGES, KEYS = ("ingest", "resize", "split"), ["workers", "images", "stage"]
CLASSES = ("WithMask", "WithoutMask")
INTERVAL = 0.1
"""Seconds between two measurements of the memory."""


def jpeg(number: int) -> bytes:
    """Return the bytes of a picture."""
    file = io.BytesIO()
    Image.fromarray(drawn(number, SIDE)).save(file, "JPEG", quality=90)
    return file.getvalue()


def prepare(folder: Path, count: int) -> None:
    """Write an archive with this number of pictures, half in each class, and the parameters."""
    contents = parallel.run(jpeg, range(count), "draw", "image", count, local=True)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{CLASSES[number % 2]}/{number}.jpg", content)
    values = YAML().load(paths.PARAMS)
    values["ingest"] |= {"source": "images.zip", "external": None, "photos": None}
    values["train"]["start"] = SCRATCH
    YAML().dump(values, folder / paths.PARAMS)


def measure(stage: str, folder: Path, others: list[psutil.Process]) -> dict[str, float]:
    """Run a stage; return its seconds, and the memory of its process, scheduler and workers."""
    start = time.perf_counter()
    peaks = dict[str, float]()
    command = [sys.executable, "-m", f"stages.{stage}"]
    process = psutil.Popen(command, cwd=folder, env=with_code())
    roles = chain(("stage", "scheduler"), repeat("worker"))
    watched = list(zip(roles, (process, *others), strict=False))
    while process.poll() is None:
        for role, watched_process in watched:
            memory = watched_process.memory_info()
            for kind, size in (("own", memory.rss - memory.shared), ("mapped", memory.shared)):
                peaks[f"{role}_{kind}_gb"] = max(peaks.get(f"{role}_{kind}_gb", 0), size / 1e9)
        time.sleep(INTERVAL)
    if process.returncode:
        sys.exit(f"{stage} failed")
    return {"seconds": time.perf_counter() - start, **peaks}


def write(row: dict[str, Any]) -> None:
    """Replace the rows of an earlier measurement, and print the table."""
    table = pd.DataFrame([row])
    if RESULT.exists():
        table = pd.concat([pd.read_csv(RESULT), table]).drop_duplicates(KEYS, keep="last")
    table = table.sort_values(["workers", "images"], kind="stable", ignore_index=True)
    cost = table["seconds"] / (table["images"] * table["images"].map(math.log))
    first = cost.groupby([table["workers"], table["stage"]]).transform("first")
    table["relative_to_n_log_n"] = cost / first
    tables.write(table.round(3), RESULT)
    print(table.to_string(float_format="%.2f"))


def main(workers: int = 0, *counts: int) -> None:
    """Measure every size, and write the table after each."""
    for count in counts or COUNTS:
        with (
            tempfile.TemporaryDirectory(dir="data") as name,
            dask_cluster(workers) as others,
        ):
            prepare(Path(name), count)
            for stage in STAGES:
                key = dict(zip(KEYS, (workers, count, stage), strict=True))
                write(key | measure(stage, Path(name), others))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
