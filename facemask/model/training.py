"""The training loop: Adam on binary cross-entropy, epoch by epoch, each kept for a restart."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from facemask import params
from facemask.data import signature
from facemask.data.pixels import Pixels
from facemask.errors import UserError
from facemask.files import code_version
from facemask.model import (
    augmentation,
    calibration,
    dataset,
    distillation,
    network,
    schedule,
    starting,
    teacher,
)
from facemask.model.backup import Backup
from facemask.model.epochs import Epochs
from facemask.model.progress import Progress

_OURS = (augmentation, *augmentation.CODE, dataset, distillation, network, starting, calibration)
CODE = (*_OURS, schedule, teacher, keras, tf)
"""What a training depends on besides its options and rows."""


class Trained(NamedTuple):
    """A finished training.

    Attributes:
        model: of the kept epoch, calibrated if that is wanted, float32.
        history: a row an epoch: epoch (from 1), size (of the images in pixels), loss, accuracy,
            val_loss, val_accuracy, learning_rate, seconds.
        precision: that products were computed in.
        calibration: slope and shift of the logit.
        signature: hashes of all images that the model was trained on, those of its start too.
    """

    model: keras.Model
    history: pd.DataFrame
    precision: str
    calibration: tuple[float, float]
    signature: signature.Hashes


def training_data(
    options: params.Train,
    rows: pd.DataFrame,
    positive: str,
    pixels: Pixels,
    seed: int,
    raw: Path,
    cache: Path,
) -> dataset.TrainingData:
    """Return some images as `options` would have them shown.

    Args:
        options: of the training.
        rows: with `path`, `sha256`, `row`, `label` and `group`.
        positive: name of the positive class.
        pixels: the images, by `row`.
        seed: of all chance.
        raw: folder of shards of the original images, which a teacher sees.
        cache: SQLite file that spares it work.

    Raises:
        UserError: as `teacher.features`.
    """
    weighted = rows.assign(weight=dataset.weights(rows, options.weight_by_group))
    full, mild = augmentation.augmenters(options)
    batch = options.batch_size, seed, full, options.min_steps, mild
    features = None
    if options.distillation:
        features = distillation.targets(teacher.features(list(rows["sha256"]), raw, cache))
    return dataset.TrainingData(weighted, positive, pixels, *batch, features)


def train(
    options: params.Train,
    size: int,
    data: dataset.TrainingData,
    validation: pd.DataFrame,
    show: Callable[[pd.DataFrame], None],
    backup: Path,
) -> Trained:
    """Build a network, train it and calibrate it.

    Args:
        options: all of them.
        size: of the images in pixels.
        data: to train on.
        validation: rows to validate and calibrate on.
        show: gets the history so far when an epoch ends.
        backup: folder where a training that was interrupted goes on from.

    Raises:
        UserError: as `fit`, or the processor has not the wanted precision, or the file to start
            from is of another network.
    """
    precision = network.precision(options.precision)
    batches = dataset.inference_batches(validation, data.positive, data.pixels)
    model, start = network.build(options.network, size), b""
    if options.start != params.SCRATCH:
        start = starting.start(model, Path(options.start), options)
        starting.turn_if_reversed(model, data.rows, data.positive, data.pixels)
    model = network.in_precision(model, precision)
    state = [options.model_dump_json(), precision, str(size), str(data.seed), code_version(*CODE)]
    state += [data.rows.to_csv(), validation.to_csv(), hashlib.sha256(start).hexdigest()]
    key = hashlib.sha256("\n".join(state).encode()).hexdigest()
    model, rows = fit(model, data, batches, options, show=show, backup=Backup(backup, key))
    model = network.in_precision(model, "float32")
    line = 1.0, 0.0
    if options.calibrate:
        line = calibration.fit(model, batches)
        calibration.apply(model, *line)
    shown = signature.hashed(data.rows["row"].to_numpy(), data.pixels.__getitem__)
    images = np.append(shown, signature.read(options.start))
    return Trained(model, rows, precision, line, images)


def fit(
    model: keras.Model,
    data: dataset.TrainingData,
    validation: tf.data.Dataset,
    options: params.Train,
    *,
    show: Callable[[pd.DataFrame], None],
    backup: Backup,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train, and keep the epoch of the least validation loss, or the last.

    What fine-tuning leaves may be mixed with the weights before it.

    The first epochs may be trained, and validated, on smaller images (progressive resizing: Howard
    2018).

    Args:
        model: from `network.build`, untrained.
        data: to train on.
        validation: batches from `dataset.inference_batches`.
        options: all but the network's layers and its augmentation counts here.
        show: gets the history so far when an epoch ends.
        backup: where a training that was interrupted goes on from.

    Returns:
        The model of the kept epoch, and the history: epoch (from 1), size (of the images
        in pixels), loss, accuracy, val_loss, val_accuracy, learning_rate, seconds.

    Raises:
        UserError: the loss became infinite or not a number, or the memory does not suffice.
    """
    optimizer = schedule.optimizer(options, len(data))
    size = model.input_shape[1]
    features = distillation.head(0 if data.features is None else data.features.shape[1])
    full = distillation.student(model, size, features)
    optimizer.build(full.trainable_variables)
    record = Epochs(full, options, show, backup)
    plan = schedule.plan(options, size)
    while not record.is_done():
        done = len(record.rows)
        size, fine = plan[done]
        sized = distillation.student(model, size, features)
        sized.compile(
            optimizer,
            distillation.loss(options.distillation),
            metrics=[distillation.accuracy],
            weighted_metrics=[distillation.cross_entropy],
        )
        record.restore(sized)  # Keras leaves averaged weights in the model after `fit`
        averages = [keras.callbacks.SwapEMAWeights()] if options.ema_momentum else []
        epochs = range(done, done + plan[done:].count(plan[done]))
        try:
            sized.fit(
                data.batches(epochs, size, mildly=not fine),
                validation_data=dataset.shrunk(validation, size),
                initial_epoch=epochs.start,
                epochs=epochs.stop,
                steps_per_epoch=len(data),
                shuffle=False,
                verbose=0,
                callbacks=[*averages, Progress(data, options), record],
            )
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            raise UserError(
                f"train.batch_size = {options.batch_size}: out of memory; lower it, or resize.size"
            ) from error
    record.load_kept(optimizer)
    return model, record.rows
