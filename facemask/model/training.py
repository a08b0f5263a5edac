"""The training, from labelled images to the final model.

`train` builds the network, trains the epochs that `schedule` plans, and makes the final model. A
checkpoint is written after each epoch. So an interrupted training continues after the last
finished epoch. Its final model has the same bytes as that of an uninterrupted training.
"""

import hashlib
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray
from scipy import stats
from tqdm import tqdm

import facemask.augmentation
import facemask.model
import facemask.store
from facemask import params
from facemask.augmentation import augmenter
from facemask.errors import UserError
from facemask.files import code_version, remove, replacing
from facemask.model import calibration, dataset, network, schedule
from facemask.store import signature

CODE = (facemask.augmentation, facemask.model, facemask.store, keras, tf)
"""Code on which the result of a training depends."""

FINE_TUNED_SHARE = 0.75
"""Share of the fine-tuned weights in the average with the weights before fine-tuning."""

TRAINED_SHARES = (0.25, 0.5, 1.0)
"""`average_with_start` tries these shares of the trained weights."""

TOLERANCE = 0.005
"""Difference in log-loss that is too small to matter; see `average_with_start`."""

NAMED_IMAGES = 3
"""Largest number of images that an error message names."""

STATE = "state.npz"
"""File with the network and the optimizer after the last finished epoch."""

BEFORE_FINE_TUNING = "before-fine-tuning.npz"
"""File with the network and the optimizer before fine-tuning."""

HISTORY = "history.csv"
"""File with the figures of all finished epochs."""

FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy")
"""Keras' names for the figures of an epoch."""

