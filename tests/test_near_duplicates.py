"""Which joins are made; what pixels show is tested by the split that follows from it."""

import hashlib
import io
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from facemask.dedup.fingerprints import fingerprint
from facemask.dedup.groups import SAME_PICTURE, connected, group, related
from facemask.dedup.near_duplicates import candidates
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
    scores = np.array([1, 0.9, SAME_PICTURE - 0.01], np.float32)
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


def fingerprints(count: int) -> NDArray[np.void]:
    """Describe unrelated pictures, each followed by its mirror image."""
    drawn = generated(count)
    return np.array([fingerprint(side) for pixels in drawn for side in (pixels, pixels[:, ::-1])])


def test_mirror_images_are_candidates_of_either_kind_only() -> None:
    found = fingerprints(40)
    pairs = candidates(found)
    assert {(2 * number, 2 * number + 1) for number in range(40)} <= {*map(tuple, pairs.tolist())}
    assert (np.diff(pairs, axis=1) > 0).all()
    across = candidates(found, np.arange(80) // 40)
    assert len(across) > 0
    assert (across // 40 == [0, 1]).all()


def test_images_without_structure_have_no_candidates() -> None:
    flat = np.full((40, 40, 3), 90, np.uint8)
    assert candidates(np.array([fingerprint(flat)] * 3)).shape == (0, 2)


def test_groups_are_the_same_in_any_order_and_from_what_is_known(tmp_path: Path) -> None:
    files = {}
    for number, pixels in enumerate(generated(40)):
        for name, side in (("", pixels), ("-mirrored", pixels[:, ::-1])):
            content = io.BytesIO()
            Image.fromarray(side).save(content, "PNG")
            files[f"{number}{name}.png"] = content.getvalue()
    sha256 = [hashlib.sha256(content).hexdigest() for content in files.values()]
    table = pd.DataFrame(
        {"path": list(files), "sha256": sha256, "pixels": sha256, "given_group": ""}
    )
    of_key = dict(zip(sha256, files.values(), strict=True))
    read: list[str] = []

    def contents(wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
        read.extend(wanted)
        return ((key, of_key[key]) for key in sorted(wanted, reverse=len(read) % 2 == 1))

    new = group(table, contents, None, tmp_path / "cache.sqlite")
    assert new.groupby(table["path"].str.extract(r"(\d+)")[0]).nunique().eq(1).sum() >= 36
    assert new.nunique() >= 36
    some = table.sample(50, random_state=0)
    group(some, contents, None, tmp_path / "other.sqlite")
    assert sorted(read) == sorted([*table["sha256"], *some["sha256"]])
    shuffled = table.sample(frac=1, random_state=1)
    again = group(shuffled, contents, None, tmp_path / "other.sqlite")
    pd.testing.assert_series_equal(again.sort_index(), new)
    assert len(read) == 2 * len(table)
    plain = ~table["path"].str.contains("mirrored") & (table.index < 40)
    rows, others = table[plain], table[~plain & (table.index >= 20)]
    found = related(rows, contents, others, contents, tmp_path / "cache.sqlite")
    assert found[rows.index < 20].sum() == 0
    assert found[rows.index >= 20].sum() >= 9
