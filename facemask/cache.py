"""Results for unchanged inputs, kept between runs; losing them costs only time.

Small results lie in one SQLite file, records of a fixed size in flat files beside it.
"""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from facemask.errors import UserError

Key = TypeVar("Key", str, bytes)

KEYS_AT_ONCE = 500
"""In one query; SQLite allows some thousands."""

RECORDS_AT_ONCE = 1000
"""Written and indexed together: what a killed process loses at most."""

PATIENCE = 1.0
"""Seconds to wait for another process that writes."""


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
        self.path = path
        self.scope = (topic, hashlib.sha256(version.encode()).hexdigest()[:16])
        try:
            self._open()
        except sqlite3.DatabaseError:
            path.unlink()
            self._open()

    def _open(self) -> None:
        with self._errors_in_words():
            self.database = sqlite3.connect(self.path, timeout=PATIENCE)
        with self.writing():
            self.database.execute(
                "CREATE TABLE IF NOT EXISTS results"
                " (topic, version, key, value, PRIMARY KEY (topic, version, key)) WITHOUT ROWID"
            )
            others = "DELETE FROM results WHERE topic = ? AND version <> ?"
            self.database.execute(others, self.scope)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other processes from writing; what the block keeps stays whole or not at all.

        Raises:
            UserError: another process writes for too long, or nothing can be written.
        """
        if self.database.in_transaction:
            yield
            return
        with self._errors_in_words(), self.database:
            self.database.execute("BEGIN IMMEDIATE")
            yield

    def recall(self, keys: Iterable[Key]) -> dict[Key, bytes]:
        """Return the results that are known, by key.

        Raises:
            UserError: another process writes for too long.
        """
        known: dict[Key, bytes] = {}
        wanted = list(keys)
        query = "SELECT key, value FROM results WHERE topic = ? AND version = ? AND key IN"
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            some: list[Key] = wanted[start : start + KEYS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            with self._errors_in_words():
                known.update(self.database.execute(f"{query} ({marks})", (*self.scope, *some)))
        return known

    def complete(
        self, keys: Iterable[Key], find: Callable[[list[Key]], Iterable[bytes]]
    ) -> dict[Key, bytes]:
        """Return the results of all keys: those known, and the others from `find`, kept.

        Raises:
            UserError: as `recall` and `keep`.
        """
        wanted = list(dict.fromkeys(keys))
        known = self.recall(wanted)
        missing = [key for key in wanted if key not in known]
        fresh = dict(zip(missing, find(missing), strict=True))
        self.keep(fresh)
        return known | fresh

    def keep(self, results: Mapping[Key, bytes]) -> None:
        """Remember results, all or none of them.

        Raises:
            UserError: as `writing`.
        """
        with self.writing():
            self.database.executemany(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)",
                ((*self.scope, key, value) for key, value in results.items()),
            )

    @contextmanager
    def _errors_in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            message = f"{self.path}: {error}; it may be deleted, which costs time only"
            raise UserError(message) from error


class RecordCache:
    """Results of one pure function that have a fixed size, too many for the memory.

    They are appended to `TOPIC-VERSION.bin` in a folder named as the SQLite file, which has their
    numbers. A record is on the disk before its number is, so that none with a number is torn. Files
    of other versions are deleted.
    """

    def __init__(self, path: Path, topic: str, version: str, dtype: np.dtype[Any]) -> None:
        """Open or make the file; one that does not hold what is numbered is begun anew.

        Args:
            path: the SQLite file, shared by all topics.
            topic: name of the function, of letters.
            version: as `Cache` takes it.
            dtype: type of a record.

        Raises:
            UserError: as `Cache`.
        """
        self.numbers, self.dtype = Cache(path, topic, version), dtype
        folder = path.with_suffix("")
        folder.mkdir(exist_ok=True)
        self.file = folder / f"{'-'.join(self.numbers.scope)}.bin"
        for file in folder.glob(f"{topic}-*.bin"):
            if file != self.file:
                file.unlink(missing_ok=True)
        with self.numbers.writing():
            query = "SELECT MAX(value) FROM results WHERE topic = ? AND version = ?"
            (last,) = self.numbers.database.execute(query, self.numbers.scope).fetchone()
            needed = (int.from_bytes(last) + 1) * dtype.itemsize if last else 0
            if not needed or not self.file.exists() or self.file.stat().st_size < needed:
                self.file.unlink(missing_ok=True)
                everything = "DELETE FROM results WHERE topic = ? AND version = ?"
                self.numbers.database.execute(everything, self.numbers.scope)

    def complete(
        self, keys: Iterable[str], find: Callable[[list[str]], Iterable[tuple[str, bytes]]]
    ) -> "Records":
        """Return the records of keys in their order: those known, the others from `find`, kept.

        Args:
            keys: of the wanted records.
            find: yields each of the keys that it is given with its record, in any order.

        Raises:
            UserError: as `Cache`, or there is no room on the disk.
        """
        wanted = list(keys)
        known = self.numbers.recall(wanted)
        missing = [key for key in dict.fromkeys(wanted) if key not in known]
        fresh = iter(find(missing)) if missing else iter(())
        while some := dict(islice(fresh, RECORDS_AT_ONCE)):
            known |= self._append(some)
        places = np.array([int.from_bytes(known[key]) for key in wanted], np.int64)
        return Records(self.file, places, self.dtype)

    def _append(self, records: Mapping[str, bytes]) -> dict[str, bytes]:
        """Write records and return the number of each, 8 bytes, big-endian."""
        with self.numbers.writing():
            try:
                with self.file.open("ab") as file:
                    start = file.tell() // self.dtype.itemsize
                    file.truncate(start * self.dtype.itemsize)  # a killed process tore the last one
                    file.write(b"".join(records.values()))
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise UserError(f"{self.file}: cannot be written: {error.strerror}") from error
            numbers = {key: (start + place).to_bytes(8) for place, key in enumerate(records)}
            self.numbers.keep(numbers)
        return numbers


class Records:
    """(n,) records on the disk, as an array that is read anew whenever it is indexed.

    So no more of it is in the memory than what was asked for, and another process can be handed it.
    """

    def __init__(self, file: Path, places: NDArray[np.int64], dtype: np.dtype[Any]) -> None:
        """Show the records at `places`, (n,) from 0, of a file of records of this type."""
        self.file, self.places, self.dtype = file.absolute(), places, dtype

    def __len__(self) -> int:
        return len(self.places)

    def part(self, which: Any) -> "Records":
        """Return some of the records without reading them, by their numbers here."""
        return Records(self.file, self.places[which], self.dtype)

    def __getitem__(self, which: Any) -> NDArray[np.void]:
        """Read records by their numbers here, as NumPy takes a slice or an array of integers."""
        places = self.places[which]
        if not places.size:
            return np.zeros(places.shape, self.dtype)
        count = self.file.stat().st_size // self.dtype.itemsize
        return np.asarray(np.memmap(self.file, self.dtype, "r", shape=(count,))[places])
