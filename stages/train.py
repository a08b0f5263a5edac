"""Train the network on the training rows and keep one epoch, `models/model.keras`.

Run by `dvc repro train`; about a minute an epoch for ten thousand images on two cores. When it was
interrupted, it goes on from the last finished epoch. The first of several workers writes.
"""

import pandas as pd

from facemask import files, params, timing
from facemask.augmentation import augmenter as augmentation
from facemask.files import remove, replacing
from facemask.model import network, schedule, training, workers
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths


def train(options: params.Train, size: int, seed: int) -> dict[str, list[float]]:
    """Train on images of `size` pixels, all chance from `seed`; return the epochs' seconds."""
    team = workers.Team(workers.strategy())
    network.reproducible(seed)
    table, pixels = tables.read(paths.SPLIT), Pixels(paths.RESIZED)
    rows = tables.subset(table, tables.TRAIN)
    validation = tables.subset(table, tables.VALIDATION)
    images = tables.classes(table)[1], pixels, seed, paths.RAW, paths.CACHE
    data = training.training_data(options, rows, *images)
    if team.is_chief:
        with replacing(paths.PLOTS / "augmented.png") as picture:
            augmentation.picture(data.batches(range(1), size)).save(picture, "PNG")
    trained = training.train(options, size, data, validation, show, paths.BACKUP, team)
    if not team.is_chief:
        raise SystemExit  # with status 0
    with replacing(paths.KERAS_MODEL) as model:
        network.save(trained.model, model, trained.signature)
    remove(paths.BACKUP)
    files.write_json({}, paths.LIVE)  # a finished run is what `evaluate` measures of it
    files.write_json(
        {
            "parameters": trained.model.count_params(),
            "precision": trained.precision,
            "start_share": trained.start_share,
            "images": {tables.TRAIN: len(rows), tables.VALIDATION: len(validation)},
            **schedule.summary(trained.history, options),
            "calibration": dict(zip(("slope", "shift"), trained.calibration, strict=True)),
        },
        paths.DETAILS / "train.json",
    )
    return {"epochs": trained.history["seconds"].tolist()}


def show(history: pd.DataFrame) -> None:
    """Write the epochs so far where `dvc plots show` and `dvc exp show` look during a run."""
    tables.write(history.drop(columns="seconds"), paths.PLOTS / "history.csv")
    [last] = history.tail(1)[["epoch", "val_loss", "val_accuracy"]].to_dict("records")
    files.write_json({str(name): value for name, value in last.items()}, paths.LIVE)


if __name__ == "__main__":
    with timing.stage("train", paths.TIMING) as times:
        values = params.load(paths.PARAMS)
        times |= train(values.train, values.resize.size, values.seed)
