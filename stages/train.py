"""Train the network on the training rows: `models/model.keras`.

Run by `dvc repro train`; about a minute an epoch for ten thousand images on two cores. A training
that was interrupted goes on from the last finished epoch.
"""

import pandas as pd

from facemask import files, params, timing
from facemask.augmentation import augmenter
from facemask.files import remove, replacing
from facemask.model import network, schedule, training
from facemask.model.dataset import TrainingData, with_weights
from facemask.store import signature, tables
from facemask.store.pixels import Pixels
from stages import paths


def train(options: params.Train, size: int, seed: int) -> dict[str, list[float]]:
    """Train on images of `size` x `size` pixels, seeded by `seed`; return the epochs' seconds."""
    network.reproducible(seed)
    table = tables.read(paths.SPLIT)
    rows = with_weights(tables.subset(table, tables.TRAIN), options.balance)
    validation = with_weights(tables.subset(table, tables.VALIDATION), options.balance)
    data = TrainingData(
        rows=rows,
        positive=tables.classes(table)[1],
        pixels=Pixels(paths.RESIZED),
        batch_size=options.batch_size,
        seed=seed,
        min_steps=options.min_steps,
    )
    write_augmented(data, options.augmentation)
    plan = schedule.epochs(options, size)
    trained = training.train(
        options,
        plan=plan,
        data=data,
        validation=validation,
        backup=paths.BACKUP,
        show=show,
    )
    write_model(trained, data, options.start)
    write_details(trained, data, validation)
    remove(paths.BACKUP)
    files.write_json({}, paths.LIVE)  # `evaluate` measures the finished model
    return {"epochs": trained.history["seconds"].tolist()}


def write_augmented(data: TrainingData, options: params.Augmentation) -> None:
    """Write a picture of some training images as the network sees them."""
    count = min(len(data.rows), augmenter.COLUMNS * augmenter.ROWS)
    rows = data.rows.sample(count, random_state=data.seed)
    images = data.pixels[rows["row"].to_numpy()]
    with replacing(paths.PLOTS / "augmented.png") as file:
        augmenter.picture(images, options, data.seed).save(file, "PNG")


def show(history: pd.DataFrame) -> None:
    """Write the epochs so far where `dvc plots show` and `dvc exp show` look during a run."""
    tables.write(history.drop(columns="seconds"), paths.PLOTS / "history.csv")
    last = history.iloc[-1]
    figures = {
        "epoch": int(last["epoch"]),
        "val_loss": last["val_loss"],
        "val_accuracy": last["val_accuracy"],
    }
    files.write_json(figures, paths.LIVE)


def write_model(trained: training.Trained, data: TrainingData, start: str) -> None:
    """Write the model with the hashes of all images that it and its start were trained on."""
    numbers = data.rows["row"].to_numpy()
    hashes = signature.of_training(start, numbers, data.pixels.__getitem__)
    with replacing(paths.KERAS_MODEL) as file:
        network.save(trained.model, file, hashes)


def write_details(trained: training.Trained, data: TrainingData, validation: pd.DataFrame) -> None:
    """Write what is known about the saved model; `val_loss` and `val_accuracy` are its own."""
    details = {
        "parameters": trained.model.count_params(),
        "precision": trained.precision,
        "images": {tables.TRAIN: len(data.rows), tables.VALIDATION: len(validation)},
        "epochs": len(trained.history),
        "start_share": trained.start_share,
        "calibration": {"slope": trained.slope, "shift": trained.shift},
        "val_loss": trained.val_loss,
        "val_accuracy": trained.val_accuracy,
    }
    files.write_json(details, paths.DETAILS / "train.json")


if __name__ == "__main__":
    with timing.stage("train", paths.TIMING) as times:
        values = params.load(paths.PARAMS)
        times |= train(values.train, values.resize.size, values.seed)
