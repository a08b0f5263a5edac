"""Compare the time and accuracy of the notebook's training with those of this pipeline.

Run `python -m benchmarks.notebook --seeds 3` after `dvc repro` on a real collection; it takes an
hour on two cores. Both are trained on the same split, each training in a process of its own. To
save time, only the first seed trains the notebook's network to the end. The other seeds stop at the
last of `GOALS`. It writes `benchmarks/notebook.csv`, a row for each epoch. It prints the figures of
each training, and the ratios of their means.
"""

import argparse
import contextlib
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from benchmarks import external
from facemask import params
from facemask.model import network
from facemask.store import images, tables
from facemask.store.pixels import Pixels
from facemask.store.resize import resize_all
from stages import paths, train

RESULT = Path(__file__).with_suffix(".csv")
RECIPES = ("notebook", "pipeline")
GOALS = (0.95, 0.97)
FIRST_SEED = 0
SIDE, BATCH = 128, 16
Generator = tf.keras.preprocessing.image.ImageDataGenerator


def resized(folder: Path) -> Pixels:
    """Write the images at the notebook's size to a folder, and memory-map them."""
    resize_all(paths.RAW, folder, SIDE)
    return Pixels(folder)


def augmented(
    pictures: NDArray[np.uint8], target: NDArray[np.float32], seed: int
) -> keras.utils.PyDataset:
    """Return the training batches of the notebook, from Keras' generator over images in memory."""
    generator = Generator(
        rescale=1 / 255,
        rotation_range=30,
        width_shift_range=0.2,
        height_shift_range=0.2,
        shear_range=0.2,
        zoom_range=0.4,
        horizontal_flip=True,
        fill_mode="nearest",
    )
    return generator.flow(pictures, target, batch_size=BATCH, seed=seed)


def compiled() -> keras.Model:
    """Return the notebook's network, which takes values of 0-1."""
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3))])
    for block, filters in enumerate((32, 64, 128, 512)):
        model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(layers.MaxPooling2D(2))
        if block > 0:
            model.add(layers.Dropout(0.2))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def train_notebook(epochs: int, seed: int) -> tuple[keras.Model, pd.DataFrame]:
    """Train as the notebook does, up to the last goal if the seed is not the first.

    Returns:
        The model, with the scaling of its input, and a row for each epoch.
    """
    start = time.perf_counter()
    network.reproducible(seed)
    table = tables.read(paths.SPLIT)
    positive = tables.classes(table)[1]
    with tempfile.TemporaryDirectory() as folder:
        pixels = resized(Path(folder) / "pixels")
        parts = [
            (pixels[rows["row"].to_numpy()], (rows["label"] == positive).to_numpy().astype("f4"))
            for rows in (tables.subset(table, name) for name in (tables.TRAIN, tables.VALIDATION))
        ]
    training = augmented(*parts[0], seed)
    validation = Generator(rescale=1 / 255).flow(*parts[1], batch_size=BATCH, shuffle=False)
    model = compiled()
    times: list[float] = []

    def epoch_end(epoch: int, logs: dict[str, float]) -> None:
        times.append(time.perf_counter() - start)
        model.stop_training = seed != FIRST_SEED and logs["val_accuracy"] >= GOALS[-1]

    clock = keras.callbacks.LambdaCallback(on_epoch_end=epoch_end)
    fitted = model.fit(
        training,
        validation_data=validation,
        epochs=epochs,
        verbose=2,
        callbacks=[clock],
    )
    accuracy = fitted.history["val_accuracy"]
    rows = pd.DataFrame({"seconds": times, "val_accuracy": accuracy})
    rows.insert(0, "epoch", range(1, len(rows) + 1))
    shipped = keras.Sequential([layers.Rescaling(1 / 255), model])
    return shipped, rows


