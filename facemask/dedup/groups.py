"""Groups of near-duplicates: images that were made from the same picture."""

import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from facemask.cache import Cache
from facemask.dedup import comparison
from facemask.dedup.candidates import candidates
from facemask.dedup.comparison import Floats, compare_all
from facemask.dedup.fingerprints import Fingerprints, Indices, Select
from facemask.store import tables

NEAR_DUPLICATE_SCORE = 0.83
"""Smallest score (0-1, from `compare_all`) of two near-duplicates."""

LARGE = 12
"""Smallest size of a large group; see `connected`."""

PAIRS_AT_ONCE = 16_384
"""Number of pairs whose scores are read from the cache together."""

MISSING = np.float32(np.nan).tobytes()
"""Value that stands for a score that is not in the cache."""


def group(
    table: pd.DataFrame,
    select: Select,
    pattern: str | None,
    cache: Path,
) -> pd.Series:
    """Return the name of each image's group.

    Args:
        table: rows with `path`, `sha256`, `pixels` and `given_group`.
        select: returns the fingerprints of images.
        pattern: `split.group_pattern`, or None. Files of the same folder are grouped if the pattern
            captures the same text in their names.
        cache: file of the cache.

    Returns:
        The name of a group is its smallest SHA-256. The series has the index of `table`.
    """
    keys = sorted(set(table["sha256"]))
    numbers = np.searchsorted(keys, table["sha256"])
    pairs, scores = scored_pairs(keys, select, cache)
    groups = connected(
        count=len(keys),
        certain=_certain(table.assign(number=numbers), pattern),
        likely=pairs,
        scores=scores,
    )
    names = np.array(keys, object)[groups[numbers]]
    return pd.Series(names, table.index)


def related(
    rows: pd.DataFrame,
    others: pd.DataFrame,
    select: Select,
    folder: Path,
) -> pd.Series:
    """Return whether each image has a near-duplicate among other images.

    Each pair is compared in both orders, and the higher score counts. The order may matter, for
    example if one image is a crop of the other.

    Args:
        rows: rows with `sha256` and `pixels`.
        others: rows of the other images, with the same columns.
        select: returns the fingerprints of images.
        folder: folder for temporary files.

    Returns:
        (n,) booleans, with the index of `rows`.
    """
    known = sorted(set(others["sha256"]))
    new = sorted(set(rows["sha256"]) - set(known))
    equal = rows["sha256"].isin(known) | rows["pixels"].isin(others["pixels"])
    if not new:
        return equal
    fingerprints = select([*new, *known])
    pairs = candidates(fingerprints, folder, first=len(new))
    both_ways = np.concatenate([pairs, pairs[:, ::-1]])
    parts = compare_all(fingerprints, both_ways)
    scores = np.concatenate([np.zeros(0, np.float32), *parts])
    best = scores.reshape(2, -1).max(axis=0)
    numbers = pairs[best >= NEAR_DUPLICATE_SCORE, 0]
    near_duplicates = {new[number] for number in numbers}
    return equal | rows["sha256"].isin(near_duplicates)


def scored_pairs(
    keys: Sequence[str],
    select: Select,
    cache: Path,
) -> tuple[Indices, Floats]:
    """Find pairs of images that may be near-duplicates, and compute their scores.

    Args:
        keys: SHA-256 of the images.
        select: returns the fingerprints of images.
        cache: file of the cache.

    Returns:
        (m, 2) pairs from `candidates`, and (m,) scores, 0-1.
    """
    fingerprints = select(keys)
    pairs = candidates(fingerprints, cache.parent)
    return pairs, score(keys, fingerprints, pairs, cache)


def score(
    keys: Sequence[str],
    fingerprints: Fingerprints,
    pairs: Indices,
    cache: Path,
) -> Floats:
    """Return the scores of (m, 2) pairs of images, (m,), 0-1."""
    known = Cache(cache, "compare", comparison.version())
    digests = [bytes.fromhex(key)[:16] for key in keys]  # 16 bytes are enough to be unique

    def names(chosen: Indices) -> list[bytes]:
        return [digests[first] + digests[second] for first, second in chosen.tolist()]

    scores = np.full(len(pairs), np.nan, np.float32)
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        batch = slice(start, start + PAIRS_AT_ONCE)
        batch_names = names(pairs[batch])
        results = known.recall(batch_names)
        values = [results.get(name, MISSING) for name in batch_names]
        scores[batch] = np.frombuffer(b"".join(values), np.float32)

    missing = np.flatnonzero(np.isnan(scores))
    done = 0
    for new_scores in compare_all(fingerprints, pairs[missing]):
        numbers = missing[done : done + len(new_scores)]
        done += len(new_scores)
        scores[numbers] = new_scores
        values = [value.tobytes() for value in new_scores]
        known.keep(dict(zip(names(pairs[numbers]), values, strict=True)))
    return scores


