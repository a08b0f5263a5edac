"""Measure the speed of training steps, and the time of each operation.

Run `python -m benchmarks.step` after `dvc repro` on a real collection; it takes a few minutes. It
measures the images a second of three loops in turn: the notebook's loop, this pipeline's loop, and
this pipeline's step on one batch in memory. All have the notebook's network and input size. Then
TensorFlow's profiler measures the default training. It writes `benchmarks/step.csv`: the time of
each operation.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks import notebook
from facemask import params
from facemask.augmentation import augmenter
from facemask.model import dataset, network
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths

RESULT = Path(__file__).with_suffix(".csv")
IMAGES = 1280
TURNS = 7
STEPS = 30
LISTED = 40
"""Number of operations in the table."""


def rows_to_train() -> pd.DataFrame:
    """Return at most `IMAGES` training rows."""
    rows: pd.DataFrame = tables.subset(tables.read(paths.SPLIT), tables.TRAIN)
    return rows.sample(min(IMAGES, len(rows)), random_state=0).assign(weight=1.0)


def training_data(
    rows: pd.DataFrame, pixels: Pixels, options: params.Train
) -> dataset.TrainingData:
    """Return the rows as training data."""
    return dataset.TrainingData(rows, max(rows["label"]), pixels, options.batch_size, seed=0)


def rate(model: keras.Model, batches: object, steps: int, batch_size: int) -> float:
    """Return the images a second in an epoch of this number of steps."""
    start = time.perf_counter()
    model.fit(batches, epochs=1, steps_per_epoch=steps, verbose=0)
    return steps * batch_size / (time.perf_counter() - start)


def rates(rows: pd.DataFrame, options: params.Train, folder: Path) -> pd.DataFrame:
    """Measure the three loops in turn, but not in the first turn, which builds the graphs."""
    side = notebook.SIDE
    size = options.batch_size
    pixels = notebook.resized(folder / "pixels")
    images = pixels[rows["row"].to_numpy()]
    target = (rows["label"] == max(rows["label"])).to_numpy().astype(np.float32)
    theirs = notebook.compiled()
    shape = keras.Input((side, side, 3))
    ours = keras.Sequential([shape, layers.Rescaling(1 / 255), *notebook.compiled().layers])
    ours = network.in_precision(ours, network.precision(options.precision))
    ours.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    data = training_data(rows, pixels, options)
    augment = augmenter.augmenter(options.augmentation)
    batch = next(iter(data.batches(range(1), side, augment)))
    repeated = tf.data.Dataset.from_tensors(batch).repeat()
    steps = len(data) - 1
    turns = []
    for turn in range(TURNS + 1):
        augmented = notebook.augmented(images, target, 0)
        batches = data.batches(range(turn, turn + 1), side, augment)
        turns.append(
            {
                "notebook": rate(theirs, augmented, len(rows) // notebook.BATCH, notebook.BATCH),
                "pipeline": rate(ours, batches, steps, size),
                "step alone": rate(ours, repeated, steps, size),
            }
        )
    return pd.DataFrame(turns[1:])


def profiled(rows: pd.DataFrame, values: params.Params) -> Iterator[tuple[str, float]]:
    """Yield the operation and the milliseconds of each event of the default training."""
    data = training_data(rows, Pixels(paths.RESIZED), values.train)
    model = network.build(values.train.network, values.resize.size)
    model = network.in_precision(model, network.precision(values.train.precision))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    augment = augmenter.augmenter(values.train.augmentation)
    batches = data.batches(range(2), values.resize.size, augment)
    model.fit(batches.take(STEPS), verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            model.fit(batches.take(STEPS), verbose=0)
        [file] = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                yield name.rpartition(":")[2], event.duration_ps / 1e9


def main() -> None:
    """Measure, profile, and write."""
    values = params.load(paths.PARAMS)
    rows = rows_to_train()
    with tempfile.TemporaryDirectory() as folder:
        table = rates(rows, values.train, Path(folder))
    print("images a second\n" + table.to_string(index=False, float_format="%.0f"))
    for first, second in (
        ("pipeline", "notebook"),
        ("step alone", "notebook"),
        ("pipeline", "step alone"),
    ):
        print(f"{first} / {second} {(table[first] / table[second]).median():.2f}")
    events = pd.DataFrame(profiled(rows, values), columns=["operation", "milliseconds"])
    times = events.groupby("operation")["milliseconds"].sum() / STEPS
    table = times.sort_values(ascending=False).head(LISTED).reset_index()
    tables.write(table, RESULT)
    print("milliseconds a step, summed over threads; an operation includes those that it calls")
    print(table.to_string(index=False, float_format="%.2f"))


if __name__ == "__main__":
    main()
