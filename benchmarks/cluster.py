"""Images through one single-threaded Dask worker and through two: how much faster, and the same?

Run `python -m benchmarks.cluster [IMAGES]`; a minute for the 2,000 generated images that it takes
unless told otherwise. Workers are processes of this machine, which must have a core for each. Each
count of workers begins with nothing known. Writes `benchmarks/cluster.csv`, a row a step.
"""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from distributed import Client, LocalCluster
from PIL import Image

from facemask import params
from facemask.data import collection, resize, shards, tables
from facemask.data.source import Source
from facemask.dedup import groups, near_duplicates
from facemask.spread import SETTING
from stages import paths
from tools.generated import generated

RESULT = Path(__file__).with_suffix(".csv")
IMAGES, SIDE = 2_000, 224
CLASSES = ("WithMask", "WithoutMask")


def draw(folder: Path, count: int) -> None:
    """Write so many pictures, half in the folder of each class."""
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
    for number, pixels in enumerate(generated(count, SIDE)):
        Image.fromarray(pixels).save(folder / CLASSES[number % 2] / f"{number}.jpg", quality=90)


@contextmanager
def workers(count: int) -> Iterator[None]:
    """Let the block spread its work over so many single-threaded processes."""
    with (
        LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(count)
        os.environ[SETTING] = cluster.scheduler_address
        yield
        del os.environ[SETTING]


def steps(source: Path, folder: Path, options: params.Params) -> dict[str, float]:
    """Run the first steps of the pipeline; return the seconds of each."""
    seconds, cache = {}, folder / "cache.sqlite"
    start = time.perf_counter()

    def done(step: str) -> None:
        nonlocal start
        seconds[step] = time.perf_counter() - start
        start = time.perf_counter()

    spool = shards.Spool(folder)
    found = collection.collect(Source(source), options.ingest, spool, cache=cache)
    (folder / "raw").mkdir()
    shards.write(folder / "raw", found.good, spool)
    done("ingest")
    resize.resize_all(folder / "raw", folder / "resized", options.resize.size)
    done("resize")
    keys = sorted(set(found.good["sha256"]))
    fingerprints = groups.fingerprinted(keys, [folder / "raw"], cache)
    done("fingerprints")
    pairs = near_duplicates.candidates(fingerprints, folder)
    done("search")
    scores = groups.scored(keys, fingerprints, pairs, cache)
    done("compare")
    (folder / "scores").write_bytes(pairs.tobytes() + scores.tobytes())
    return seconds


def digest(folder: Path) -> str:
    """Return a hash of all outputs."""
    files = [*folder.glob("raw/*"), *folder.glob("resized/*"), folder / "scores"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()


def main(count: int = IMAGES) -> None:
    """Measure, compare, and write the table."""
    options, found, digests = params.load(paths.PARAMS), {}, set()
    with tempfile.TemporaryDirectory(dir="data") as name:
        source = Path(name) / "source"
        draw(source, count)
        for number in (1, 2):
            folder = Path(name) / f"{number}"
            folder.mkdir()
            with workers(number):
                found[f"workers_{number}"] = steps(source, folder, options)
            digests.add(digest(folder))
        local = Path(name) / "local"
        local.mkdir()
        steps(source, local, options)
        digests.add(digest(local))
    table = pd.DataFrame(found).rename_axis("step")
    table["times_as_fast"] = table["workers_1"] / table["workers_2"]
    table.insert(0, "images", count)
    tables.write(table.reset_index(), RESULT)
    print(table.to_string(float_format="%.2f"))
    sys.exit(None if len(digests) == 1 else "the outputs differ")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
