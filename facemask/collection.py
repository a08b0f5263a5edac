"""A source -> the images fit to learn from, each a file and a row, and why the rest are not."""

import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd
import PIL
from PIL import Image, ImageStat
from tqdm import tqdm

from facemask import images, params
from facemask.cache import Cache
from facemask.errors import UserError
from facemask.files import code_version, reuse
from facemask.source import Entry, Source, class_of, find_classes, harmless

GIVEN = {"groups.csv": "group", "splits.csv": "split"}
"""Tables that a source may hold, each with `path`, relative to the table, and this column."""

NO_CLASS = "in no class folder"
"""The one reason that says nothing against an image: it was not asked for."""

REFUSED = ["path", "reason", "detail"]
"""Columns of a table of what is not to be used."""

COLUMNS = [*REFUSED, "sha256", "pixels", "width", "height"]

FILES_AT_ONCE, BYTES_AT_ONCE = 256, 200_000_000
"""A batch ends with the file that reaches either, which bounds the memory of undecoded files."""


class Collection(NamedTuple):
    """All files of a source, judged.

    Attributes:
        good: rows as `tables` describes them, sorted by path.
        bad: path, reason (one of a few), detail (in words) and sha256 (empty if undecodable).
        classes: the two names, in alphabetical order.
    """

    good: pd.DataFrame
    bad: pd.DataFrame
    classes: list[str]


def collect(
    source: Source, options: params.Ingest, folder: Path, *, before: Path, memo: Path
) -> Collection:
    """Judge every file of a source, and store what can be decoded.

    Args:
        source: the files.
        options: the names of the classes, and the limits.
        folder: gets each decodable file, unchanged, under its SHA-256; those in `bad` too.
        before: the same folder of an earlier run, if there is one: equal files are linked.
        memo: file of what earlier runs found out.

    Raises:
        UserError: no image is good, or the classes are not two, or a table of the source is wrong.
    """
    rows: list[dict[str, Any]] = []
    given: list[Entry] = []
    for entry, found in _examine_all(source, folder, before, memo):
        if PurePosixPath(entry.path).name in GIVEN and not entry.fault:
            given.append(entry)
        else:
            rows.append({"path": entry.path} | found | _unfit(entry, found, options))
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=object).sort_values("path", ignore_index=True)
    for entry in given:
        _add_given(entry, table)
    is_good = table["reason"] == ""
    bad = table[~is_good].fillna({"sha256": ""})
    good = table[is_good].drop(columns=["reason", "detail"]).fillna("")
    _require_images(source, good, bad)
    classes = sorted(options.classes or find_classes(list(good["path"])))
    good.insert(1, "label", [class_of(path, classes) for path in good["path"]])
    disputed = good[good.groupby("pixels")["label"].transform("nunique") > 1]
    good = good.drop(disputed.index)
    bad = pd.concat([bad, _both_labels(disputed)]).sort_values("path")
    _require_images(source, good, bad)
    return Collection(good, bad[[*REFUSED, "sha256"]], classes)


def _require_images(source: Source, good: pd.DataFrame, bad: pd.DataFrame) -> None:
    if good.empty:
        first = bad.iloc[0] if len(bad) else {"path": "no file", "detail": "nothing is there"}
        raise UserError(
            f"{source.path}: none of {len(bad)} files is an image to learn from; "
            f"{first['path']}: {first['detail']}"
        )


def remove_unused(folder: Path, good: pd.DataFrame) -> None:
    """Delete the files that `collect` stored for images that are not good."""
    for name in {file.name for file in folder.iterdir()} - set(good["sha256"]):
        (folder / name).unlink()


