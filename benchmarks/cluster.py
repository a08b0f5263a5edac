"""Compare the time and the outputs of one and of two single-threaded Dask workers.

Run `python -m benchmarks.cluster data/face-mask-12k.zip` as root on Linux; it takes ten minutes.
The workers are processes of this machine in network namespaces of their own. The machine needs a
core for each worker. Each measurement begins with an empty cache. It writes
`benchmarks/cluster.csv`, a row for each step. It fails if the outputs differ from those of threads.
"""

import hashlib
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from facemask import params
from facemask.dedup import fingerprints, groups
from facemask.dedup.candidates import candidates
from facemask.sources import collection
from facemask.sources.source import Source
from facemask.store import resize, shards, tables
from stages import paths
from stages.ingest import face_cropper
from tools.namespaces import dask_cluster

RESULT = Path(__file__).with_suffix(".csv")


def steps(source: Path, folder: Path, options: params.Params) -> dict[str, float]:
    """Run the first steps of the pipeline; return the seconds of each."""
    seconds = {}
    cache = folder / "cache.sqlite"
    start = time.perf_counter()

    def done(step: str) -> None:
        nonlocal start
        seconds[step] = time.perf_counter() - start
        start = time.perf_counter()

    spool = shards.Spool(folder)
    images = collection.collect(
        Source(source),
        options.ingest.names,
        options.ingest,
        spool,
        cache=cache,
        cropper=face_cropper(options.crop),
    )
    (folder / "raw").mkdir()
    shards.write(folder / "raw", images.good, spool)
    done("ingest")
    resize.resize_all(folder / "raw", folder / "resized", options.resize.size)
    done("resize")
    keys = sorted(set(images.good["sha256"]))
    with fingerprints.collected(keys, [folder / "raw"], cache) as select:
        done("fingerprints")
        pairs = candidates(select(keys), folder)
        done("search")
        scores = groups.score(keys, select(keys), pairs, cache)
        done("compare")
    (folder / "scores").write_bytes(pairs.tobytes() + scores.tobytes())
    return seconds


def digest(folder: Path) -> str:
    """Return a hash of all outputs."""
    files = [*folder.glob("raw/*"), *folder.glob("resized/*"), folder / "scores"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()


def main(source: str) -> None:
    """Measure, compare, and write the table."""
    options = params.load(paths.PARAMS)
    seconds = {}
    digests = set()
    with tempfile.TemporaryDirectory(dir="data") as name:
        for number in (0, 1, 2):
            folder = Path(name) / f"{number}"
            folder.mkdir()
            with dask_cluster(number):
                seconds[f"workers_{number}"] = steps(Path(source), folder, options)
            digests.add(digest(folder))
        images = len(shards.read_table(folder / "raw"))
    table = pd.DataFrame(seconds).rename(columns={"workers_0": "threads"}).rename_axis("step")
    table["times_as_fast"] = table["workers_1"] / table["workers_2"]
    table.insert(0, "images", images)
    tables.write(table.reset_index(), RESULT)
    print(table.to_string(float_format="%.2f"))
    sys.exit(None if len(digests) == 1 else "the outputs differ")


if __name__ == "__main__":
    main(*sys.argv[1:])
