"""How many photos are enough: from scratch, from a start, and beside what Model Maker does.

Run `python -m benchmarks.small` in a clone where `dvc repro` has run on a large collection with an
external test set, with `pip install -r requirements-teacher.txt`; an hour and a half on
two cores. A start is trained as the published run on a third of the collection's groups;
collections of some size are drawn from the others, one image a group, so it has seen none of them.
Each is trained on with the parameters of params.yaml, and measured on the external test set. Writes
`benchmarks/small.csv`: balanced accuracy, a row a collection.
"""

from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from tqdm import tqdm

from facemask import params
from facemask.data import tables
from facemask.data.pixels import Pixels
from facemask.dedup import split
from facemask.files import replacing
from facemask.model import dataset, network, teacher, training
from stages import paths

SIZES = (25, 50, 100, 200, 400)
"""Photos a class; of the masked there are hardly more groups."""

DRAWS = (1, 2, 3)
SEEN = 1 / 3
"""Share of each class's groups that the start is trained on."""

PUBLISHED = paths.PUBLISHED.with_name("params.yaml")
START = paths.KERAS_MODEL.with_name("small_start.keras")
BACKUP = paths.BACKUP.with_name("tmp-small")
RESULT = Path(__file__).with_suffix(".csv")


def divided(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide a collection's groups: images for the start, and one of each other group."""
    groups = table.groupby("group")["label"].first().to_frame()
    seen = groups.groupby("label").sample(frac=SEEN, random_state=0).index
    is_seen = table["group"].isin(seen)
    return table[is_seen], table[~is_seen].groupby("group").sample(1, random_state=0)


def trained(rows: pd.DataFrame, options: params.Params, seed: int, saved: Path) -> None:
    """Split some images as `split` does, train on them as `train` does, and write the model.

    Args:
        rows: of the table.
        options: of all stages.
        seed: of all chance.
        saved: `.keras` file.
    """
    network.reproducible(seed)
    fresh = pd.Series(False, rows.index)
    table = rows.assign(split=split.draw(rows, fresh, options.split, seed))
    size, positive, pixels = options.resize.size, tables.classes(rows)[1], Pixels(paths.RESIZED)
    learned = tables.subset(table, tables.TRAIN)
    originals = paths.RAW, paths.CACHE
    data = training.training_data(options.train, learned, positive, pixels, seed, *originals)
    validation = tables.subset(table, tables.VALIDATION)
    made = training.train(options.train, size, data, validation, lambda history: None, BACKUP)
    with replacing(saved) as file:
        network.save(made.model, file, made.signature)


def right(file: Path, external: pd.DataFrame) -> float:
    """Return a model's balanced accuracy on the external test set."""
    positive = tables.classes(external)[1]
    batches = dataset.inference_batches(external, positive, Pixels(paths.RESIZED_EXTERNAL))
    is_positive = network.predict(network.load(file), batches) >= 0.5
    return float(balanced_accuracy_score(external["label"] == positive, is_positive))


def main() -> None:
    """Train the start, draw the collections, train on each, and write the table."""
    values = params.load(paths.PARAMS)
    table, external = tables.read(paths.SPLIT), tables.read(paths.EXTERNAL)
    seen, others = divided(table)
    if not START.exists():
        trained(seen, params.load(PUBLISHED), values.seed, START)
    found = [{"recipe": "start alone", "photos": 0, "seed": 0, "accuracy": right(START, external)}]
    elsewhere = teacher.features(list(external["sha256"]), paths.RAW_EXTERNAL, paths.CACHE)
    for seed, photos in tqdm([(seed, photos) for seed in DRAWS for photos in SIZES]):
        drawn = others.groupby("label").sample(photos, random_state=seed)
        accuracies = {}
        for recipe, start in (("start", str(START)), ("scratch", params.SCRATCH)):
            train = values.train.model_copy(update={"start": start})
            model = paths.KERAS_MODEL.with_name("small.keras")
            trained(drawn, values.model_copy(update={"train": train}), seed, model)
            accuracies[recipe] = right(model, external)
        head = LogisticRegression(max_iter=2000)
        head.fit(teacher.features(list(drawn["sha256"]), paths.RAW, paths.CACHE), drawn["label"])
        said = head.predict(elsewhere)
        accuracies["peer"] = float(balanced_accuracy_score(external["label"], said))
        found += [
            {"recipe": recipe, "photos": photos, "seed": seed, "accuracy": accuracy}
            for recipe, accuracy in accuracies.items()
        ]
        tables.write(pd.DataFrame(found), RESULT)
    print(pd.DataFrame(found).pivot_table("accuracy", "photos", "recipe").round(4))


if __name__ == "__main__":
    main()
