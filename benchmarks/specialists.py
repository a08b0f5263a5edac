"""Compare the model with models that are each trained for one change of the image.

Run `python -m benchmarks.specialists` where `dvc repro evaluate` has run on a collection with an
external test set; it takes three minutes for each change on two cores. For each change, the
model is trained for some more epochs on training images that all have the change. The
result is called the specialist. Both models then classify changed images. A decision flips if it
differs from the model's decision on the unchanged image. It writes `benchmarks/specialists.csv`:
the accuracy and flip rate of both models, a row for each change and subset.
"""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from facemask import files
from facemask.evaluation.robustness import CHANGES, Change
from facemask.model import network
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths

RESULT = Path(__file__).with_suffix(".csv")
CHANGED = (
    "exposure x2, clipped",
    "exposure x3, clipped",
    "left third cut off",
    "rotated by 45 degrees",
    "2 times as wide",
)
EPOCHS, BATCH, RATE = 4, 64, 5e-4


@dataclass(frozen=True)
class Faces:
    """Images, (n, side, side, 3), RGB 0-255, and whether each is of the positive class, (n,)."""

    images: NDArray[np.uint8]
    is_positive: NDArray[np.bool_]

    def changed(self, change: Change) -> NDArray[np.float32]:
        """Return the images after a change."""
        images = (change(Image.fromarray(image)) for image in self.images)
        return np.stack([np.asarray(image, np.float32) for image in images])


def read(rows: pd.DataFrame, pixels: Pixels, positive: str) -> Faces:
    """Return the images and classes of rows."""
    return Faces(pixels[rows["row"].to_numpy()], (rows["label"] == positive).to_numpy())


def specialist(faces: Faces, change: Change) -> keras.Model:
    """Return the model after more training, on images that all have the change."""
    network.reproducible(0)
    rng = np.random.default_rng(0)
    model = network.load(paths.KERAS_MODEL)
    images = faces.changed(change)
    targets = faces.is_positive.astype(np.float32)
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(images) // BATCH)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
    for _ in range(EPOCHS):
        mirrored = rng.random(len(images)) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
        model.fit(images, targets, BATCH, verbose=0)
    return model


def decisions(
    model: keras.Model, images: NDArray[np.float32], threshold: float
) -> NDArray[np.bool_]:
    """Return for each image whether the positive class is predicted, (n,)."""
    return np.asarray(model.predict(images, BATCH, verbose=0)[:, 0] >= threshold)


def main() -> None:
    """Measure every change, and write the table after each."""
    table = tables.read(paths.SPLIT)
    external = tables.read(paths.EXTERNAL)
    positive = tables.classes(table)[1]
    pixels = Pixels(paths.RESIZED)
    training = read(tables.subset(table, tables.TRAIN), pixels, positive)
    subsets = {
        "validation": read(tables.subset(table, tables.VALIDATION), pixels, positive),
        "external": read(external, Pixels(paths.RESIZED_EXTERNAL), positive),
    }
    model = network.load(paths.KERAS_MODEL)
    threshold = files.read_json(paths.DETAILS, "evaluate")["evaluate"]["threshold"]
    before = {
        name: decisions(model, faces.images.astype(np.float32), threshold)
        for name, faces in subsets.items()
    }
    rows = []
    for name in tqdm(CHANGED, unit="change", disable=None):
        change = CHANGES[name]
        models = {"model": model, "specialist": specialist(training, change)}
        for subset, faces in subsets.items():
            images = faces.changed(change)
            row: dict[str, object] = {"change": name, "subset": subset}
            row["clipped"] = float((images == 255).mean())
            for kind, classifier in models.items():
                decided = decisions(classifier, images, threshold)
                row[f"{kind}_accuracy"] = float((decided == faces.is_positive).mean())
                row[f"{kind}_flips"] = float((decided != before[subset]).mean())
            rows.append(row)
        tables.write(pd.DataFrame(rows).round(4), RESULT)
    print(pd.DataFrame(rows).round(4).to_string())


if __name__ == "__main__":
    main()