def sizes(table: pd.DataFrame) -> pd.DataFrame:
    """Count the groups and their images by the size of the group, in bins of doubling width."""
    size_of_group = table["group"].value_counts()
    size_of_image = table["group"].map(size_of_group)
    groups = tables.histogram(size_of_group, "group_size", "groups")
    images = tables.histogram(size_of_image, "group_size", "images")
    return groups.merge(images)


def connected(
    count: int,
    certain: Indices,
    likely: Indices,
    scores: Floats,
) -> Indices:
    """Return the connected components of a graph, in which pairs of images are the edges.

    A certain pair always merges the groups of its images. A likely pair usually merges them, too.
    But if both groups have at least `LARGE` images, two likely pairs without a common image are
    needed. So one wrong pair cannot merge large groups.

    Args:
        count: number of images.
        certain: (c, 2) pairs of indices.
        likely: (m, 2) pairs of indices. Only pairs with a score of at least `NEAR_DUPLICATE_SCORE`
            are used, and those with the highest scores come first.
        scores: (m,) scores of the likely pairs, 0-1.

    Returns:
        (count,) smallest index in the group of each image.
    """
    forest = _Forest(count)
    forest.join(certain.tolist(), large=count)
    order = np.lexsort((*likely.T, -scores))
    order = order[scores[order] >= NEAR_DUPLICATE_SCORE]
    waiting = likely[order].tolist()
    tried = -1
    while len(waiting) != tried:
        tried = len(waiting)
        # Try the refused pairs again. Groups have grown, so two of these pairs may now connect the
        # same two groups.
        waiting = forest.join(waiting, large=LARGE)
    roots = [forest.root(image) for image in range(count)]
    _, smallest, groups = np.unique(
        roots,
        return_index=True,
        return_inverse=True,
    )
    return smallest[groups]


class _Forest:
    """Disjoint sets of images (union-find)."""

    def __init__(self, count: int) -> None:
        self.parents = list(range(count))
        self.sizes = [1] * count

    def root(self, image: int) -> int:
        """Return the root of the tree that contains an image."""
        while self.parents[image] != image:
            self.parents[image] = self.parents[self.parents[image]]
            image = self.parents[image]
        return image

    def join(self, pairs: list[list[int]], large: int) -> list[list[int]]:
        """Join the groups of each pair, and return the pairs that were refused.

        Args:
            pairs: in the order in which they are joined.
            large: smallest size of a large group. `connected` explains when large groups are
                joined.
        """
        refused: dict[frozenset[int], list[list[int]]] = {}
        for pair in pairs:
            roots = frozenset(self.root(image) for image in pair)
            if len(roots) == 1:
                continue
            small, root = sorted(roots, key=lambda root: (self.sizes[root], root))
            same_groups = refused.setdefault(roots, [])
            is_confirmed = any(set(pair).isdisjoint(other) for other in same_groups)
            if self.sizes[small] >= large and not is_confirmed:
                same_groups.append(pair)
                continue
            self.parents[small] = root
            self.sizes[root] += self.sizes[small]
        return list(chain.from_iterable(refused.values()))


def _certain(rows: pd.DataFrame, pattern: str | None) -> Indices:
    """Return (m, 2) pairs of images with the same pixels, given group or captured name."""
    columns = [rows["pixels"], rows["given_group"]]
    if pattern:
        names = rows["path"].map(lambda path: _captured(pattern, PurePosixPath(path)))
        columns.append(names)
    pairs = [np.zeros((0, 2), np.int64)]
    for column in columns:
        first = rows["number"].groupby(column).transform("min")
        pair = np.stack([first, rows["number"]], axis=1)
        pairs.append(pair[column != ""])
    return np.concatenate(pairs)


def _captured(pattern: str, path: PurePosixPath) -> str:
    """Return the folder of a file and the text that a pattern captures in its name, or ""."""
    match = re.search(pattern, path.name)
    if match is None or match[1] is None:
        return ""
    return f"{path.parent}/{match[1]}"
