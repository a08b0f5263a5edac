"""How a training gets on, as it is shown on the terminal."""

import math

import keras
import numpy as np
from tqdm import tqdm

from facemask import params
from facemask.errors import UserError
from facemask.model import dataset
from facemask.model.epochs import figures

NAMED = 3
"""Images named of a batch that went wrong."""


class Progress(keras.callbacks.Callback):
    """A bar for each epoch and, when it is done, a line; stops at a loss that is not a number."""

    def __init__(self, data: dataset.TrainingData, options: params.Train) -> None:
        """Take what is trained on, and how."""
        super().__init__()
        self.data, self.options = data, options

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Seed the dropout and begin a bar."""
        for place, layer in enumerate(self.model.layers):
            if hasattr(layer, "seed_generator"):  # whose state is in no file of Keras'
                rng = np.random.default_rng([self.data.seed, epoch, place])
                layer.seed_generator.state.assign(rng.integers(2**32, size=2, dtype=np.uint32))
        self.epoch, self.title = epoch, f"epoch {epoch + 1}/{self.options.all_epochs}"
        self.bar = tqdm(total=self.data.images, desc=self.title, unit="image", disable=None)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar on; a `UserError` names images of a batch that diverged."""
        seen = logs or {}
        if not math.isfinite(seen["loss"]):
            names = self.data.paths(self.epoch, batch)
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            raise self._diverged(f"in batch {batch + 1}: {', '.join(names[:NAMED])}{more}")
        self.bar.set_postfix(loss=seen["loss"], accuracy=seen["accuracy"], refresh=False)
        done = min((batch + 1) * self.data.batch_size, self.data.images)
        self.bar.update(done - self.bar.n)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print a line; diverged validation is a `UserError`."""
        self.bar.close()
        if not math.isfinite((logs or {})["val_loss"]):
            raise self._diverged("in validation")
        told = ", ".join(f"{name} {value:.4f}" for name, value in figures(logs or {}).items())
        print(f"{self.title}: {told}", flush=True)

    def _diverged(self, where: str) -> UserError:
        return UserError(
            f"train.learning_rate = {self.options.learning_rate}: the loss became infinite or not "
            f"a number in {self.title}, {where}; try a smaller rate"
        )
