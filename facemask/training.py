"""The training loop: Adam on binary cross-entropy, epoch by epoch, each kept for a restart."""

import math
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from facemask import network, params, tables
from facemask.dataset import TrainingData, shrunk
from facemask.errors import UserError
from facemask.files import remove, replacing

RISING = 0.2
"""Share of the training for which the rate of `one_cycle` rises."""

FIRST_RATE = 0.04
"""Where it begins, as a share of the highest."""

NAMED = 3
"""Images named of a batch that went wrong."""

STATE, BEST = "state.weights.h5", "best.weights.h5"
"""What is kept of the last finished epoch and of the best one."""


class Backup:
    """The last finished epoch of one training, to go on from after an interruption.

    An epoch is there whole or not at all; one of another training is removed, never gone on from.
    """

    def __init__(self, folder: Path, key: str) -> None:
        """Take a folder for the training named by `key`, made of all that it depends on."""
        self.folder = folder / key
        for other in folder.glob("*"):
            if other != self.folder:
                remove(other)

    def restore(self) -> Path | None:
        """Give the folder of the last finished epoch."""
        epochs = sorted(self.folder.glob("epoch-*"))
        return epochs[-1] if epochs else None

    def keep(self, model: keras.Model, history: pd.DataFrame, is_best: bool) -> None:
        """Keep a finished epoch and the best one, and then no other."""
        last = self.restore()
        with replacing(self.folder / f"epoch-{len(history):04d}") as folder:
            folder.mkdir()
            model.save_weights(folder / STATE)  # and the state of the optimizer
            if is_best:
                (folder / BEST).write_bytes((folder / STATE).read_bytes())
            elif last and (last / BEST).exists():
                (folder / BEST).write_bytes((last / BEST).read_bytes())
            history.to_csv(folder / "history.csv", index=False)  # unlike `tables.write`, all digits
        if last:
            remove(last)


