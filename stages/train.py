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
    """Train the network and write the model, its history and its figures.

    Args:
        options: of the training.
        size: side of the square images in pixels.
        seed: of the weights, the order of the images and their changes.

    Returns:
        `epochs`: the seconds of each epoch.
    """
    network.reproducible(seed)

    # Read the images and their rows.
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

    # Plan the epochs, and train them.
    plan = schedule.epochs(options, size)
    trained = training.train(
        options,
        plan=plan,
        data=data,
        validation=validation,
        backup=paths.BACKUP,
        show=show,
    )

    # Write the finished model, and remove what a training needs while it runs.
    write_model(trained, data, options.start)
    write_details(trained, data, validation)
    remove(paths.BACKUP)
    files.write_json({}, paths.LIVE)  # the figures of the finished model come from `evaluate`
    return {"epochs": trained.history["seconds"].tolist()}


def write_augmented(data: TrainingData, options: params.Augmentation) -> None:
    """Write a picture of a sample of the training images as the network sees them."""
    count = min(len(data.rows), augmenter.COLUMNS * augmenter.ROWS)
    rows = data.rows.sample(count, random_state=data.seed)
    numbers = rows["row"].to_numpy()
    picture = augmenter.picture(data.pixels[numbers], options, data.seed)
    with replacing(paths.PLOTS / "augmented.png") as file:
        picture.save(file, "PNG")


def show(history: pd.DataFrame) -> None:
    """Write the epochs so far to files that `dvc plots show` and `dvc exp show` read."""
    epochs = history.drop(columns="seconds")
    tables.write(epochs, paths.PLOTS / "history.csv")
    last = history.iloc[-1]
    figures = {
        "epoch": int(last["epoch"]),
        "val_loss": last["val_loss"],
        "val_accuracy": last["val_accuracy"],
    }
    files.write_json(figures, paths.LIVE)


def write_model(
    trained: training.Trained,
    data: TrainingData,
    start: str,
) -> None:
    """Write the model with the hashes of all images that it and its start were trained on.

    Args:
        trained: has the model.
        data: has the training images.
        start: a `.keras` file, or `scratch`.
    """
    numbers = data.rows["row"].to_numpy()
    hashes = signature.of_training(start, numbers, data.pixels.__getitem__)
    with replacing(paths.KERAS_MODEL) as file:
        network.save(trained.model, file, hashes)


def write_details(
    trained: training.Trained,
    data: TrainingData,
    validation: pd.DataFrame,
) -> None:
    """Write the figures of the training and of the saved model.

    `val_loss` and `val_accuracy` are those of the saved model.
    """
    images = {
        tables.TRAIN: len(data.rows),
        tables.VALIDATION: len(validation),
    }
    calibration = {
        "slope": trained.slope,
        "shift": trained.shift,
    }
    details = {
        "parameters": trained.model.count_params(),
        "precision": trained.precision,
        "images": images,
        "epochs": len(trained.history),
        "start_share": trained.start_share,
        "calibration": calibration,
        "val_loss": trained.val_loss,
        "val_accuracy": trained.val_accuracy,
    }
    files.write_json(details, paths.DETAILS / "train.json")


if __name__ == "__main__":
    with timing.stage("train", paths.TIMING) as times:
        values = params.load(paths.PARAMS)
        times |= train(values.train, values.resize.size, values.seed)
