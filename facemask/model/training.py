"""A training, from labelled images to the model that is saved.

`train` builds the network, trains it epoch by epoch as `schedule` plans, and makes the final model.
Each finished epoch is kept on the disk. So a training that was interrupted goes on from there, and
ends in the same bytes as an undisturbed training.
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
"""Modules that a training depends on."""

FINE_TUNED_SHARE = 0.75
"""Share of the weights after fine-tuning in their mix with the weights before it."""

TRAINED_SHARES = (0.25, 0.5, 1.0)
"""Shares of the trained weights that are tried in their mix with the weights of the start."""

TOLERANCE = 0.005
"""Log-loss by which a mix with the start may be worse than the best mix."""

NAMED_IMAGES = 3
"""Largest number of images that the error about a diverged batch names."""

STATE = "state.npz"
"""The network and the optimizer after the last finished epoch."""

BEFORE_FINE_TUNING = "before-fine-tuning.npz"
"""The network and the optimizer after the last epoch before fine-tuning."""

HISTORY = "history.csv"

FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy")
"""Figures of each epoch, by Keras' names."""

Weights = list[NDArray[Any]]


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        model: the final model, in float32.
        history: a row for each epoch: epoch (from 1), size (of the images in pixels), loss,
            accuracy, val_loss, val_accuracy, learning_rate, seconds.
        precision: number type of the matrix products in training.
        start_share: share of the trained weights in the mix with the start; 1 without a start.
        slope: of the calibrated logit.
        shift: of the calibrated logit.
        val_loss: log-loss of the final model on validation.
        val_accuracy: accuracy of the final model on validation, at threshold 0.5.
    """

    model: keras.Model
    history: pd.DataFrame
    precision: str
    start_share: float
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
        options: of the training.
        plan: from `schedule.epochs`.
        data: to train on.
        validation: rows to validate and calibrate on, with `weight`, the weight of the image in
            the calibration.
        backup: folder for the last finished epoch.
        show: receives the history of the finished epochs at the end of each epoch.

    Raises:
        UserError: the machine does not have the precision; the start has other layers; the loss
            became infinite or not a number; the memory does not suffice.
    """
    precision = network.precision(options.precision)
    model = network.build(options.network, plan[-1].size)
    if options.start != params.SCRATCH:
        network.start_from(Path(options.start), model)
        calibration.turn_if_reversed(
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
    """Train the epochs of the plan that are not finished yet; see `train`.

    Consecutive epochs with the same plan are trained by one call of Keras.
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
        recorder.checkpoint.load(sized)  # Keras left averaged weights in the layers
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
    """Make the model that is saved, and measure that model on validation; see `train`.

    Its weights are averages over the last steps (EMA). They are mixed with the weights before
    fine-tuning. If the start learned from more images than this training has, they are also mixed
    with the weights of the start. Then the model is calibrated.
    """
    options = recorder.options
    data = recorder.data
    weights = averaged(model, optimizer, recorder.checkpoint, STATE)
    if options.fine_tuning_epochs:
        before = averaged(
            model,
            optimizer,
            recorder.checkpoint,
            BEFORE_FINE_TUNING,
        )
        weights = mixed(before, weights, FINE_TUNED_SHARE)
    precision = model.layers[0].dtype_policy.name
    model = network.in_precision(model, "float32")
    model.set_weights(weights)
    batches = dataset.inference_batches(validation, data.positive, data.pixels)
    start_share = 1.0
    if knows_other_images(options.start, data):
        start_share = mix_with_start(model, start, batches)
    slope = 1.0
    shift = 0.0
    if options.calibrate:
        weights_of_images = validation["weight"].to_numpy()
        slope, shift = calibration.fit(model, batches, weights_of_images)
        calibration.apply(model, slope, shift)
    targets, probabilities = network.answers(model, batches)
    return Trained(
        model=model,
        history=recorder.history,
        precision=precision,
        start_share=start_share,
        slope=slope,
        shift=shift,
        val_loss=float(np.mean(losses(targets, probabilities))),
        val_accuracy=float(np.mean((probabilities >= 0.5) == targets)),
    )


def averaged(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    checkpoint: "Checkpoint",
    name: str,
) -> Weights:
    """Return the weights of `STATE` or `BEFORE_FINE_TUNING`, averaged if the optimizer averages."""
    model.compile(optimizer)
    checkpoint.load(model, name)
    optimizer.finalize_variable_values(model.trainable_variables)
    return list(model.get_weights())


def knows_other_images(start: str, data: dataset.TrainingData) -> bool:
    """Return whether the start of a training learned from more images than the training shows.

    If the file of the start does not say what it learned from, the answer is yes.
    """
    if start == params.SCRATCH:
        return False
    images = len(signature.read(start))
    return images == 0 or images > len(data.rows)


def mix_with_start(
    model: keras.Model,
    start: Weights,
    batches: tf.data.Dataset,
) -> float:
    """Mix a trained model with its start, and return the share of the trained weights.

    A model that was trained on few images is better on these than its start, and worse on all other
    images (Wortsman et al. 2022). The smallest share that is not clearly worse on validation is
    used: its loss exceeds the best loss by at most `TOLERANCE` plus two standard errors.

    Args:
        model: the trained model, which gets the mixed weights.
        start: weights before the training.
        batches: of validation images and targets, 0 or 1.
    """
    trained = model.get_weights()
    losses_by_share = {}
    for share in TRAINED_SHARES:
        model.set_weights(mixed(start, trained, share))
        losses_by_share[share] = losses(*network.answers(model, batches))
    best = min(losses_by_share.values(), key=np.mean)
    allowed = []
    for share, loss in losses_by_share.items():
        excess = loss - best
        if excess.mean() <= TOLERANCE + 2 * stats.sem(excess):
            allowed.append(share)
    share = min(allowed)
    model.set_weights(mixed(start, trained, share))
    return share


def mixed(before: Weights, after: Weights, share: float) -> Weights:
    """Return weights between two others: `before` at share 0, `after` at 1.

    Formula: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".
    """
    pairs = zip(before, after, strict=True)
    return [(1 - share) * old + share * new for old, new in pairs]


def losses(targets: NDArray[np.float32], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the binary cross-entropy of each image, (n,), from (n, 1) and (n, 1)."""
    return np.asarray(keras.losses.binary_crossentropy(targets, probabilities))


class Recorder(keras.callbacks.Callback):
    """Show and keep each epoch: a progress bar, a row of history, a checkpoint.

    Attributes:
        history: as `Trained.history`, of the finished epochs.
    """

    def __init__(
        self,
        data: dataset.TrainingData,
        plan: Sequence[schedule.Epoch],
        options: params.Train,
        checkpoint: "Checkpoint",
        show: Callable[[pd.DataFrame], None],
    ) -> None:
        """Go on after the epoch of the checkpoint; see `train`."""
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
        """Seed the dropout, whose state Keras does not save, and begin a bar."""
        for index, layer in enumerate(self.model.layers):
            if hasattr(layer, "seed_generator"):
                rng = np.random.default_rng([self.data.seed, epoch, index])
                seed = rng.integers(2**32, size=2, dtype=np.uint32)
                layer.seed_generator.state.assign(seed)
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
        """Move the bar on. If a batch diverged, stop and name its first images."""
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
        """Print and keep the figures of the epoch. If validation diverged, stop."""
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
    """The last finished epoch of one training, on the disk.

    An epoch is kept whole or not at all. Epochs of other trainings are removed.
    """

    def __init__(self, folder: Path, key: str) -> None:
        """Use the subfolder that `key` names; remove all others."""
        self.folder = folder / key
        for other in folder.glob("*"):
            if other != self.folder:
                remove(other)

    def last(self) -> Path | None:
        """Return the folder of the last finished epoch, if there is one."""
        return max(self.folder.glob("epoch-*"), default=None)

    def history(self) -> pd.DataFrame:
        """Return the history of all finished epochs, with all digits."""
        last = self.last()
        if last is None:
            return pd.DataFrame()
        return pd.read_csv(last / HISTORY, float_precision="round_trip")

    def load(self, model: keras.Model, name: str = STATE) -> None:
        """Load `STATE` or `BEFORE_FINE_TUNING` into a compiled model and its optimizer."""
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
        """Replace the last finished epoch by a new one."""
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

    Keras would save them by HDF5, which crashes at the end of the process if the disk is full.
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
    """Return a hash of all that a training depends on; only an equal training is resumed."""
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
