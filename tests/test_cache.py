"""Results kept between runs: never one that is torn, of another version, or of another key."""

import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from facemask.cache import Cache, RecordCache
from facemask.errors import UserError

KEPT_BY_ANOTHER = """
import sys
from pathlib import Path
import numpy as np
from facemask.cache import RecordCache
from tests.test_cache import KIND, record

cache = RecordCache(Path(sys.argv[1]), "squares", "1", KIND)
keys = [str(number) for number in range(100_000)]
print("begins", flush=True)
cache.complete(keys, lambda missing: ((key, record(key)) for key in missing))
"""

KIND = np.dtype([("name", np.int64), ("body", np.int64, 500)])


def record(key: str) -> bytes:
    """Return the record that belongs to a key, of no round size."""
    found = np.zeros((), KIND)
    found["name"], found["body"] = int(key), int(key) ** 2
    return found.tobytes()


def squares(path: Path, keys: list[str], version: str = "1") -> list[str]:
    """Complete records, check each, and return the keys that were not known."""
    asked: list[str] = []

    def find(missing: list[str]) -> Iterator[tuple[str, bytes]]:
        asked.extend(missing)
        return ((key, record(key)) for key in reversed(missing))

    records = RecordCache(path, "squares", version, KIND).complete(keys, find)
    everything = records[np.arange(len(keys))]
    assert everything["name"].tolist() == [int(key) for key in keys]
    assert (everything["body"] == everything["name"][:, None] ** 2).all()
    return asked


def flat_file(path: Path) -> Path:
    (file,) = path.with_suffix("").iterdir()
    return file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.sqlite"


def test_a_result_is_found_once(path: Path) -> None:
    cache = Cache(path, "length", "1")
    assert cache.complete(["a", "a"], lambda missing: [b"1"] * len(missing)) == {"a": b"1"}
    again = Cache(path, "length", "1").complete(["b", "a"], lambda _: [b"2"])
    assert again == {"a": b"1", "b": b"2"}
    assert cache.complete([b"a"], lambda _: [b"3"]) == {b"a": b"3"}
    assert Cache(path, "length", "2").recall(["a", "b"]) == {}
    assert Cache(path, "length", "1").recall(["a", "b"]) == {}


def test_records_are_found_once_and_come_as_asked(path: Path) -> None:
    assert squares(path, ["3", "1", "2"]) == ["3", "1", "2"]
    assert squares(path, ["5", "2", "2", "3", "4"]) == ["5", "4"]
    assert squares(path, []) == []
    assert flat_file(path).stat().st_size == 5 * KIND.itemsize


def test_records_of_another_version_are_deleted(path: Path) -> None:
    squares(path, ["1", "2"])
    assert squares(path, ["2"], version="2") == ["2"]
    assert flat_file(path).stat().st_size == KIND.itemsize
    assert squares(path, ["2"]) == ["2"]


@pytest.mark.parametrize("cut", [1, KIND.itemsize, KIND.itemsize + 1])
def test_a_file_that_lacks_records_is_begun_anew(path: Path, cut: int) -> None:
    squares(path, ["1", "2"])
    file = flat_file(path)
    file.write_bytes(file.read_bytes()[:-cut])
    assert squares(path, ["2", "1"]) == ["2", "1"]
    file.unlink()
    assert squares(path, ["2"]) == ["2"]


def test_a_file_whose_numbers_are_lost_is_begun_anew(path: Path) -> None:
    squares(path, ["1", "2"])
    path.unlink()
    assert squares(path, ["3"]) == ["3"]
    assert flat_file(path).stat().st_size == KIND.itemsize


def test_a_torn_record_is_cut_off(path: Path) -> None:
    squares(path, ["1", "2"])
    with flat_file(path).open("ab") as file:
        file.write(b"torn")
    assert squares(path, ["2", "3", "1"]) == ["3"]
    assert flat_file(path).stat().st_size == 3 * KIND.itemsize


@pytest.mark.parametrize("seconds", [0.05, 0.2])
def test_a_killed_process_leaves_whole_records(path: Path, seconds: float) -> None:
    command = [sys.executable, "-c", KEPT_BY_ANOTHER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    keys = [str(number) for number in range(5000)]
    known = len(keys) - len(squares(path, keys))
    assert known % 1000 == 0
    assert squares(path, keys) == []


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow over a size, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_line_and_keeps_what_was_there(path: Path) -> None:
    squares(path, ["1", "2"])
    many = [str(number) for number in range(200)]
    with largest_file(100 * KIND.itemsize), pytest.raises(UserError, match="cannot be written"):
        squares(path, many)
    assert squares(path, ["1", "2"]) == []
    assert squares(path, many) == [key for key in many if key not in ("1", "2")]


def test_a_cache_in_use_is_one_line_at_any_time(path: Path) -> None:
    cache = Cache(path, "length", "1")
    records = RecordCache(path, "squares", "1", KIND)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"cache\.sqlite: database is locked"):
            cache.keep({"a": b"1"})
        with pytest.raises(UserError, match=r"cache\.sqlite: database is locked"):
            records.complete(["1"], lambda missing: ((key, record(key)) for key in missing))
    cache.keep({"a": b"1"})
    assert cache.recall(["a"]) == {"a": b"1"}
