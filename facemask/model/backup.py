"""The last finished epoch of a training, to go on from after an interruption."""

from collections.abc import Container
from pathlib import Path

import keras
import pandas as pd

from facemask.files import remove, replacing

STATE, BEST, BEFORE = (f"{name}.weights.h5" for name in ("state", "best", "before"))
"""What is kept of the last finished epoch, of the best one, and of the last before fine-tuning."""


class Backup:
    """The last finished epoch of one training.

    An epoch is there whole or not at all; one of another training is removed, never gone on from.
    """

    def __init__(self, folder: Path, key: str) -> None:
        """Take a folder for the training named by `key`, made of all that it depends on."""
        self.folder = folder / key
        for other in folder.glob("*"):
            if other != self.folder:
                remove(other)

    def restore(self) -> Path | None:
        """Return the folder of the last finished epoch."""
        epochs = sorted(self.folder.glob("epoch-*"))
        return epochs[-1] if epochs else None

    def keep(self, model: keras.Model, history: pd.DataFrame, names: Container[str]) -> None:
        """Keep a finished epoch, as `BEST` or `BEFORE` too if `names` says so, else these stay."""
        last = self.restore()
        with replacing(self.folder / f"epoch-{len(history):04d}") as folder:
            folder.mkdir()
            model.save_weights(folder / STATE)  # and the state of the optimizer
            for name in (BEST, BEFORE):
                if name in names:
                    (folder / name).write_bytes((folder / STATE).read_bytes())
                elif last and (last / name).exists():
                    (folder / name).write_bytes((last / name).read_bytes())
            history.to_csv(folder / "history.csv", index=False)  # unlike `tables.write`, all digits
        if last:
            remove(last)
