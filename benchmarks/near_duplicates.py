"""How long near-duplicate grouping takes, and how that grows with the number of images.

Run `python -m benchmarks.near_duplicates data/face-mask-12k.zip`: the archive's images in growing
shares, and 50,000 generated ones, each in a process of its own; about fifteen minutes. Writes
`benchmarks/near_duplicates.csv`. `relative_to_n_log_n` compares with the first size measured.
"""

import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from facemask import fingerprinting, images, near_duplicates, relatives
from facemask.source import Source

SHARES = (0.25, 0.5, 1.0)
GENERATED = (12_500, 25_000, 50_000)
STEPS = tuple(f"{step}_seconds" for step in ("fingerprint", "search", "compare", "join"))
RESULT = Path(__file__).with_suffix(".csv")


def generated(count: int) -> Iterator[NDArray[np.uint8]]:
    """Draw unrelated pictures of 128 x 128 pixels: noise of five scales, summed."""
    for number in range(count):
        rng = np.random.default_rng(number)
        picture = np.zeros((128, 128, 3))
        for cells in (3, 6, 12, 24, 48):
            noise = Image.fromarray(rng.integers(0, 255, (cells, cells, 3), dtype=np.uint8))
            picture += np.asarray(noise.resize((128, 128), Image.Resampling.BICUBIC)) / cells
        yield (255 * picture / picture.max()).astype(np.uint8)


def decoded(archive: str, share: float) -> Iterator[NDArray[np.uint8]]:
    """Decode an evenly spread share of an archive's images."""
    every = round(1 / share)
    for number, entry in enumerate(Source(Path(archive))):
        if number % every == 0:
            yield np.asarray(images.open_rgb(entry.content))


def measure(kind: str, amount: float) -> None:
    """Group images in this process and print what it took, as JSON; decoding is not counted."""
    pictures = generated(int(amount)) if kind == "generated" else decoded(kind, amount)
    pictures = iter(tqdm(pictures, "fingerprints", unit="image", disable=None))
    seconds = dict.fromkeys(STEPS, 0.0)
    kept: list[NDArray[np.void]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while some := list(islice(pictures, relatives.IMAGES_AT_ONCE)):
            start = time.perf_counter()
            kept += pool.map(fingerprinting.fingerprint, some)
            seconds[STEPS[0]] += time.perf_counter() - start
    fingerprints = np.array(kept, fingerprinting.FINGERPRINT)
    times = [time.perf_counter()]
    pairs = near_duplicates.candidates(fingerprints)
    times.append(time.perf_counter())
    scores = fingerprinting.compare_all(fingerprints, pairs)
    times.append(time.perf_counter())
    none = np.empty((0, 2), np.int64)
    groups = near_duplicates.connected(len(fingerprints), none, pairs, scores)
    times.append(time.perf_counter())
    seconds |= dict(zip(STEPS[1:], np.diff(times).tolist(), strict=True))
    result = {
        "images": len(fingerprints),
        "pairs_compared": len(pairs),
        "groups": len(np.unique(groups)),
        **seconds,
        "peak_gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }
    print(json.dumps(result))


def main(archive: str) -> None:
    """Measure every size and write the table."""
    rows = []
    for kind, sizes in ((archive, SHARES), ("generated", GENERATED)):
        first = None
        for size in sizes:
            command = [sys.executable, "-m", "benchmarks.near_duplicates", kind, str(size)]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            row = {"source": Path(kind).name} | json.loads(output)
            row["seconds"] = sum(row[step] for step in STEPS)
            cost = row["seconds"] / (row["images"] * math.log(row["images"]))
            first = first or cost
            row["relative_to_n_log_n"] = cost / first
            rows.append(row)
            pd.DataFrame(rows).round(3).to_csv(RESULT, index=False)
    print(RESULT.read_text())


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(sys.argv[1], float(sys.argv[2]))
    else:
        main(*sys.argv[1:])
