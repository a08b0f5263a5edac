"""Peak memory of training by the number of images, on generated ones that lie on the disk.

Run `python -m benchmarks.memory`; two minutes, and some gigabytes in the temporary folder. Trains
`STEPS` steps as `train` does, in a process of its own for each count.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from facemask import params
from facemask.data.pixels import Pixels
from facemask.model import augmentation, dataset, network
from stages import paths

COUNTS = (12_000, 200_000)
DISTINCT = 1_000
"""Images drawn; the others are more names of these, read like any file."""

STEPS = 200


def generate(folder: Path, count: int, size: int) -> pd.DataFrame:
    """Write images of coarse noise; return rows of so many images, many of which are the same."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (DISTINCT, 12, 12, 3), dtype=np.uint8)
    np.save(
        folder / "0.npy",
        np.stack([np.asarray(Image.fromarray(one).resize((size, size))) for one in coarse]),
    )
    numbers = np.arange(count)
    label = ["bare", "mask"] * (count // 2)
    columns = {"path": numbers.astype(str), "row": numbers % DISTINCT, "label": label}
    return pd.DataFrame(columns).assign(weight=1.0)


def measure(count: int) -> float:
    """Train a while on so many images, in this process; give its peak in gigabytes."""
    values = params.load(paths.PARAMS)
    size, options = values.resize.size, values.train
    with tempfile.TemporaryDirectory() as name:
        rows = generate(Path(name), count, size)
        augment = augmentation.augmenter(options.augmentation)
        data = dataset.TrainingData(
            rows, "mask", Pixels(Path(name)), options.batch_size, 0, augment
        )
        model = network.build(options.network, size)
        model.compile("adam", "binary_crossentropy")
        model.fit(data.batches(range(1), size), steps_per_epoch=STEPS, verbose=2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Measure each count in a process of its own."""
    if len(sys.argv) > 1:
        print(f"{int(sys.argv[1]):,} images: {measure(int(sys.argv[1])):.2f} GB at most")
        return
    for count in COUNTS:
        command = [sys.executable, "-m", "benchmarks.memory", str(count)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
