"""How many photos are enough: from scratch, from a start, and beside what Model Maker does.

Run `python -m benchmarks.small` in a clone where `dvc repro resize split` has run on a collection
with an external test set, with `pip install -r requirements-teacher.txt`; an hour on two cores.
Collections of some size are drawn, one image a group; each is trained on with the parameters of
params.yaml, from scratch or from a start that has not seen the collection. Writes into
`benchmarks/small.csv`, in place of what stands there of this collection: balanced accuracy on the
external test set and on the images that were not drawn, a row a training.

The collection `photo-faces` is made of the images in `data/raw/collection` of a run on photos.zip
with `ingest.crop_faces`, written to a folder. Nothing that ships is trained on them.
"""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from tqdm import tqdm

from facemask import params
from facemask.dedup import split
from facemask.model import dataset, network, teacher, training
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths

Classifier = Callable[[pd.DataFrame, Path, Path], NDArray[np.str_]]
"""Images, their folder as resized and as they were, to the class of each."""

SIZES = (25, 50, 100, 200, 400)
"""Photos a class, beside all but `LEFT`."""

LEFT = 20
"""Photos of the rarer class that are never drawn, and are measured on with all the others."""

DRAWS = (1, 2, 3)
BACKUP = paths.BACKUP.with_name("tmp-small")
RESULT = Path(__file__).with_suffix(".csv")


def trained(rows: pd.DataFrame, options: params.Params, seed: int) -> keras.Model:
    """Split some images as `split` does, and train on them as `train` does.

    Args:
        rows: of the table.
        options: of all stages.
        seed: of all chance.
    """
    network.reproducible(seed)
    fresh = pd.Series(False, rows.index)
    table = rows.assign(split=split.draw(rows, fresh, options.split, seed))
    size, positive, pixels = options.resize.size, tables.classes(rows)[1], Pixels(paths.RESIZED)
    learned = tables.subset(table, tables.TRAIN)
    originals = paths.RAW, paths.CACHE
    data = training.training_data(options.train, learned, positive, pixels, seed, *originals)
    validation = tables.subset(table, tables.VALIDATION)
    return training.train(options.train, size, data, validation, lambda _: None, BACKUP).model


def ours(model: keras.Model) -> Classifier:
    """Return what a model predicts."""

    def predict(rows: pd.DataFrame, resized: Path, raw: Path) -> NDArray[np.str_]:
        classes = tables.classes(rows)
        batches = dataset.inference_batches(rows, classes[1], Pixels(resized))
        return np.where(network.predict(model, batches) >= 0.5, classes[1], classes[0])

    return predict


def peer(drawn: pd.DataFrame) -> Classifier:
    """Return what a logistic head, fitted to the features of a frozen network, predicts."""

    def features(rows: pd.DataFrame, raw: Path) -> NDArray[np.float32]:
        return teacher.features(list(rows["sha256"]), raw, paths.CACHE)

    head = LogisticRegression(max_iter=2000).fit(features(drawn, paths.RAW), drawn["label"])
    return lambda rows, resized, raw: np.asarray(head.predict(features(rows, raw)))


def main() -> None:
    """Draw the collections, train on each, and write the table."""
    values, external = params.load(paths.PARAMS), tables.read(paths.EXTERNAL)
    table = tables.read(paths.SPLIT).groupby("group").sample(1, random_state=0)
    recipe = params.SCRATCH if values.train.start == params.SCRATCH else "start"
    collection = Path(values.ingest.source).stem
    before = pd.read_csv(RESULT).query("collection != @collection")
    found: list[dict[str, object]] = []

    def measure(recipe: str, photos: int, seed: int, rest: pd.DataFrame, one: Classifier) -> None:
        elsewhere = one(external, paths.RESIZED_EXTERNAL, paths.RAW_EXTERNAL)
        row = {"collection": collection, "photos": photos, "seed": seed, "recipe": recipe}
        row["external"] = balanced_accuracy_score(external["label"], elsewhere)
        row["own"] = balanced_accuracy_score(rest["label"], one(rest, paths.RESIZED, paths.RAW))
        found.append(row)
        tables.write(pd.concat([before, pd.DataFrame(found)]), RESULT)

    if recipe == "start":
        measure("start alone", 0, 0, table, ours(network.load(Path(values.train.start))))
    most = int(table["label"].value_counts().min()) - LEFT
    sizes = [size for size in SIZES if size < most] + [most]
    for photos, seed in tqdm([(photos, seed) for seed in DRAWS for photos in sizes]):
        drawn = table.groupby("label").sample(photos, random_state=seed)
        rest = table.drop(drawn.index)
        measure("peer", photos, seed, rest, peer(drawn))
        measure(recipe, photos, seed, rest, ours(trained(drawn, values, seed)))
    print(pd.DataFrame(found).pivot_table(["external", "own"], "photos", "recipe").round(4))


if __name__ == "__main__":
    main()