Weights = list[NDArray[Any]]


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        model: the final model, in float32.
        history: a row for each epoch, with `epoch` (from 1), `size` (side of the images in
            pixels), `loss`, `accuracy`, `val_loss`, `val_accuracy`, `learning_rate` and `seconds`.
        precision: precision of the training, from `network.precision`.
        trained_share: share of the trained weights in the average with the weights of
            `train.start`. It is 1 if they are not averaged.
        slope: slope of the calibration; see `calibration.platt`.
        shift: shift of the calibration.
        val_loss: log-loss of the final model on validation.
        val_accuracy: accuracy of the final model on validation, at threshold 0.5.
    """

    model: keras.Model
    history: pd.DataFrame
    precision: str
    trained_share: float
    slope: float
    shift: float
    val_loss: float
    val_accuracy: float


def train(
    options: params.Train,
    plan: Sequence[schedule.Epoch],
    data: dataset.TrainingData,
    validation: pd.DataFrame,
    backup: Path,
    show: Callable[[pd.DataFrame], None],
) -> Trained:
    """Build a network, train it and make the final model.

    Args:
        options: section `train` of params.yaml.
        plan: from `schedule.epochs`.
        data: the training images.
        validation: rows of the validation images. Their `weight` is used for the calibration.
        backup: folder for the checkpoint.
        show: called after each epoch with the history of the finished epochs.

    Raises:
        UserError: the machine cannot compute in the wanted precision, `train.start` has other
            layers, the loss became infinite or not a number, or memory ran out.
    """
    precision = network.precision(options.precision)
    model = network.build(options.network, plan[-1].size)
    if options.start != params.SCRATCH:
        network.start_from(Path(options.start), model)
        calibration.swap_classes_if_reversed(
            model,
            data.rows,
            data.positive,
            data.pixels,
        )
    start = model.get_weights()
    key = _key(
        options,
        plan,
        data,
        validation,
        precision,
        start,
    )
    checkpoint = Checkpoint(backup, key)
    model = network.in_precision(model, precision)
    optimizer = schedule.optimizer(options, plan, len(data), precision)
    recorder = Recorder(data, plan, options, checkpoint, show)
    fit(model, optimizer, validation, recorder)
    return final_model(model, optimizer, validation, recorder, start)


def fit(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    validation: pd.DataFrame,
    recorder: "Recorder",
) -> None:
    """Train the epochs of the plan that are not finished yet.

    Consecutive epochs that are equal in the plan are trained together, by one call of Keras' `fit`.
    """
    optimizer.build(model.trainable_variables)
    data = recorder.data
    plan = recorder.plan
    while len(recorder.history) < len(plan):
        done = len(recorder.history)
        epoch = plan[done]
        numbers = range(done, done + plan[done:].count(epoch))
        sized = network.at_size(model, epoch.size)
        sized.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
        # With `adamw`, the layers contain the EMA of the weights after a call of Keras' `fit`. The
        # checkpoint contains the weights themselves, so it is loaded again.
        recorder.checkpoint.load(sized)
        images = dataset.inference_batches(
            validation,
            data.positive,
            data.pixels,
            epoch.size,
        )
        callbacks: list[keras.callbacks.Callback] = [recorder]
        if recorder.options.optimizer == "adamw":
            callbacks.insert(0, keras.callbacks.SwapEMAWeights())
        augment = augmenter.augmenter(epoch.augmentation)
        try:
            sized.fit(
                data.batches(numbers, epoch.size, augment),
                validation_data=images,
                initial_epoch=numbers.start,
                epochs=numbers.stop,
                steps_per_epoch=len(data),
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            raise UserError(
                f"train.batch_size = {data.batch_size}: out of memory; lower it, or resize.size"
            ) from error


def final_model(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    validation: pd.DataFrame,
    recorder: "Recorder",
    start: Weights,
) -> Trained:
    """Make the final model, and measure it on validation.

    The final weights are made in these steps:

    1. With `adamw`, take the EMA of the trained weights. With `adam`, take the trained weights.
    2. If there was fine-tuning, average them with the weights before fine-tuning.
    3. If `train.start` was trained on more images than this model, average them with the weights
       before the training.
    4. With `train.calibrate`, calibrate the model.

    Args:
        model: the trained model.
        optimizer: the optimizer of the training.
        validation: as for `train`.
        recorder: has the history and the checkpoint.
        start: weights before the training.
    """
    options = recorder.options
    data = recorder.data
    weights = read_weights(model, optimizer, recorder.checkpoint, STATE)
    if options.fine_tuning_epochs:
        before = read_weights(
            model,
            optimizer,
            recorder.checkpoint,
            BEFORE_FINE_TUNING,
        )
        weights = average(before, weights, FINE_TUNED_SHARE)
    precision = model.layers[0].dtype_policy.name
    model = network.in_precision(model, "float32")
    model.set_weights(weights)
    batches = dataset.inference_batches(validation, data.positive, data.pixels)
    trained_share = 1.0
    if start_has_more_images(options.start, data):
        trained_share = average_with_start(model, start, batches)
    slope = 1.0
    shift = 0.0
    if options.calibrate:
        weights_of_images = validation["weight"].to_numpy()
        slope, shift = calibration.fit(model, batches, weights_of_images)
        calibration.apply(model, slope, shift)
    targets, probabilities = network.targets_and_probabilities(model, batches)
    return Trained(
        model=model,
        history=recorder.history,
        precision=precision,
        trained_share=trained_share,
        slope=slope,
        shift=shift,
        val_loss=float(np.mean(losses(targets, probabilities))),
        val_accuracy=float(np.mean((probabilities >= 0.5) == targets)),
    )


def read_weights(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    checkpoint: "Checkpoint",
    name: str,
) -> Weights:
    """Return the trained weights in a file of the checkpoint. With `adamw`, return their EMA.

    Args:
        model: gets the returned weights.
        optimizer: the optimizer of the training.
        checkpoint: has the file.
        name: `STATE` or `BEFORE_FINE_TUNING`.
    """
    model.compile(optimizer)
    checkpoint.load(model, name)
    optimizer.finalize_variable_values(model.trainable_variables)
    return list(model.get_weights())


def start_has_more_images(start: str, data: dataset.TrainingData) -> bool:
    """Return whether the model in `train.start` was trained on more images than this training.

    If the file does not list its training images, the answer is yes.
    """
    if start == params.SCRATCH:
        return False
    images = len(signature.read(start))
    return images == 0 or images > len(data.rows)


def average_with_start(
    model: keras.Model,
    start: Weights,
    batches: tf.data.Dataset,
) -> float:
    """Average the trained weights of a model with its weights before the training.

    Training on few images improves a model on similar images. It makes the model worse on others
    (Wortsman et al. 2022). The best share in `TRAINED_SHARES` has the lowest mean loss on
    validation. This function chooses the smallest share that is not clearly worse than the best. A
    share is clearly worse if its mean loss is higher by more than `TOLERANCE` plus two standard
    errors of the difference.

    Args:
        model: the trained model. It gets the averaged weights.
        start: weights before the training.
        batches: validation images and targets, 0 or 1.

    Returns:
        The share of the trained weights in the average.
    """
    trained = model.get_weights()
    losses_by_share = {}
    for share in TRAINED_SHARES:
        model.set_weights(average(start, trained, share))
        losses_by_share[share] = losses(*network.targets_and_probabilities(model, batches))
    best = min(losses_by_share.values(), key=np.mean)
    allowed = []
    for share, loss in losses_by_share.items():
        excess = loss - best
        if excess.mean() <= TOLERANCE + 2 * stats.sem(excess):
            allowed.append(share)
    share = min(allowed)
    model.set_weights(average(start, trained, share))
    return share


def average(before: Weights, after: Weights, share: float) -> Weights:
    """Return `(1 - share) * before + share * after` for each weight.

    Formula: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".
    """
    pairs = zip(before, after, strict=True)
    return [(1 - share) * old + share * new for old, new in pairs]


def losses(targets: NDArray[np.float32], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the binary cross-entropy of each image, (n,). Both arguments are (n, 1)."""
    return np.asarray(keras.losses.binary_crossentropy(targets, probabilities))


