"""The training loop: Adam on binary cross-entropy, epoch by epoch, each kept for a restart."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from facemask import params
from facemask.augmentation import augmenter as augmentation
from facemask.errors import UserError
from facemask.files import code_version
from facemask.model import (
    calibration,
    dataset,
    distillation,
    network,
    schedule,
    starting,
    teacher,
    workers,
)
from facemask.model.backup import Backup
from facemask.model.epochs import Epochs
from facemask.model.progress import Progress
from facemask.model.workers import Team
from facemask.store import signature
from facemask.store.pixels import Pixels

_OURS = (augmentation, *augmentation.CODE, dataset, distillation, network, starting, calibration)
CODE = (*_OURS, schedule, teacher, workers, keras, tf)
"""What a training depends on besides its options and rows."""


class Trained(NamedTuple):
    """A finished training.

    Attributes:
        model: of the kept epoch, calibrated if that is wanted, float32.
        history: a row an epoch: epoch (from 1), size (of the images in pixels), loss, accuracy,
            val_loss, val_accuracy, learning_rate, seconds.
        precision: that products were computed in.
        start_share: of what was trained, in its mix with the start; 1 without one.
        calibration: slope and shift of the logit.
        signature: hashes of all images that the model was trained on, those of its start too.
    """

    model: keras.Model
    history: pd.DataFrame
    precision: str
    start_share: float
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
    team: Team | None = None,
) -> Trained:
    """Build a network, train it and calibrate it.

    Args:
        options: all of them.
        size: of the images in pixels.
        data: to train on.
        validation: rows to validate and calibrate on.
        show: gets the history so far when an epoch ends, of several workers the chief's.
        backup: folder where a training that was interrupted goes on from.
        team: who trains; this process alone if not given.

    Raises:
        UserError: as `fit` and `Backup`, or the machine has not the wanted precision, or the file
            to start from is of another network.
    """
    team = team or Team()
    precision = network.precision(options.precision)
    batches = partial(dataset.inference_batches, validation, data.positive, data.pixels)
    model, start = network.build(options.network, size), b""
    if options.start != params.SCRATCH:
        start = starting.start(model, Path(options.start), options)
        starting.turn_if_reversed(model, data.rows, data.positive, data.pixels)
    with team.scope():
        model = network.in_precision(model, precision, synchronized=len(team) > 1)
    state = [options.model_dump_json(), precision, str(size), str(data.seed), code_version(*CODE)]
    state += [str(len(team))]
    state += [data.rows.to_csv(), validation.to_csv(), hashlib.sha256(start).hexdigest()]
    key = hashlib.sha256("\n".join(state).encode()).hexdigest()
    kept = Backup(backup, key, team)
    visible = show if team.is_chief else lambda history: None
    before = model.get_weights()
    model, rows = fit(model, data, batches, options, show=visible, backup=kept, team=team)
    model, share = network.in_precision(model, "float32"), 1.0
    if start:
        share = starting.mix(model, before, options.start_shares, batches())
    line = 1.0, 0.0
    if options.calibrate:
        line = calibration.fit(model, batches())
        calibration.apply(model, *line)
    shown = signature.hashed(data.rows["row"].to_numpy(), data.pixels.__getitem__)
    images = np.append(shown, signature.read(options.start))
    return Trained(model, rows, precision, share, line, images)


def fit(
    model: keras.Model,
    data: dataset.TrainingData,
    validation: Callable[..., tf.data.Dataset],
    options: params.Train,
    *,
    show: Callable[[pd.DataFrame], None],
    backup: Backup,
    team: Team,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train, and keep the epoch of the least validation loss, or the last.

    What fine-tuning leaves may be mixed with the weights before it.

    The first epochs may be trained, and validated, on smaller images (progressive resizing: Howard
    2018).

    Args:
        model: from `network.build`, untrained, made in the scope of the team.
        data: to train on.
        validation: `dataset.inference_batches` of images, but for their size and the worker.
        options: all but the network's layers and its augmentation counts here.
        show: gets the history so far when an epoch ends.
        backup: where a training that was interrupted goes on from.
        team: who trains.

    Returns:
        The model of the kept epoch, and the history: epoch (from 1), size (of the images
        in pixels), loss, accuracy, val_loss, val_accuracy, learning_rate, seconds.

    Raises:
        UserError: the loss became infinite or not a number, or the memory does not suffice, or
            another worker of the team is gone.
    """
    size = model.input_shape[1]
    with team.scope():
        optimizer = schedule.optimizer(options, len(data), model.layers[0].dtype_policy.name)
        features = distillation.head(0 if data.features is None else data.features.shape[1])
        full = distillation.student(model, size, features)
        optimizer.build(full.trainable_variables)
    record = Epochs(full, options, show, backup)
    plan = schedule.plan(options, size)
    while not record.is_done():
        done = len(record.rows)
        size, fine = plan[done]
        sized = distillation.student(model, size, features)
        epochs = range(done, done + plan[done:].count(plan[done]))
        averages = [keras.callbacks.SwapEMAWeights()] if options.ema_momentum else []
        with team.scope():
            sized.compile(
                optimizer,
                distillation.loss(options.distillation),
                metrics=[distillation.accuracy],
                weighted_metrics=[distillation.cross_entropy],
            )
            team.adapt(sized)
            record.restore(sized)  # Keras leaves averaged weights in the model after `fit`
            try:
                sized.fit(
                    team.spread(data.batches, epochs, size, not fine),
                    validation_data=team.spread(validation, size),
                    validation_steps=len(validation()),
                    initial_epoch=epochs.start,
                    epochs=epochs.stop,
                    steps_per_epoch=len(data),
                    shuffle=False,
                    verbose=0,
                    callbacks=[*averages, Progress(data, options), record],
                )
            except (MemoryError, tf.errors.ResourceExhaustedError) as error:
                raise UserError(
                    f"train.batch_size = {options.batch_size}: out of memory; lower it, or "
                    "resize.size"
                ) from error
    with team.scope():
        record.load_kept(optimizer)
    team.from_chief(0)  # who may remove the backup only when all have read it
    return model, record.rows
