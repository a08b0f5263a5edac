"""Which joins are made; what pixels show is tested by the split that follows from it."""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from facemask.dedup import candidates as search
from facemask.dedup.candidates import candidates
from facemask.dedup.fingerprints import Fingerprints, collected, fingerprint
from facemask.dedup.groups import NEAR_DUPLICATE_SCORE, connected, group, related
from facemask.store import shards
from tools.generated import generated

NONE = np.empty((0, 2), np.int64)


def groups(
    count: int, certain: list[list[int]], likely: list[list[int]], scores: list[float]
) -> int:
    """Count the groups that pairs of images make."""
    first, second = (np.array(pairs, np.int64).reshape(-1, 2) for pairs in (certain, likely))
    return len(np.unique(connected(count, first, second, np.array(scores, np.float32))))


def chain(first: int, size: int) -> list[list[int]]:
    return [[number, number + 1] for number in range(first, first + size - 1)]


def test_a_group_is_named_by_its_first_image() -> None:
    likely = np.array([[1, 3], [3, 4], [0, 2]])
    scores = np.array([1, 0.9, NEAR_DUPLICATE_SCORE - 0.01], np.float32)
    assert connected(5, NONE, likely, scores).tolist() == [0, 1, 2, 1, 1]


@pytest.mark.parametrize(
    ("between", "count"),
    [
        ([[0, 12]], 2),
        ([[0, 12], [0, 13]], 2),
        ([[0, 12], [1, 13]], 1),
    ],
)
def test_one_pair_does_not_weld_two_large_groups(between: list[list[int]], count: int) -> None:
    certain = chain(0, 12) + chain(12, 12)
    assert groups(24, certain, between, [0.9] * len(between)) == count
    assert groups(24, certain + between[:1], [], []) == 1
    assert groups(23, chain(0, 12) + chain(12, 11), between[:1], [0.9]) == 1


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3], [2, 0, 3, 1]])
def test_two_pairs_agree_whatever_was_joined_between_them(order: list[int]) -> None:
    certain = chain(0, 12) + chain(12, 12) + chain(24, 13)
    likely = np.array([[0, 12], [1, 24], [2, 25], [26, 13]])[order].tolist()
    assert groups(37, certain, likely, [0.99, 0.98, 0.97, 0.96]) == 1


def fingerprints(folder: Path, images: Iterable[NDArray[np.uint8]]) -> Fingerprints:
    """Write the fingerprints of pictures to a file."""
    records = np.array([fingerprint(pixels) for pixels in images])
    records.tofile(folder / "fingerprints.bin")
    return Fingerprints(folder / "fingerprints.bin", np.arange(len(records)))


def mirrored(count: int) -> list[NDArray[np.uint8]]:
    """Return unrelated pictures, each followed by its mirror image."""
    return [side for pixels in generated(count) for side in (pixels, pixels[:, ::-1])]


def test_mirror_images_are_candidates_of_either_kind_only(tmp_path: Path) -> None:
    found = fingerprints(tmp_path, mirrored(40))
    pairs = candidates(found, tmp_path)
    assert {(2 * number, 2 * number + 1) for number in range(40)} <= {*map(tuple, pairs.tolist())}
    assert (np.diff(pairs, axis=1) > 0).all()
    across = candidates(found, tmp_path, first=40)
    assert len(across) > 0
    assert (across // 40 == [0, 1]).all()


def test_candidates_are_the_same_in_however_many_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fingerprints(tmp_path, mirrored(40))
    whole = candidates(found, tmp_path)
    for name, value in (("POINTS", search.WINDOW), ("VOTERS", 7), ("IMAGES", 16)):
        monkeypatch.setattr(search, name, value)
    assert candidates(found, tmp_path).tolist() == whole.tolist()


def test_images_without_structure_have_no_candidates(tmp_path: Path) -> None:
    flat = np.full((40, 40, 3), 90, np.uint8)
    assert candidates(fingerprints(tmp_path, [flat] * 3), tmp_path).shape == (0, 2)


def test_groups_are_the_same_in_any_order_and_from_the_cache(tmp_path: Path) -> None:
    def grouped(table: pd.DataFrame, name: str, cache: str) -> pd.Series:
        file = tmp_path / cache
        with collected(table["sha256"], [tmp_path / name], file) as select:
            return group(table, select, None, file)

    files = {}
    for number, pixels in enumerate(generated(40)):
        for name, side in (("", pixels), ("-mirrored", pixels[:, ::-1])):
            content = io.BytesIO()
            Image.fromarray(side).save(content, "PNG")
            files[f"{number}{name}.png"] = content.getvalue()
    table = stored(files, tmp_path / "shards")
    new = grouped(table, "shards", "cache.sqlite")
    assert new.groupby(table["path"].str.extract(r"(\d+)")[0]).nunique().eq(1).sum() >= 36
    assert new.nunique() >= 36
    part = table.sample(50, random_state=0)
    grouped(part, "shards", "other.sqlite")
    rest = dict(list(files.items())[::-1])
    for number in part.index:
        del rest[table["path"][number]]
    stored(rest, tmp_path / "rest")  # the cache has the others
    shuffled = table.sample(frac=1, random_state=1)
    again = grouped(shuffled, "rest", "other.sqlite")
    pd.testing.assert_series_equal(again.sort_index(), new)
    plain = ~table["path"].str.contains("mirrored") & (table.index < 40)
    rows = table[plain]
    others = table[~plain & (table.index >= 20)]
    with collected(table["sha256"], [], tmp_path / "cache.sqlite") as select:
        near_duplicates = related(rows, others, select, tmp_path)
    assert near_duplicates[rows.index < 20].sum() == 0
    assert near_duplicates[rows.index >= 20].sum() >= 9


def stored(files: dict[str, bytes], folder: Path) -> pd.DataFrame:
    """Write images to shards, and return their rows."""
    folder.mkdir()
    sha256 = [hashlib.sha256(content).hexdigest() for content in files.values()]
    table = pd.DataFrame(dict.fromkeys(shards.TEXT, "") | {"path": list(files)})
    table = table.assign(sha256=sha256, pixels=sha256, width=1, height=1)
    spool = shards.Spool(folder)
    starts, lengths = spool.add(list(files.values())), list(map(len, files.values()))
    shards.write(folder, table.assign(start=starts, length=lengths), spool)
    return table
