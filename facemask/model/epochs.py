"""The epochs of a training: what was measured in each, and which weights are kept."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import pandas as pd
from numpy.typing import NDArray

from facemask import params
from facemask.model import network, schedule
from facemask.model.backup import BEFORE, BEST, STATE, Backup

TOLD = ("accuracy", "val_loss", "val_accuracy")
"""By Keras' names."""


def figures(logs: Mapping[str, float]) -> dict[str, float]:
    """Return what is told of an epoch: loss (of the label alone), accuracy, and these validated."""
    return {"loss": logs["cross_entropy"]} | {name: logs[name] for name in TOLD}


class Epochs(keras.callbacks.Callback):
    """When an epoch ends: a row of history, perhaps the best model so far, and the backup."""

    def __init__(
        self,
        model: keras.Model,
        options: params.Train,
        show: Callable[[pd.DataFrame], None],
        backup: Backup,
    ) -> None:
        """Take up what the backup has.

        Args:
            model: all that is trained, at its largest size.
            options: of the training.
            show: gets the history so far when an epoch ends.
            backup: of this training.
        """
        super().__init__()
        self.network, self.options, self.show, self.backup = model, options, show, backup
        self.rows = pd.DataFrame()
        if done := backup.restore():
            self.rows = pd.read_csv(done / "history.csv", float_precision="round_trip")
            show(self.rows)

    def is_done(self) -> bool:
        """Tell whether the last epoch was the last."""
        if len(self.rows) == self.options.all_epochs:
            return True
        wanted, small = self.options.stop_at_accuracy, schedule.small_epochs(self.options)
        if len(self.rows) <= small or wanted is None:
            return False
        return bool(self.rows.iloc[-1][["accuracy", "val_accuracy"]].min() >= wanted)

    def restore(self, model: keras.Model, name: str = STATE) -> None:
        """Load into a compiled model the weights of a finished epoch, and its optimizer's."""
        if done := self.backup.restore():
            model.load_weights(done / name)

    def load_kept(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Load the weights of the kept epoch, or their averages if there are any."""
        weights = self._averaged(optimizer, BEST)
        fine_tuning = self.options.fine_tuning
        if fine_tuning.epochs and len(self.rows) > self.options.epochs:
            before = self._averaged(optimizer, BEFORE)
            network.interpolate(self.network, before, weights, fine_tuning.interpolation)
        else:
            self.network.set_weights(weights)

    def _averaged(self, optimizer: keras.optimizers.Optimizer, name: str) -> list[NDArray[Any]]:
        self.network.compile(optimizer)
        self.restore(self.network, name)
        optimizer.finalize_variable_values(self.network.trainable_variables)
        return list(self.network.get_weights())

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Take the time."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the epoch, and stop where it was the last."""
        row = {
            "epoch": epoch + 1,
            "size": self.model.input_shape[1],
            **figures(logs or {}),
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": time.perf_counter() - self.start,
        }
        self.rows = pd.concat([self.rows, pd.DataFrame([row])], ignore_index=True)
        self.show(self.rows)
        kept = [BEST] if epoch in schedule.kept_epoch(self.rows, self.options).index else []
        if self.options.fine_tuning.epochs and epoch + 1 == self.options.epochs:
            kept.append(BEFORE)
        self.backup.keep(self.model, self.rows, kept)
        self.model.stop_training = self.is_done()
