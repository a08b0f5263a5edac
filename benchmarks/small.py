"""Measure how many photos are enough: train on small samples of a collection.

Run `python -m benchmarks.small` in a clone where `dvc repro resize split` has run on a collection
with an external test set; it takes an hour on two cores. It draws samples of several sizes, with at
most one image from each group. It trains on each sample with the parameters of params.yaml. The
model `train.start` must not have been trained on the collection. It writes `benchmarks/small.csv`,
a row for each training, and replaces the rows of the same collection. Figures are balanced
accuracies on the external test set and on the images that were not drawn.

The collection `photo-faces` was made from photos.zip: `ingest` ran with `ingest.crop_faces`, and
the images of `data/raw/collection` were written to a folder. No published model is trained on them.
"""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score
from tqdm import tqdm

from facemask import params
from facemask.dedup import partition
from facemask.model import dataset, network, schedule, training
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths

SIZES = (25, 50, 100, 200, 400)
"""Numbers of photos of each class. A further sample has all photos but `LEFT`."""

LEFT = 20
"""Number of photos of the rarer class that are never drawn. They measure the largest sample."""

DRAWS = (1, 2, 3)
BACKUP = paths.BACKUP.with_name("tmp-small")
RESULT = Path(__file__).with_suffix(".csv")


def trained(rows: pd.DataFrame, options: params.Params, seed: int) -> keras.Model:
    """Split rows as `split` does, train on them as `train` does, and return the model."""
    network.reproducible(seed)
    fresh = pd.Series(False, rows.index)
    table = rows.assign(split=partition.draw(rows, fresh, options.split, seed))
    balance = options.train.balance
    data = dataset.TrainingData(
        rows=dataset.with_weights(tables.subset(table, tables.TRAIN), balance),
        positive=tables.classes(rows)[1],
        pixels=Pixels(paths.RESIZED),
        batch_size=options.train.batch_size,
        seed=seed,
        min_steps=options.train.min_steps,
    )
    result = training.train(
        options.train,
        plan=schedule.epochs(options.train, options.resize.size),
        data=data,
        validation=dataset.with_weights(tables.subset(table, tables.VALIDATION), balance),
        backup=BACKUP,
        show=lambda history: None,
    )
    return result.model


def accuracy(model: keras.Model, rows: pd.DataFrame, resized: Path) -> float:
    """Return the balanced accuracy of a model on rows whose images are in a folder."""
    classes = tables.classes(rows)
    batches = dataset.inference_batches(rows, classes[1], Pixels(resized))
    is_positive = network.predict(model, batches) >= 0.5
    predicted = np.where(is_positive, classes[1], classes[0])
    return float(balanced_accuracy_score(rows["label"], predicted))


def main() -> None:
    """Draw the samples, train on each, and write the table."""
    values = params.load(paths.PARAMS)
    external = tables.read(paths.EXTERNAL)
    table = tables.read(paths.SPLIT).groupby("group").sample(1, random_state=0)
    recipe = params.SCRATCH if values.train.start == params.SCRATCH else "start"
    collection = Path(values.ingest.source).stem
    others = pd.read_csv(RESULT).query("collection != @collection")
    results: list[dict[str, object]] = []

    def measure(model: keras.Model, recipe: str, photos: int, seed: int, own: pd.DataFrame) -> None:
        results.append(
            {
                "collection": collection,
                "photos": photos,
                "seed": seed,
                "recipe": recipe,
                "external": accuracy(model, external, paths.RESIZED_EXTERNAL),
                "own": accuracy(model, own, paths.RESIZED),
            }
        )
        tables.write(pd.concat([others, pd.DataFrame(results)]), RESULT)

    if recipe == "start":
        measure(network.load(Path(values.train.start)), "start alone", 0, 0, table)
    most = int(table["label"].value_counts().min()) - LEFT
    sizes = [size for size in SIZES if size < most] + [most]
    for photos, seed in tqdm([(photos, seed) for seed in DRAWS for photos in sizes]):
        drawn = table.groupby("label").sample(photos, random_state=seed)
        measure(trained(drawn, values, seed), recipe, photos, seed, table.drop(drawn.index))
    print(pd.DataFrame(results).pivot_table(["external", "own"], "photos", "recipe").round(4))


if __name__ == "__main__":
    main()
