"""Rows of images -> the groups that descend from one picture."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pandas as pd
import PIL

from facemask import parallel
from facemask.cache import Cache, RecordCache, Records
from facemask.dedup import fingerprints as fingerprinting
from facemask.dedup.fingerprints import FINGERPRINT, Floats, Indices, compare_all
from facemask.dedup.near_duplicates import candidates
from facemask.files import code_version, scratch
from facemask.store import images, shards

MAKERS = (fingerprinting, images, cv2, np, PIL)
"""All that a fingerprint, and so a score, depends on besides the image."""

SAME_PICTURE = 0.83
"""Pairs of images with this score (0-1, from `compare_all`) or more show the same picture."""

LARGE = 12
"""Images in each of two groups from which on one pair alone does not merge them."""

PAIRS_AT_ONCE, MISSING = 16_384, np.float32(np.nan).tobytes()
"""Pairs looked up together, and what stands for a score that is not known."""


def group(table: pd.DataFrame, folder: Path, pattern: str | None, cache: Path) -> pd.Series:
    """Return for each image the name of the group that it belongs to.

    Args:
        table: images with `path`, `sha256`, `pixels` and `given_group`.
        folder: of the shards that hold them.
        pattern: regular expression with one capture; files of one folder in whose names it captures
            the same text belong together.
        cache: file of what earlier runs found out.

    Returns:
        As `table`: the smallest SHA-256 of the group, whatever the order of the rows.

    Raises:
        UserError: the cache is in use, or the disk has no room.
    """
    keys = sorted(set(table["sha256"]))
    pairs, scores = compared(keys, folder, cache)
    certain = _certain(table.assign(number=np.searchsorted(keys, table["sha256"])), pattern)
    groups = connected(len(keys), certain, pairs, scores)
    return table["sha256"].map({key: keys[first] for key, first in zip(keys, groups, strict=True)})


def related(
    rows: pd.DataFrame, folder: Path, others: pd.DataFrame, others_folder: Path, cache: Path
) -> pd.Series:
    """Return which images descend from the same picture as one of `others`.

    Each pair is compared both ways, as a detail at times aligns with the whole but not the reverse.

    Args:
        rows: images with `sha256` and `pixels`.
        folder: of the shards that hold them.
        others: the same of the others.
        others_folder: of their shards.
        cache: file of what earlier runs found out.

    Returns:
        As `rows`: true where there is such a picture.

    Raises:
        UserError: the cache is in use, or the disk has no room.
    """
    known = sorted(set(others["sha256"]))
    keys = sorted(set(rows["sha256"]) - set(known))
    if not keys:
        return rows["sha256"].isin(known)

    fingerprints = fingerprinted([*keys, *known], [folder, others_folder], cache)
    across = candidates(fingerprints, cache.parent, first=len(keys))
    both_ways = np.concatenate([across, across[:, ::-1]])
    scores = np.concatenate([np.zeros(0, np.float32), *compare_all(fingerprints, both_ways)])
    scores = scores.reshape(2, -1).max(axis=0)
    found = {keys[number] for number in across[scores >= SAME_PICTURE, 0]}
    return rows["sha256"].isin(found.union(known)) | rows["pixels"].isin(others["pixels"])


def connected(count: int, certain: Indices, likely: Indices, scores: Floats) -> Indices:
    """Group images that pairs join, directly or through others.

    One wrong pair must not weld two large groups: from `LARGE` images in each on, it takes a
    certain pair, or two likely ones that share no image.

    Args:
        count: number of images.
        certain: (c, 2) pairs of indices that are joined in any case.
        likely: (m, 2) pairs of indices, joined from the best score down to `SAME_PICTURE`.
        scores: (m,), 0-1, of the likely pairs.

    Returns:
        (count,) smallest index in the group of each image.
    """
    parents, sizes = list(range(count)), [1] * count
    order = np.lexsort((*likely.T, -scores))
    waiting = likely[order[scores[order] >= SAME_PICTURE]].tolist()
    _join(parents, sizes, certain.tolist(), count)
    while len(refused := _join(parents, sizes, waiting, LARGE)) < len(waiting):
        waiting = refused  # groups have grown since, so that two of them may now agree
    roots = [_root(parents, image) for image in range(count)]
    _, smallest, groups = np.unique(roots, return_index=True, return_inverse=True)
    return smallest[groups]


def compared(keys: Sequence[str], folder: Path, cache: Path) -> tuple[Indices, Floats]:
    """Compare the images named by `keys`, in the shards of a folder, wherever that is worth it.

    Returns:
        (m, 2) pairs from `near_duplicates.candidates`, and their (m,) scores, 0-1.

    Raises:
        UserError: the cache is in use, or the disk has no room.
    """
    fingerprints = fingerprinted(keys, [folder], cache)
    pairs = candidates(fingerprints, cache.parent)
    return pairs, scored(keys, fingerprints, pairs, cache)


def fingerprinted(keys: Sequence[str], folders: Sequence[Path], cache: Path) -> Records:
    """Return the fingerprints of the images named by `keys`, in their order, on the disk.

    Raises:
        UserError: the cache is in use, or the disk has no room.
    """
    known = RecordCache(cache, "fingerprints", code_version(*MAKERS), FINGERPRINT)

    def find(missing: list[str]) -> Iterator[tuple[str, bytes]]:
        holding = shards.holding([folder.absolute() for folder in folders], missing)
        size = FINGERPRINT.itemsize
        with scratch(cache.parent / "tmp-fingerprints") as parts:
            for part, held in parallel.run(
                partial(_fingerprint_shard, parts),
                enumerate(holding),
                "fingerprints",
                "image",
                len(missing),
                lambda result: len(result[1]),
            ):
                records = part.read_bytes()
                part.unlink()
                for place, key in enumerate(held):
                    yield key, records[place * size : (place + 1) * size]

    return known.complete(keys, find)


def _fingerprint_shard(
    folder: Path, task: tuple[int, tuple[Path, set[str]]]
) -> tuple[Path, list[str]]:
    """Write the fingerprints of wanted images of a shard to a file; return it, and whose they are.

    They have frames in them, which is why they are not returned themselves.
    """
    number, (shard, keys) = task
    part, held = folder / f"{number:06d}.bin", []
    with part.open("wb") as file:
        for key, content in shards.wanted(shard, keys):
            pixels = np.asarray(images.open_rgb(content))
            file.write(fingerprinting.fingerprint(pixels).tobytes())
            held.append(key)
    return part, held


def scored(keys: Sequence[str], fingerprints: Records, pairs: Indices, cache: Path) -> Floats:
    """Return the (m,) scores, 0-1, of (m, 2) pairs of the images named by `keys`.

    Raises:
        UserError: the cache is in use, or the disk has no room.
    """
    known = Cache(cache, "compare", code_version(*MAKERS))
    digests = [bytes.fromhex(key)[:16] for key in keys]  # as unique, in a quarter of the room
    scores = np.full(len(pairs), np.nan, np.float32)

    def names(some: Indices) -> list[bytes]:
        return [digests[first] + digests[second] for first, second in pairs[some].tolist()]

    for some in np.array_split(np.arange(len(pairs)), len(pairs) // PAIRS_AT_ONCE + 1):
        named = names(some)
        found = known.recall(named)
        kept = [found.get(name, MISSING) for name in named]
        scores[some] = np.frombuffer(b"".join(kept), np.float32)
    missing, done = np.flatnonzero(np.isnan(scores)), 0
    for values in compare_all(fingerprints, pairs[missing]):
        some = missing[done : done + len(values)]
        known.keep(dict(zip(names(some), (value.tobytes() for value in values), strict=True)))
        scores[some], done = values, done + len(values)
    return scores


def _certain(rows: pd.DataFrame, pattern: str | None) -> Indices:
    """Pair each image with the first that has the same pixels, name or given group: (m, 2)."""
    signs = [rows["pixels"], rows["given_group"]]
    if pattern:
        signs.append(rows["path"].map(lambda path: _captured(pattern, PurePosixPath(path))))
    pairs = [
        np.stack([rows["number"].groupby(sign).transform("min"), rows["number"]], axis=1)[
            sign != ""
        ]
        for sign in signs
    ]
    return np.concatenate(pairs).astype(np.int64)


def _captured(pattern: str, path: PurePosixPath) -> str:
    found = re.search(pattern, path.name)
    return f"{path.parent}/{found[1]}" if found and found[1] is not None else ""


def _join(
    parents: list[int], sizes: list[int], pairs: list[list[int]], large: int
) -> list[list[int]]:
    """Join pairs in order; give those that alone would merge two groups of `large` images."""
    refused: dict[frozenset[int], list[list[int]]] = {}
    for pair in pairs:
        roots = {_root(parents, image) for image in pair}
        if len(roots) == 1:
            continue
        small, root = sorted(roots, key=lambda root: (sizes[root], root))
        others = refused.setdefault(frozenset(roots), [])
        if sizes[small] >= large and not any(set(pair).isdisjoint(other) for other in others):
            others.append(pair)
            continue
        parents[small] = root
        sizes[root] += sizes[small]
    return [pair for others in refused.values() for pair in others]


def _root(parents: list[int], image: int) -> int:
    while parents[image] != image:
        parents[image] = image = parents[parents[image]]
    return image
