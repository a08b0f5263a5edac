"""The last finished epoch of a training, to go on from after an interruption."""

import tempfile
import time
from collections.abc import Container
from pathlib import Path

import keras
import pandas as pd

from facemask.errors import UserError
from facemask.files import remove, replacing
from facemask.model.workers import Team

STATE, BEST, BEFORE = (f"{name}.weights.h5" for name in ("state", "best", "before"))
"""What is kept of the last finished epoch, of the best one, and of the last before fine-tuning."""

PATIENCE = 60
"""Seconds until what the chief wrote has to be seen by all in a shared folder."""


class Backup:
    """The last finished epoch of one training.

    An epoch is there whole or not at all; one of another training is removed, never gone on from.
    """

    def __init__(self, folder: Path, key: str, team: Team) -> None:
        """Take a folder for the training named by `key`, a hash of all that it depends on.

        All workers of the team share it, and the chief writes.

        Raises:
            UserError: another worker has another training, or is gone.
        """
        self.folder, self.team = folder / key, team
        own = int(key[:15], 16)
        if team.from_chief(own) != own:
            raise UserError(
                "this training worker has other code, parameters, data or precision than the first"
            )
        for other in folder.glob("*") if team.is_chief else ():
            if other != self.folder:
                remove(other)

    def restore(self) -> Path | None:
        """Return the folder of the last finished epoch.

        Raises:
            UserError: the folder is not shared with the chief, or another worker is gone.
        """
        last = self._last()
        number = self.team.from_chief(int(last.name[-4:]) if last else 0)
        if not number:
            return None
        found, end = self.folder / f"epoch-{number:04d}", time.monotonic() + PATIENCE
        while not found.exists():
            if time.monotonic() > end:
                raise UserError(f"{found}: not here: training workers share one project folder")
            time.sleep(1)
        return found

    def _last(self) -> Path | None:
        return max(self.folder.glob("epoch-*"), default=None)

    def keep(self, model: keras.Model, history: pd.DataFrame, names: Container[str]) -> None:
        """Keep a finished epoch, as `BEST` or `BEFORE` too if `names` says so, else these stay."""
        if not self.team.is_chief:  # saving, too, is done by all or none, as it makes variables
            with tempfile.TemporaryDirectory() as unwanted:
                model.save_weights(Path(unwanted) / STATE)
            return
        last = self._last()
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