class _Clock(io.StringIO):
    """A stream for the output of `train`, which records when each epoch ends."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.start = start
        self.times: list[float] = []

    def write(self, text: str) -> int:
        if text.startswith("epoch"):
            self.times.append(time.perf_counter() - self.start)
        return sys.stderr.write(text)


def train_pipeline(epochs: int, seed: int) -> tuple[keras.Model, pd.DataFrame]:
    """Run the stage `train` in a temporary folder that links to the data.

    The time of the last epoch includes the end of the stage, such as the calibration.
    """
    start = time.perf_counter()
    clock = _Clock(start)
    values = params.load(paths.PARAMS)
    first_epochs = epochs - values.train.fine_tuning_epochs
    options = values.train.model_copy(update={"epochs": first_epochs})
    project = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").symlink_to(project / "data")
        os.chdir(folder)
        with contextlib.redirect_stdout(clock):
            train.train(options, values.resize.size, seed)
        clock.times[-1] = time.perf_counter() - start
        rows = pd.read_csv(paths.PLOTS / "history.csv")
        model = network.load(paths.KERAS_MODEL)
        os.chdir(project)
    return model, rows.assign(seconds=clock.times)[["epoch", "seconds", "val_accuracy"]]


def measure(recipe: str, epochs: int, seed: int, result: Path) -> None:
    """Train the notebook or the pipeline in this process, and write the rows as CSV."""
    model, rows = {"notebook": train_notebook, "pipeline": train_pipeline}[recipe](epochs, seed)
    size = SIDE if recipe == "notebook" else model.input_shape[1]
    faces, is_positive = external.read()
    resized_faces = np.stack([np.asarray(images.resize(face, size)) for face in faces])
    decided = model.predict(resized_faces.astype(np.float32), verbose=0)[:, 0] >= 0.5
    accuracy = (decided == is_positive).mean() if len(rows) == epochs else np.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    rows = rows.assign(external_accuracy=accuracy, peak_gigabytes=peak)
    rows.insert(0, "recipe", recipe)
    rows.insert(1, "seed", seed)
    rows.to_csv(result, index=False)


def figures(rows: pd.DataFrame, images_an_epoch: int) -> pd.Series:
    """Return the figures of one training.

    The time until a goal is infinite if the goal is not reached. A training that stopped at the
    last goal has no external accuracy and no total time.
    """
    seconds = rows["seconds"].diff().iloc[1:].mean() if len(rows) > 1 else rows["seconds"].iloc[0]
    summary = {"seconds an epoch": seconds, "images a second": images_an_epoch / seconds}
    for goal in GOALS:
        reached = rows.loc[rows["val_accuracy"] >= goal, "seconds"]
        summary[f"seconds until {goal}"] = reached.min() if len(reached) else np.inf
    accuracy = rows["external_accuracy"].iloc[0]
    summary["external accuracy"] = accuracy
    summary["seconds in all"] = rows["seconds"].iloc[-1] if np.isfinite(accuracy) else np.nan
    summary["peak gigabytes"] = rows["peak_gigabytes"].iloc[0]
    return pd.Series(summary)


def main() -> None:
    """Train the notebook and the pipeline with each seed, and compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--one", nargs=3, help="recipe, seed and file, for this script only")
    chosen = parser.parse_args()
    if chosen.one:
        recipe, seed, result = chosen.one
        measure(recipe, chosen.epochs, int(seed), Path(result))
        return
    command = [sys.executable, "-m", "benchmarks.notebook", "--epochs", str(chosen.epochs)]
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "part.csv"
        for seed in range(FIRST_SEED, FIRST_SEED + chosen.seeds):
            for recipe in RECIPES:
                subprocess.run([*command, "--one", recipe, str(seed), result], check=True)
                parts.append(pd.read_csv(result))
                rows = pd.concat(parts)
                tables.write(rows, RESULT)
    count = (tables.read(paths.SPLIT)["split"] == tables.TRAIN).sum()
    each = rows.groupby(["recipe", "seed"])[list(rows)].apply(figures, images_an_epoch=count)
    print(each.T.to_string(float_format="%.3f"))
    means = each.groupby("recipe").mean().T
    means["pipeline / notebook"] = means["pipeline"] / means["notebook"]
    print(means.to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
