"""Cache for results of earlier runs. It saves time and is safe to delete."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from facemask.errors import UserError

Key = TypeVar("Key", str, bytes)

KEYS_AT_ONCE = 500
"""Number of keys in a query. SQLite allows several thousand."""

TIMEOUT = 1.0
"""Seconds to wait while another process writes."""


class Cache:
    """Results of one function, by key, in a SQLite file.

    The key identifies the input. The version identifies everything else that a result depends on.
    Results of other versions are deleted.
    """

    def __init__(self, path: Path, topic: str, version: str) -> None:
        """Open the file, or make it. A file that is not a SQLite database is replaced.

        Args:
            path: the file. Several functions can share it.
            topic: name of the function.
            version: hash of the function's code and of its parameters.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.scope = (topic, hashlib.sha256(version.encode()).hexdigest()[:16])
        try:
            self._open()
        except sqlite3.DatabaseError:
            path.unlink()
            self._open()

    def _open(self) -> None:
        with self._one_line_errors():
            self.database = sqlite3.connect(self.path, timeout=TIMEOUT)
        with self._one_line_errors(), self.database:
            self.database.execute(
                "CREATE TABLE IF NOT EXISTS results"
                " (topic, version, key, value, PRIMARY KEY (topic, version, key)) WITHOUT ROWID"
            )
            self.database.execute(
                "DELETE FROM results WHERE topic = ? AND version <> ?",
                self.scope,
            )

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return the keys that have no result, without duplicates."""
        distinct = dict.fromkeys(keys)
        for key, _ in self._select("key, NULL", distinct):
            del distinct[key]
        return list(distinct)

    def recall(self, keys: Iterable[Key]) -> dict[Key, bytes]:
        """Return the results of those keys that have one."""
        return dict(self._select("key, value", keys))

    def keep(self, results: Mapping[Key, bytes]) -> None:
        """Store results. Either all of them are stored or none."""
        with self._one_line_errors(), self.database:
            self.database.executemany(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)",
                ((*self.scope, key, value) for key, value in results.items()),
            )

    def _select(self, columns: str, keys: Iterable[Key]) -> Iterator[tuple[Key, bytes]]:
        remaining = list(keys)
        for start in range(0, len(remaining), KEYS_AT_ONCE):
            batch: list[Key] = remaining[start : start + KEYS_AT_ONCE]
            marks = ", ".join("?" * len(batch))
            query = f"SELECT {columns} FROM results WHERE topic = ? AND version = ?"
            with self._one_line_errors():
                rows = self.database.execute(f"{query} AND key IN ({marks})", (*self.scope, *batch))
                yield from rows.fetchall()

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            message = f"{self.path}: {error}; the file is safe to delete"
            raise UserError(message) from error
