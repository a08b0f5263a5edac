"""Which joins are made; what pixels show is tested by the split that follows from it."""

import numpy as np
import pytest

from facemask.dedup.near_duplicates import SAME_PICTURE, connected

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
