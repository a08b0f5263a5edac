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

import pytest

from facemask.cache import Cache
from facemask.errors import UserError

KEPT_BY_ANOTHER = """
import sys
from pathlib import Path
from facemask.cache import Cache
from tests.test_cache import square

cache = Cache(Path(sys.argv[1]), "squares", "1")
print("begins", flush=True)
for start in range(0, 100_000, 1000):
    cache.keep({str(number): square(str(number)) for number in range(start, start + 1000)})
"""


def square(key: str) -> bytes:
    """Return a large result that belongs to a key."""
    return f"{int(key) ** 2} ".encode() * 1000


def squares(cache: Cache, keys: list[str]) -> list[str]:
    """Complete results, check all of them, and return the keys that were missing."""
    missing = cache.missing(keys)
    cache.keep({key: square(key) for key in missing})
    assert cache.recall(keys) == {key: square(key) for key in keys}
    return missing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.sqlite"


def test_a_result_is_missing_once(path: Path) -> None:
    cache = Cache(path, "squares", "1")
    assert squares(cache, ["3", "1", "3"]) == ["3", "1"]
    assert squares(Cache(path, "squares", "1"), ["5", "3", "4"]) == ["5", "4"]
    assert squares(cache, []) == []
    many = [str(number) for number in range(2000)]
    assert squares(cache, many) == [key for key in many if key not in ("1", "3", "4", "5")]


def test_keys_can_be_bytes(path: Path) -> None:
    cache = Cache(path, "length", "1")
    cache.keep({b"a": b"1", b"b": b"2"})
    assert cache.missing([b"c", b"b", b"a"]) == [b"c"]
    assert cache.recall([b"a", b"c"]) == {b"a": b"1"}


def test_topics_share_a_file_and_results_of_other_versions_are_deleted(path: Path) -> None:
    other = Cache(path, "cubes", "1")
    other.keep({"2": b"8"})
    Cache(path, "squares", "1").keep({"2": b"4"})
    assert Cache(path, "squares", "2").recall(["2"]) == {}
    assert Cache(path, "squares", "1").recall(["2"]) == {}
    assert other.recall(["2"]) == {"2": b"8"}


@pytest.mark.parametrize("seconds", [0.05, 0.2])
def test_a_killed_process_leaves_whole_results(path: Path, seconds: float) -> None:
    command = [sys.executable, "-c", KEPT_BY_ANOTHER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    cache = Cache(path, "squares", "1")
    keys = [str(number) for number in range(5000)]
    assert len(squares(cache, keys)) % 1000 == 0
    assert squares(cache, keys) == []


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_line_and_keeps_what_was_there(path: Path) -> None:
    cache = Cache(path, "squares", "1")
    squares(cache, ["1", "2"])
    many = [str(number) for number in range(200)]
    with largest_file(100_000), pytest.raises(UserError, match=r"cache\.sqlite: .* safe to delete"):
        squares(cache, many)
    assert squares(cache, ["1", "2"]) == []
    assert squares(cache, many) == [key for key in many if key not in ("1", "2")]


def test_a_cache_in_use_is_one_line_at_any_time(path: Path) -> None:
    cache = Cache(path, "length", "1")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for work in (lambda: cache.keep({"a": b"1"}), lambda: cache.recall(["a"])):
            with pytest.raises(UserError, match=r"cache\.sqlite: database is locked"):
                work()
    cache.keep({"a": b"1"})
    assert cache.recall(["a"]) == {"a": b"1"}