def _examine_all(
    source: Source, folder: Path, before: Path, memo: Path
) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Store each file that can be decoded, and give each with its facts, `sha256` if decodable."""
    known = Cache(memo, "examine", code_version(sys.modules[__name__], images, PIL))
    entries = iter(tqdm(source, desc="ingest", unit="file", disable=None))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while batch := _batch(entries):
            keys = [hashlib.sha256(entry.content).hexdigest() for entry in batch]
            contents = {key: entry.content for key, entry in zip(keys, batch, strict=True)}
            facts = _facts(contents, known, pool)
            whole = [key for key in contents if "sha256" in facts[key]]
            store = partial(_store, folder=folder, before=before)
            list(pool.map(store, whole, (contents[key] for key in whole)))
            yield from zip(batch, (facts[key] for key in keys), strict=True)


def _facts(
    contents: dict[str, bytes], known: Cache, pool: ThreadPoolExecutor
) -> dict[str, dict[str, Any]]:
    found = known.complete(
        contents, lambda missing: pool.map(_examine, (contents[key] for key in missing))
    )
    facts = {key: json.loads(value) for key, value in found.items()}
    return {
        key: {"sha256": key} | fact if "pixels" in fact else fact for key, fact in facts.items()
    }


def _batch(entries: Iterator[Entry]) -> list[Entry]:
    batch, size = [], 0
    for entry in entries:
        batch.append(entry)
        size += len(entry.content)
        if len(batch) == FILES_AT_ONCE or size >= BYTES_AT_ONCE:
            break
    return batch


def _examine(content: bytes) -> bytes:
    """Decode a file once and say as JSON what it is, or why it is no image."""
    try:
        kind = images.format_of(content)
        image = images.open_rgb(content)
    except images.BadImageError as error:
        return json.dumps({"reason": error.reason, "detail": str(error)}).encode()
    size = f"{image.width}x{image.height} "
    facts = {
        "format": kind,
        "width": image.width,
        "height": image.height,
        "contrast": ImageStat.Stat(image.convert("L")).stddev[0],
        "pixels": hashlib.sha256(size.encode() + image.tobytes()).hexdigest(),
    }
    return json.dumps(facts).encode()


def _store(name: str, content: bytes, folder: Path, before: Path) -> None:
    old, new = before / name, folder / name
    if new.exists():  # the source has it twice
        return
    if old.is_file() and old.read_bytes() == content:
        reuse(old, new)
    else:
        new.write_bytes(content)


def _unfit(entry: Entry, found: dict[str, Any], options: params.Ingest) -> dict[str, str]:
    """Say why an image is not to be learned from; both texts are empty if it is."""

    def because(reason: str, detail: str) -> dict[str, str]:
        return {"reason": reason, "detail": detail}

    if entry.fault:
        return because("unreadable", entry.fault)
    if options.classes and not class_of(entry.path, options.classes):
        return because(NO_CLASS, f"none of the folders is {' or '.join(options.classes)}")
    if "reason" in found:
        return because(found["reason"], found["detail"])
    short, long = sorted((found["width"], found["height"]))
    suffix = PurePosixPath(entry.path).suffix.lower()
    if Image.EXTENSION.get(suffix, found["format"]) not in (found["format"], "MPO"):
        return because("wrong type", f"a {found['format']} image whose name ends in {suffix}")
    if short < options.min_side:
        return because("too small", f"{short} pixels, below ingest.min_side = {options.min_side}")
    if long > short * options.max_aspect_ratio:
        limit = f"ingest.max_aspect_ratio = {options.max_aspect_ratio}"
        return because("extreme aspect ratio", f"{long}:{short}, above {limit}")
    if found["contrast"] < options.min_contrast:
        limit = f"ingest.min_contrast = {options.min_contrast}"
        return because("constant", f"contrast {found['contrast']:.2f}, below {limit}")
    return because("", "")


def _both_labels(disputed: pd.DataFrame) -> pd.DataFrame:
    """Name for each image one with the same pixels under the other label."""
    first = disputed.groupby(["pixels", "label"])["path"].first().unstack()
    keys = zip(disputed["pixels"], disputed["label"], strict=True)
    same = [first.loc[pixels].drop(label).iloc[0] for pixels, label in keys]
    details = [f"the same picture as {path}" for path in same]
    return disputed.assign(reason="under both labels", detail=details)


def _add_given(entry: Entry, table: pd.DataFrame) -> None:
    """Add what a table of the source says of its images, as `given_group` or `given_split`."""
    column = GIVEN[PurePosixPath(entry.path).name]
    try:
        given = pd.read_csv(io.BytesIO(entry.content), dtype=str, keep_default_na=False)
        above = PurePosixPath(entry.path).parent
        pairs = given[["path", column]].to_numpy()
        values = {_below(above, harmless(path)): value for path, value in pairs}
    except (KeyError, ValueError) as error:
        raise UserError(f"{entry.path}: should be CSV with path,{column}: {error}") from error
    unknown = sorted(values.keys() - set(table["path"]))
    if unknown:
        raise UserError(f"{entry.path}: path = {unknown[0]!r}: the source has no such file")
    odd = [value for value in values.values() if value and not re.match(r"\w", value)]
    if odd:
        raise UserError(
            f"{entry.path}: {column} = {odd[0]!r}: should begin with a letter, digit or underscore"
        )
    if column == "group":  # two tables may give the same name to different groups
        values = {path: value and f"{above}/{value}" for path, value in values.items()}
    named = table["path"].isin(values)
    table.loc[named, f"given_{column}"] = table["path"].map(values)


def _below(above: PurePosixPath, path: str) -> str:
    return path if above == PurePosixPath() else str(above / path)
