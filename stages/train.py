"""Train the network on the training rows and keep one epoch, `models/model.keras`.

Run by `dvc repro train`; about a minute an epoch for ten thousand images on two cores. When it was
interrupted, it goes on from the last finished epoch.
"""

import hashlib

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from facemask import (
    augmentation,
    dataset,
    network,
    params,
    pictures,
    report,
    scores,
    splitting,
    tables,
    training,
)
from facemask.errors import one_line_errors
from facemask.files import remove, replacing
from facemask.memo import version
from stages import paths

PICTURED = 60

CODE = (augmentation, dataset, network, training, keras, tf)


def train(options: params.Train, size: int, seed: int) -> None:
    """Train with `options` on images of `size` pixels; all chance follows from `seed`."""
    network.reproducible(seed)
    table = tables.read(paths.SPLIT_TABLE)
    positive = tables.classes(table)[1]
    rows = tables.side(table, tables.TRAIN)
    rows["weight"] = splitting.weights(rows, options.weight_by_group)
    kept = tables.side(table, tables.VALIDATION)
    validation = dataset.inference_batches(kept, positive, paths.RESIZED)
    augment = augmentation.augmenter(options.augmentation)
    data = dataset.TrainingData(rows, positive, paths.RESIZED, options.batch_size, seed, augment)
    _picture(data)
    model = network.build(options.network, size)
    everything = [options.model_dump_json(), str(size), str(seed), version(*CODE)]
    everything += [rows.to_csv(), kept.to_csv()]
    key = hashlib.sha256("\n".join(everything).encode()).hexdigest()
    with replacing(paths.KERAS_MODEL) as best:
        history = training.fit(
            model,
            data,
            validation,
            options,
            best=best,
            history=paths.PLOTS / "history.csv",
            backup=training.Backup(paths.BACKUP, key),
        )
        temperature = 1.0
        if options.calibrate:
            model = network.load(best)
            probability = network.predict(model, validation)
            temperature = scores.temperature(kept["label"], probability, positive)
            network.calibrate(model, temperature)
            model.save(best)
        network.forget_circumstances(best)
    remove(paths.BACKUP)
    kept_epoch = history.nsmallest(1, "val_loss") if options.keep == "best" else history.tail(1)
    [chosen] = kept_epoch.to_dict("records")
    report.write_json(
        {
            "parameters": model.count_params(),
            "images": {tables.TRAIN: len(rows), tables.VALIDATION: len(kept)},
            "epochs": len(history),
            "kept_epoch": chosen["epoch"],
            **{name: chosen[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
            "temperature": temperature,
            "seconds": history["seconds"].sum(),
        },
        paths.METRICS / "train.json",
    )


def _picture(data: dataset.TrainingData) -> None:
    """Show what the network will see first."""
    shown = data.batches(range(1)).unbatch().take(PICTURED).as_numpy_iterator()
    tiles = [Image.fromarray(np.uint8(pixels)) for pixels, *_ in shown]
    title = f"{len(tiles)} training images, as the augmentation changes them"
    pictures.write(pictures.sheet(title, tiles, columns=12), paths.PLOTS / "augmented.png")


if __name__ == "__main__":
    with one_line_errors("train"):
        values = params.load(paths.PARAMS)
        train(values.train, values.resize.size, values.seed)