def fit(
    model: keras.Model,
    data: TrainingData,
    validation: tf.data.Dataset,
    options: params.Train,
    *,
    history: Path,
    backup: Backup,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train, and keep the epoch of the least validation loss, or the last.

    The first epochs may be trained, and validated, on smaller images (progressive resizing: Howard
    2018).

    Args:
        model: from `network.build`, untrained.
        data: to train on.
        validation: batches from `dataset.inference_batches`.
        options: all but the network's layers and its augmentation counts here.
        history: CSV file that gets one row an epoch as training goes.
        backup: where a training that was interrupted goes on from.

    Returns:
        The model of the kept epoch, and what `history` holds: epoch (from 1), size (of the images
        in pixels), loss, accuracy, val_loss, val_accuracy, learning_rate, seconds.

    Raises:
        UserError: the loss became infinite or not a number, or the memory does not suffice.
    """
    optimizer = _optimizer(options, len(data))
    optimizer.build(model.trainable_variables)
    record = _Epochs(model, options, history, backup)
    sizes = options.sizes(model.input_shape[1])
    while not record.is_done():
        done = len(record.rows)
        size = sizes[done]
        sized = network.at_size(model, size)
        sized.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
        record.restore(sized)  # Keras leaves averaged weights in the model after `fit`
        averages = [keras.callbacks.SwapEMAWeights()] if options.average else []
        epochs = range(done, done + sizes[done:].count(size))
        try:
            sized.fit(
                data.batches(epochs, size),
                validation_data=shrunk(validation, size),
                initial_epoch=epochs.start,
                epochs=epochs.stop,
                steps_per_epoch=len(data),
                shuffle=False,
                verbose=0,
                callbacks=[*averages, _Progress(data, options), record],
            )
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            raise UserError(
                f"train.batch_size = {options.batch_size}: out of memory; lower it, or resize.size"
            ) from error
    return record.kept(optimizer), record.rows


def kept_epoch(history: pd.DataFrame, options: params.Train) -> pd.DataFrame:
    """Give the row of the epoch that is kept, if there is one; never one on smaller images."""
    large = history.iloc[options.small_epochs :]
    return large.tail(1) if options.keep == "last" else large.nsmallest(1, "val_loss")


def _optimizer(options: params.Train, batches: int) -> keras.optimizers.Optimizer:
    rate: Any = options.learning_rate
    if options.schedule == "one_cycle":
        steps = options.epochs * batches
        rising = math.ceil(RISING * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            FIRST_RATE * options.learning_rate,
            max(steps - rising, 1),
            warmup_target=options.learning_rate,
            warmup_steps=rising,
        )
    optimizer = keras.optimizers.Adam(
        rate,
        weight_decay=options.weight_decay or None,
        use_ema=options.average > 0,
        ema_momentum=options.average or 0.99,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta"])
    return optimizer


class _Progress(keras.callbacks.Callback):
    """A bar for each epoch and, when it is done, a line; stops at a loss that is no number."""

    def __init__(self, data: TrainingData, options: params.Train) -> None:
        super().__init__()
        self.data, self.options = data, options

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for place, layer in enumerate(self.model.layers):
            if hasattr(layer, "seed_generator"):  # whose state is in no file of Keras'
                rng = np.random.default_rng([self.data.seed, epoch, place])
                layer.seed_generator.state.assign(rng.integers(2**32, size=2, dtype=np.uint32))
        self.epoch, self.title = epoch, f"epoch {epoch + 1}/{self.options.epochs}"
        self.bar = tqdm(total=len(self.data.rows), desc=self.title, unit="image", disable=None)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        seen = logs or {}
        if not math.isfinite(seen["loss"]):
            names = self.data.paths(self.epoch, batch)
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            raise self._diverged(f"in batch {batch + 1}: {', '.join(names[:NAMED])}{more}")
        self.bar.set_postfix(loss=seen["loss"], accuracy=seen["accuracy"], refresh=False)
        done = min((batch + 1) * self.data.batch_size, len(self.data.rows))
        self.bar.update(done - self.bar.n)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.close()
        if not math.isfinite((logs or {})["val_loss"]):
            raise self._diverged("in validation")
        figures = ", ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        print(f"{self.title}: {figures}", flush=True)

    def _diverged(self, where: str) -> UserError:
        return UserError(
            f"train.learning_rate = {self.options.learning_rate}: the loss became infinite or not "
            f"a number in {self.title}, {where}; try a smaller rate"
        )


class _Epochs(keras.callbacks.Callback):
    """When an epoch ends: a row of history, perhaps the best model so far, and the backup."""

    def __init__(
        self, whole: keras.Model, options: params.Train, history: Path, backup: Backup
    ) -> None:
        super().__init__()
        self.whole, self.options, self.history, self.backup = whole, options, history, backup
        self.rows = pd.DataFrame()
        if done := backup.restore():
            self.rows = pd.read_csv(done / "history.csv", float_precision="round_trip")
            tables.write(self.rows, history)

    def is_done(self) -> bool:
        """Tell whether the last epoch was the last."""
        if len(self.rows) == self.options.epochs:
            return True
        if len(self.rows) <= self.options.small_epochs or self.options.stop_at_accuracy is None:
            return False
        reached = self.rows.iloc[-1][["accuracy", "val_accuracy"]].min()
        return bool(reached >= self.options.stop_at_accuracy)

    def restore(self, model: keras.Model, name: str = STATE) -> None:
        """Give a compiled model the weights of a finished epoch, and its optimizer's."""
        if done := self.backup.restore():
            model.load_weights(done / name)

    def kept(self, optimizer: keras.optimizers.Optimizer) -> keras.Model:
        """Give the model of the kept epoch, with the averages of its weights if there are any."""
        self.whole.compile(optimizer)
        self.restore(self.whole, BEST)
        optimizer.finalize_variable_values(self.whole.trainable_variables)
        return self.whole

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        seen = logs or {}
        row = {
            "epoch": epoch + 1,
            "size": self.model.input_shape[1],
            **{name: seen[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
            "learning_rate": float(self.model.optimizer.learning_rate),
            "seconds": time.perf_counter() - self.start,
        }
        self.rows = pd.concat([self.rows, pd.DataFrame([row])], ignore_index=True)
        tables.write(self.rows, self.history)
        is_best = epoch in kept_epoch(self.rows, self.options).index
        self.backup.keep(self.model, self.rows, is_best)
        self.model.stop_training = self.is_done()
