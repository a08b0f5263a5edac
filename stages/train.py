"""Train the network on the training subset, and write `models/model.keras`.

Run by `dvc repro train`; an epoch of ten thousand images takes about a minute on two cores. An
interrupted training continues after its last finished epoch.
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
    """Train the network, and write the model, its history and its figures.

    Args:
        options: section `train` of params.yaml.
        size: side of the square images in pixels.
        seed: seeds the weights, the order of the images and the augmentation.

    Returns:
        `epochs`: the duration of each epoch in seconds.
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

    # Train the epochs of the plan.
    plan = schedule.epochs(options, size)
    trained = training.train(
        options,
        plan=plan,
        data=data,
        validation=validation,
        backup=paths.BACKUP,
        show=write_history,
    )

    # Write the finished model, and remove the checkpoint. Clear the file `paths.LIVE`, because it
    # has the figures of the last epoch and not those of the final model.
    write_model(trained, data, options.start)
    write_details(trained, data, validation)
    remove(paths.BACKUP)
    files.write_json({}, paths.LIVE)
    return {"epochs": trained.history["seconds"].tolist()}


def write_augmented(data: TrainingData, options: params.Augmentation) -> None:
    """Write a picture of randomly chosen training images with augmentation."""
    count = min(len(data.rows), augmenter.COLUMNS * augmenter.ROWS)
    rows = data.rows.sample(count, random_state=data.seed)
    numbers = rows["row"].to_numpy()
    picture = augmenter.picture(data.pixels[numbers], options, data.seed)
    with replacing(paths.PLOTS / "augmented.png") as file:
        picture.save(file, "PNG")


def write_history(history: pd.DataFrame) -> None:
    """Write the figures of the finished epochs for `dvc plots show` and `dvc exp show`."""
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
    """Write the model, with perceptual hashes of all images that it was trained on.

    Args:
        trained: the finished training.
        data: the training images.
        start: `train.start`. If it is a file, the hashes in this file are written, too.
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
    """Write the figures of the training, and those of the saved model on validation."""
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
        "trained_share": trained.trained_share,
        "calibration": calibration,
        "val_loss": trained.val_loss,
        "val_accuracy": trained.val_accuracy,
    }
    files.write_json(details, paths.DETAILS / "train.json")


if __name__ == "__main__":
    with timing.stage("train", paths.TIMING) as times:
        values = params.load(paths.PARAMS)
        times |= train(values.train, values.resize.size, values.seed)
