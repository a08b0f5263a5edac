"""How long near-duplicate grouping takes, and how that grows with the number of images.

Run `python -m benchmarks.near_duplicates data/face-mask-12k.zip`: the archive's images in growing
shares, and up to 200,000 generated ones, each in a process of its own; about an hour. Writes
`benchmarks/near_duplicates.csv`. Steps are in seconds of processor time, of all cores together and
without drawing or unpacking, so that other work on the machine counts little; `elapsed_seconds` is
all of it by the clock. `relative_to_n_log_n` compares with the first size measured.
"""

import hashlib
import io
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from facemask.data import shards
from facemask.data.source import Source
from facemask.dedup import groups, near_duplicates
from tools.generated import generated

SHARES = (0.25, 0.5, 1.0)
GENERATED = (12_000, 50_000, 200_000)
STEPS = tuple(f"{step}_seconds" for step in ("fingerprint", "search", "compare", "join"))
RESULT = Path(__file__).with_suffix(".csv")


def files(kind: str, amount: float) -> Iterator[bytes]:
    """Return an archive's files, an evenly spread share of them, or that many generated ones."""
    if kind != "generated":
        entries = islice(Source(Path(kind)), None, None, round(1 / amount))
        return (entry.content for entry in entries)
    drawn = generated(int(amount), side=64)  # as large as what fingerprints are made of
    return (bitmap(pixels) for pixels in drawn)


def bitmap(pixels: NDArray[np.uint8]) -> bytes:
    """Return the bytes of an image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "BMP")
    return file.getvalue()


def store(contents: Iterable[bytes], folder: Path) -> list[str]:
    """Write images to shards, each under a name of its own; return the names, sorted."""
    spool, rows = shards.Spool(folder), []
    for number, content in enumerate(contents):
        key = hashlib.sha256(str(number).encode()).hexdigest()
        rows.append({"sha256": key, "start": spool.add([content])[0], "length": len(content)})
    blank = dict.fromkeys(shards.TEXT, "") | dict.fromkeys(shards.NUMBERS, 0)
    table = pd.DataFrame(rows)
    shards.write(folder, pd.DataFrame(blank, table.index).assign(**table), spool)
    return sorted(table["sha256"])


def measure(kind: str, amount: float, folder: Path) -> None:
    """Group images in this process, with a new cache in `folder`; print what it took, as JSON."""
    start = time.perf_counter()
    names = store(files(kind, amount), folder / "shards")
    count, times = len(names), [time.process_time()]

    def done(step: str) -> None:
        times.append(time.process_time())
        print(f"{step}: {times[-1] - times[-2]:.1f} s", file=sys.stderr)

    cache = folder / "cache.sqlite"
    fingerprints = groups.fingerprinted(names, [folder / "shards"], cache)
    done(STEPS[0])
    pairs = near_duplicates.candidates(fingerprints, folder)
    done(STEPS[1])
    scores = groups.scored(names, fingerprints, pairs, cache)
    done(STEPS[2])
    groups_of = groups.connected(count, np.empty((0, 2), np.int64), pairs, scores)
    done(STEPS[3])
    result = {
        "images": count,
        "pairs_compared": len(pairs),
        "groups": len(np.unique(groups_of)),
        **dict(zip(STEPS, np.diff(times).tolist(), strict=True)),
        "elapsed_seconds": time.perf_counter() - start,
        "peak_gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "cache_gigabytes": sum(file.stat().st_size for file in folder.glob("cache*/*.*")) / 1e9,
    }
    print(json.dumps(result))


def main(archive: str) -> None:
    """Measure every size and write the table."""
    rows = []
    for kind, sizes in ((archive, SHARES), ("generated", GENERATED)):
        first = None
        for size in sizes:
            with tempfile.TemporaryDirectory(dir="data") as folder:
                command = [sys.executable, "-m", __spec__.name, kind, str(size), folder]
                run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            row = {"source": Path(kind).name} | json.loads(run.stdout)
            row["seconds"] = sum(row[step] for step in STEPS)
            cost = row["seconds"] / (row["images"] * math.log(row["images"]))
            first = first or cost
            row["relative_to_n_log_n"] = cost / first
            rows.append(row)
            pd.DataFrame(rows).round(3).to_csv(RESULT, index=False)
    print(RESULT.read_text())


if __name__ == "__main__":
    if len(sys.argv) == 4:
        measure(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(*sys.argv[1:])
