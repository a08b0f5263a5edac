"""Results for unchanged inputs, kept between runs in one SQLite file; losing it costs only time."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path

from facemask.errors import UserError

KEYS_AT_ONCE = 500
"""In one query; SQLite allows some thousands."""


class Cache:
    """Results of one pure function, by the key of what it was given.

    A result that a present call would not give must never come back: the version names all that it
    depends on besides its key, and results of another version are forgotten.
    """

    def __init__(self, path: Path, topic: str, version: str) -> None:
        """Open or make the file; one that is not a cache is replaced.

        Args:
            path: the file, shared by all topics.
            topic: name of the function.
            version: from `files.code_version`, with every parameter that is not in the key.

        Raises:
            UserError: the file is in use, or cannot be opened.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.scope = (topic, version)
        try:
            self._open(path)
        except sqlite3.OperationalError as error:
            raise UserError(f"{path}: {error}; it may be deleted, which costs time only") from error
        except sqlite3.DatabaseError:
            path.unlink()
            self._open(path)

    def _open(self, path: Path) -> None:
        self.file = sqlite3.connect(path)
        with self.file:
            self.file.execute(
                "CREATE TABLE IF NOT EXISTS results"
                " (topic, version, key, value, PRIMARY KEY (topic, version, key))"
            )
            self.file.execute("DELETE FROM results WHERE topic = ? AND version <> ?", self.scope)

    def recall(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the results that are known, by key."""
        known: dict[str, bytes] = {}
        rest = iter(keys)
        while some := list(islice(rest, KEYS_AT_ONCE)):
            marks = ", ".join("?" * len(some))
            query = "SELECT key, value FROM results WHERE topic = ? AND version = ? AND key IN"
            known.update(self.file.execute(f"{query} ({marks})", (*self.scope, *some)))
        return known

    def complete(
        self, keys: Iterable[str], find: Callable[[list[str]], Iterable[bytes]]
    ) -> dict[str, bytes]:
        """Return the results of all keys: those that are known, and the others from `find`, kept."""
        wanted = list(dict.fromkeys(keys))
        known = self.recall(wanted)
        missing = [key for key in wanted if key not in known]
        fresh = dict(zip(missing, find(missing), strict=True))
        self.keep(fresh)
        return known | fresh

    def keep(self, results: Mapping[str, bytes]) -> None:
        """Remember results, all or none of them."""
        with self.file:
            self.file.executemany(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)",
                ((*self.scope, key, value) for key, value in results.items()),
            )
