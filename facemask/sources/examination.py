"""Files of a source -> what their bytes tell of each, and these bytes in a spool."""

import hashlib
import json
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import ImageStat

from facemask import parallel
from facemask.cache import Cache
from facemask.files import code_version
from facemask.sources.crops import Crops
from facemask.sources.source import Entry
from facemask.store import images, shards

MAX_ASPECT_RATIO = 4
"""Largest ratio of the longer side of an image to the shorter."""

MIN_CONTRAST = 2
"""Smallest standard deviation of an image's grey levels (0-255); below it, it is constant."""

SIDE_FILE, NOT_AN_IMAGE = "side file", "not an image"
"""Reasons: a file that is not meant as an image, and one that may be."""

SIDE_FILES = {".cff", ".csv", ".docx", ".html", ".ini", ".json", ".log", ".md", ".pdf", ".txt"}
SIDE_FILES |= {".names", ".tsv", ".xls", ".xlsx", ".xml", ".yaml", ".yml"}
"""Endings of what tools leave beside images: annotations, tables, notes."""

FILES_AT_ONCE, BYTES_AT_ONCE = 64, 200_000_000
"""A batch, a task, ends with the file that reaches either, which bounds the memory."""


def examine_all(
    source: Crops, spool: shards.Spool, cache: Path
) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Yield each file with what it is, and put the bytes of those that can be decoded by.

    Args:
        source: the files.
        spool: gets their bytes.
        cache: file of what earlier runs found out.

    Yields:
        The file; and format, width, height, contrast, pixels, sha256, and start and length in the
        spool, or reason and detail if it is not an image.

    Raises:
        UserError: the cache is in use, or the disk is full.
    """
    known = Cache(cache, "examine", code_version(sys.modules[__name__]) + images.version())
    places: dict[str, tuple[int, int]] = {}
    waiting: deque[tuple[list[Entry], list[str], dict[str, bytes]]] = deque()

    def tasks() -> Iterator[dict[str, tuple[int, int]]]:
        for batch in _batches(iter(source)):
            keys = [hashlib.sha256(entry.content).hexdigest() for entry in batch]
            facts = known.recall(set(keys))
            contents = {key: entry.content for key, entry in zip(keys, batch, strict=True)}
            unfit = {key for key, fact in facts.items() if "reason" in json.loads(fact)}
            fresh = [key for key in contents if key not in places and key not in unfit]
            starts = spool.add([contents[key] for key in fresh])
            for key, start in zip(fresh, starts, strict=True):
                places[key] = start, len(contents[key])
            waiting.append((batch, keys, facts))
            yield {key: places[key] for key in contents if key not in facts}

    for found in parallel.run(
        partial(_examine_files, spool.path),
        tasks(),
        "ingest",
        "file",
        len(source),
        lambda _: len(waiting[0][0]),  # results come in the order of the batches
    ):
        batch, keys, facts = waiting.popleft()
        known.keep(found)
        for entry, key in zip(batch, keys, strict=True):
            fact = json.loads((facts | found)[key])
            if "pixels" in fact:
                start, length = places[key]
                fact |= {"sha256": key, "start": start, "length": length}
            yield entry, fact


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    batch, size = [], 0
    for entry in entries:
        batch.append(entry)
        size += len(entry.content)
        if len(batch) == FILES_AT_ONCE or size >= BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _examine_files(spool: Path, places: dict[str, tuple[int, int]]) -> dict[str, bytes]:
    """Examine files by their places in a spool."""
    return {key: _examine(shards.read(spool, *place)) for key, place in places.items()}


def _examine(content: bytes) -> bytes:
    """Decode a file once and say as JSON what it is, or why it is not an image."""
    try:
        image = images.open_rgb(content)
    except images.BadImageError as error:
        return json.dumps({"reason": error.reason, "detail": str(error)}).encode()
    size = f"{image.width}x{image.height} "
    facts = {
        "width": image.width,
        "height": image.height,
        "contrast": ImageStat.Stat(image.convert("L")).stddev[0],
        "pixels": hashlib.sha256(size.encode() + image.tobytes()).hexdigest(),
    }
    return json.dumps(facts).encode()


def unfit(entry: Entry, facts: Mapping[str, Any], min_side: int) -> dict[str, str]:
    """Return why a file cannot be learned from.

    Args:
        entry: the file.
        facts: what `examine_all` yields with it.
        min_side: shortest allowed side in pixels.

    Returns:
        `reason`, one of a few, and `detail`, in words; both are empty if it can.
    """
    suffix = PurePosixPath(entry.path).suffix.lower()
    if entry.fault:
        reason, detail = entry.reason, entry.fault
    elif "reason" in facts:
        reason, detail = facts["reason"], facts["detail"]
        if reason == NOT_AN_IMAGE and suffix in SIDE_FILES:
            reason, detail = SIDE_FILE, f"a {suffix} file"
    else:
        reason, detail = _bad_image(facts, min_side)
    return {"reason": reason, "detail": detail}


def _bad_image(facts: Mapping[str, Any], min_side: int) -> tuple[str, str]:
    short, long = sorted((facts["width"], facts["height"]))
    if short < min_side:
        return "too small", f"{short} pixels, below ingest.min_side = {min_side}"
    if long > short * MAX_ASPECT_RATIO:
        return "extreme aspect ratio", f"{long}:{short}, above {MAX_ASPECT_RATIO}"
    if facts["contrast"] < MIN_CONTRAST:
        return "constant", f"contrast {facts['contrast']:.2f}, below {MIN_CONTRAST}"
    return "", ""
