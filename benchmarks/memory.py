"""Measure the peak memory of training by the number of images, on generated images.

Run `python -m benchmarks.memory`; it takes two minutes. For each number of images, a new process
trains `STEPS` steps as `train` does. It prints the process's own memory, and that of the
memory-mapped pixels that it has read. The system takes back the memory of mapped files when another
process needs it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import psutil

from facemask import params
from facemask.augmentation import augmenter
from facemask.model import dataset, network
from facemask.store.pixels import Pixels
from stages import paths
from tools.generated import generated

COUNTS = (12_000, 200_000)
SHARD = 1_000
"""Number of images in a shard. All shards are links to one file, and each link is mapped."""

STEPS = 200


def generate(folder: Path, count: int, size: int) -> pd.DataFrame:
    """Write shards of images of `size` pixels; return the rows of `count` images."""
    first = folder / "00000.npy"
    np.save(first, np.stack(list(generated(SHARD, size))))
    for number in range(1, count // SHARD):
        (folder / f"{number:05d}.npy").hardlink_to(first)
    rows = np.arange(count)
    label = np.where(rows % 2, "mask", "bare")
    return pd.DataFrame({"path": rows.astype(str), "row": rows, "label": label, "weight": 1.0})


def measure(count: int) -> str:
    """Train on this number of images in this process; return its peak memory as text."""
    values = params.load(paths.PARAMS)
    size = values.resize.size
    options = values.train
    process = psutil.Process()
    peaks = np.zeros(2)

    def record(*_: object) -> None:
        memory = process.memory_info()
        peaks[:] = np.maximum(peaks, [memory.rss - memory.shared, memory.shared])

    with tempfile.TemporaryDirectory() as name:
        rows = generate(Path(name), count, size)
        pixels = Pixels(Path(name))
        augment = augmenter.augmenter(options.augmentation)
        data = dataset.TrainingData(rows, "mask", pixels, options.batch_size, seed=0)
        model = network.build(options.network, size)
        model.compile("adam", "binary_crossentropy")
        watch = keras.callbacks.LambdaCallback(on_train_batch_end=record)
        batches = data.batches(range(1), size, augment)
        model.fit(batches, steps_per_epoch=STEPS, verbose=2, callbacks=[watch])
    own, mapped = peaks / 1e9
    return f"{count:,} images: {own:.2f} GB at most, and {mapped:.2f} GB of mapped files"


def main() -> None:
    """Measure each number of images in a process of its own."""
    if len(sys.argv) > 1:
        print(measure(int(sys.argv[1])))
        return
    for count in COUNTS:
        subprocess.run([sys.executable, "-m", "benchmarks.memory", str(count)], check=True)


if __name__ == "__main__":
    main()
