"""Examine the files of a source, and put the bytes of images into a spool."""

import hashlib
import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import ImageStat

from facemask import parallel
from facemask.cache import Cache
from facemask.files import code_version
from facemask.sources.source import Entry
from facemask.store import images, shards

MAX_ASPECT_RATIO = 4
"""Largest ratio of the longer side of an image to the shorter."""

MIN_CONTRAST = 2
"""Smallest standard deviation of an image's grey levels (0-255). An image with less is constant."""

NOT_AN_IMAGE = "not an image"
SIDE_FILE = "side file"
"""Reason of a file that is not meant as an image."""

SMALL_FACE = "small face"
"""Reason of a crop that is too small. Photos of several people have many such faces."""

SIDE_FILES = {".cff", ".csv", ".docx", ".html", ".ini", ".json", ".log", ".md", ".pdf", ".txt"}
SIDE_FILES |= {".names", ".tsv", ".xls", ".xlsx", ".xml", ".yaml", ".yml"}
"""Endings of files that tools leave beside images: annotations, tables, notes."""

Positions = dict[str, tuple[int, int]]
"""Start and length of files in a spool, by their SHA-256."""

FILES_AT_ONCE = 64
BYTES_AT_ONCE = 200_000_000
"""A batch ends with the file that reaches one of these bounds. They bound the memory."""


@dataclass(frozen=True)
class Batch:
    """Files that are examined in one task.

    Attributes:
        entries: the files.
        keys: SHA-256 of each.
        facts: as JSON, by SHA-256; only those in the cache.
    """

    entries: list[Entry]
    keys: list[str]
    facts: dict[str, bytes]


def examine_all(
    entries: Iterable[Entry], count: int, spool: shards.Spool, cache: Path
) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Yield each file with facts about it, and put the bytes of images into the spool.

    Args:
        entries: the files.
        count: about how many there are, for the progress bar.
        spool: gets the bytes.
        cache: file with the results of earlier runs.

    Yields:
        The file, and facts by name. An image has width, height, contrast, sha256, pixels (a hash of
        its pixels), and start and length in the spool. Another file has reason and detail.
    """
    version = code_version(sys.modules[__name__]) + images.version()
    known = Cache(cache, "examine", version)
    positions: Positions = {}
    waiting: deque[Batch] = deque()

    def tasks() -> Iterator[Positions]:
        for files in _batches(entries):
            keys = [hashlib.sha256(entry.content).hexdigest() for entry in files]
            batch = Batch(files, keys, facts=known.recall(set(keys)))
            positions.update(_spooled(batch, positions, spool))
            waiting.append(batch)
            new_keys = set(keys) - batch.facts.keys()
            yield {key: positions[key] for key in new_keys}

    results = parallel.run(
        partial(_examine_files, spool.path),
        tasks(),
        title="ingest",
        unit="file",
        total=count,
        units=lambda _: len(waiting[0].entries),  # results come in the order of the batches
    )
    for new_facts in results:
        known.keep(new_facts)
        batch = waiting.popleft()
        all_facts = batch.facts | new_facts
        for entry, key in zip(batch.entries, batch.keys, strict=True):
            facts = json.loads(all_facts[key])
            if "pixels" in facts:
                start, length = positions[key]
                facts |= {"sha256": key, "start": start, "length": length}
            yield entry, facts


def _spooled(
    batch: Batch,
    positions: Positions,
    spool: shards.Spool,
) -> Positions:
    """Put the bytes of new files into the spool, unless they are known to be no images.

    Returns:
        The positions of these files.
    """
    bad = {key for key, facts in batch.facts.items() if "reason" in json.loads(facts)}
    contents = {}
    for key, entry in zip(batch.keys, batch.entries, strict=True):
        if key not in positions and key not in bad:
            contents[key] = entry.content
    starts = spool.add(list(contents.values()))
    lengths = map(len, contents.values())
    return dict(zip(contents, zip(starts, lengths, strict=True), strict=True))


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += len(entry.content)
        if len(batch) == FILES_AT_ONCE or size >= BYTES_AT_ONCE:
            yield batch
            batch = []
            size = 0
    if batch:
        yield batch


def _examine_files(spool: Path, positions: Positions) -> dict[str, bytes]:
    """Return the facts about files of a spool, as JSON by SHA-256."""
    facts = {}
    for key, (start, length) in positions.items():
        content = shards.read(spool, start, length)
        facts[key] = json.dumps(_examine(content)).encode()
    return facts


def _examine(content: bytes) -> dict[str, Any]:
    """Decode a file once; return facts about the image, or why it is not an image."""
    try:
        image = images.open_rgb(content)
    except images.BadImageError as error:
        return _because(error.reason, str(error))
    size = f"{image.width}x{image.height} "
    grey = image.convert("L")
    return {
        "width": image.width,
        "height": image.height,
        "contrast": ImageStat.Stat(grey).stddev[0],
        "pixels": hashlib.sha256(size.encode() + image.tobytes()).hexdigest(),
    }


def unfit(
    entry: Entry,
    facts: Mapping[str, Any],
    min_side: int,
) -> dict[str, str]:
    """Return why a file cannot be used for training.

    Args:
        entry: the file.
        facts: what `examine_all` yields with it.
        min_side: shortest allowed side in pixels.

    Returns:
        `reason`, a short name, and `detail`, in words; both are empty if the file can be used.
    """
    suffix = PurePosixPath(entry.path).suffix.lower()
    if entry.fault:
        return _because(entry.reason, entry.fault)
    if "reason" in facts:
        if facts["reason"] == NOT_AN_IMAGE and suffix in SIDE_FILES:
            return _because(SIDE_FILE, f"a {suffix} file")
        return _because(facts["reason"], facts["detail"])
    short, long = sorted((facts["width"], facts["height"]))
    if short < min_side:
        reason = SMALL_FACE if entry.part else "too small"
        return _because(reason, f"{short} pixels, below ingest.min_side = {min_side}")
    if long > short * MAX_ASPECT_RATIO:
        return _because("extreme aspect ratio", f"{long}:{short}, above {MAX_ASPECT_RATIO}")
    if facts["contrast"] < MIN_CONTRAST:
        detail = f"contrast {facts['contrast']:.2f}, below {MIN_CONTRAST}"
        return _because("constant", detail)
    return _because("", "")


def _because(reason: str, detail: str) -> dict[str, str]:
    return {"reason": reason, "detail": detail}