class Recorder(keras.callbacks.Callback):
    """Keras callback that shows a progress bar, and records the history and the checkpoint.

    Attributes:
        history: rows of the finished epochs, as in `Trained.history`.
    """

    def __init__(
        self,
        data: dataset.TrainingData,
        plan: Sequence[schedule.Epoch],
        options: params.Train,
        checkpoint: "Checkpoint",
        show: Callable[[pd.DataFrame], None],
    ) -> None:
        """Read the history of the checkpoint, if there is one. `train` explains the arguments."""
        super().__init__()
        self.data = data
        self.plan = plan
        self.options = options
        self.checkpoint = checkpoint
        self.show = show
        self.history = checkpoint.history()
        if len(self.history):
            show(self.history)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Show a new progress bar."""
        self.epoch = epoch
        self.title = f"epoch {epoch + 1}/{len(self.plan)}"
        self.bar = tqdm(
            total=self.data.images,
            desc=self.title,
            unit="image",
            disable=None,
        )
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Update the progress bar. Raise an error if the loss is not finite."""
        figures = logs or {}
        if not math.isfinite(figures["loss"]):
            paths = self.data.paths(self.epoch, batch)
            names = ", ".join(paths[:NAMED_IMAGES])
            others = len(paths) - NAMED_IMAGES
            more = f" and {others} more" if others > 0 else ""
            raise self._diverged(f"in batch {batch + 1}: {names}{more}")
        self.bar.set_postfix(
            loss=figures["loss"],
            accuracy=figures["accuracy"],
            refresh=False,
        )
        done = min((batch + 1) * self.data.batch_size, self.data.images)
        self.bar.update(done - self.bar.n)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print and record the figures of the epoch. Raise an error if the loss is not finite."""
        self.bar.close()
        logs = logs or {}
        figures = {name: logs[name] for name in FIGURES}
        if not math.isfinite(figures["val_loss"]):
            raise self._diverged("in validation")
        summary = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        print(f"{self.title}: {summary}", flush=True)
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        row = {
            "epoch": epoch + 1,
            "size": self.plan[epoch].size,
            **figures,
            "learning_rate": float(rate),
            "seconds": time.perf_counter() - self.start,
        }
        rows = [self.history, pd.DataFrame([row])]
        self.history = pd.concat(rows, ignore_index=True)
        self.show(self.history)
        fine_tunes_next = epoch + 1 == self.options.epochs
        self.checkpoint.keep(self.model, self.history, fine_tunes_next)

    def _diverged(self, where: str) -> UserError:
        return UserError(
            f"train.learning_rate = {self.options.learning_rate}: the loss became infinite or not "
            f"a number in {self.title}, {where}; try a smaller rate"
        )


class Checkpoint:
    """Files with the state of a training after its last finished epoch.

    The files of an epoch are written all together or not at all.
    """

    def __init__(self, folder: Path, key: str) -> None:
        """Use the subfolder `key`, and remove the checkpoints of other trainings."""
        self.folder = folder / key
        for other in folder.glob("*"):
            if other != self.folder:
                remove(other)

    def last(self) -> Path | None:
        """Return the folder of the last finished epoch, or None."""
        return max(self.folder.glob("epoch-*"), default=None)

    def history(self) -> pd.DataFrame:
        """Return the history of all finished epochs; empty without a checkpoint."""
        last = self.last()
        if last is None:
            return pd.DataFrame()
        return pd.read_csv(last / HISTORY, float_precision="round_trip")

    def load(self, model: keras.Model, name: str = STATE) -> None:
        """Load the checkpoint, if there is one, into a compiled model and its optimizer."""
        last = self.last()
        if last is None:
            return
        with np.load(last / name) as arrays:
            pairs = zip(_variables(model), arrays.values(), strict=True)
            for variable, array in pairs:
                variable.assign(array)

    def keep(
        self,
        model: keras.Model,
        history: pd.DataFrame,
        fine_tunes_next: bool,
    ) -> None:
        """Write the checkpoint of a finished epoch, and remove that of the epoch before."""
        last = self.last()
        arrays = map(keras.ops.convert_to_numpy, _variables(model))
        with replacing(self.folder / f"epoch-{len(history):04d}") as folder:
            folder.mkdir()
            np.savez(folder / STATE, *arrays)
            if fine_tunes_next:
                shutil.copy(folder / STATE, folder / BEFORE_FINE_TUNING)
            elif last and (last / BEFORE_FINE_TUNING).exists():
                shutil.copy(last / BEFORE_FINE_TUNING, folder)
            history.to_csv(folder / HISTORY, index=False)
        if last:
            remove(last)


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Return all variables of a compiled model and of its optimizer.

    `Checkpoint` saves them with NumPy. Keras uses HDF5, which crashes if the disk is full.
    """
    return [*model.variables, *model.optimizer.variables]


def _key(
    options: params.Train,
    plan: Sequence[schedule.Epoch],
    data: dataset.TrainingData,
    validation: pd.DataFrame,
    precision: str,
    start: Weights,
) -> str:
    """Return a hash of everything that the result depends on. It is the key of the checkpoint."""
    first_weights = b"".join(weight.tobytes() for weight in start)
    parts = [
        options.model_dump_json(),
        repr(plan),
        str(data.seed),
        precision,
        data.rows.to_csv(),
        validation.to_csv(),
        hashlib.sha256(first_weights).hexdigest(),
        code_version(*CODE),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
