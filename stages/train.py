"""Train the network on the training rows and keep one epoch, `models/model.keras`.

Run by `dvc repro train`; about a minute an epoch for ten thousand images on two cores. When it was
interrupted, it goes on from the last finished epoch.
"""

import hashlib
from dataclasses import replace

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
    tables,
    training,
)
from facemask.errors import one_line_errors
from facemask.files import code_version, remove, replacing
from stages import paths

PICTURED = 60

CODE = (augmentation, dataset, network, training, keras, tf)


def train(options: params.Train, size: int, seed: int) -> None:
    """Train with `options` on images of `size` pixels; all chance follows from `seed`."""
    network.reproducible(seed)
    table = tables.read(paths.SPLIT_TABLE)
    positive = tables.classes(table)[1]
    rows = tables.side(table, tables.TRAIN)
    rows["weight"] = dataset.weights(rows, options.weight_by_group)
    kept = tables.side(table, tables.VALIDATION)
    validation = dataset.inference_batches(kept, positive, paths.RESIZED)
    augment = augmentation.augmenter(options.augmentation)
    data = dataset.TrainingData(rows, positive, paths.RESIZED, options.batch_size, seed, augment)
    shown = data.batches(range(1), size).unbatch().take(PICTURED).as_numpy_iterator()
    tiles = [Image.fromarray(np.uint8(pixels)) for pixels, *_ in shown]
    title = f"{len(tiles)} training images, as the augmentation changes them"
    pictures.write(pictures.sheet(title, tiles, columns=12), paths.PLOTS / "augmented.png")
    precision = network.precision(options.precision)
    model = network.in_precision(network.build(options.network, size), precision)
    everything = [options.model_dump_json(), precision, str(size), str(seed), code_version(*CODE)]
    everything += [rows.to_csv(), kept.to_csv()]
    key = hashlib.sha256("\n".join(everything).encode()).hexdigest()
    model, history = training.fit(
        model,
        data,
        validation,
        options,
        history=paths.PLOTS / "history.csv",
        backup=training.Backup(paths.BACKUP, key),
    )
    model = network.in_precision(model, "float32")
    slope, shift = 1.0, 0.0
    if options.calibrate:
        again = replace(data, rows=kept.assign(weight=1.0))
        slope, shift = _calibration(model, validation, again.batches(range(1), size))
        network.calibrate(model, slope, shift)
    with replacing(paths.KERAS_MODEL) as kept_model:
        network.save(model, kept_model)
    remove(paths.BACKUP)
    [chosen] = training.kept_epoch(history, options).to_dict("records")
    report.write_json(
        {
            "parameters": model.count_params(),
            "precision": precision,
            "images": {tables.TRAIN: len(rows), tables.VALIDATION: len(kept)},
            "epochs": len(history),
            "kept_epoch": chosen["epoch"],
            **{name: chosen[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
            "calibration": {"slope": slope, "shift": shift},
            "seconds": history["seconds"].sum(),
        },
        paths.METRICS / "train.json",
    )


def _calibration(model: keras.Model, *parts: tf.data.Dataset) -> tuple[float, float]:
    """Fit slope and shift on images as they are and as the augmentation changes them.

    So do they come to the device: neither as clean as validation nor as bad as in training.
    """
    shown = [(model.predict_on_batch(batch[0]), batch[1]) for part in parts for batch in part]
    probability, target = (np.concatenate(column)[:, 0] for column in zip(*shown, strict=True))
    return scores.calibration(target > 0, probability.astype(np.float64))


if __name__ == "__main__":
    with one_line_errors("train"):
        values = params.load(paths.PARAMS)
        train(values.train, values.resize.size, values.seed)
