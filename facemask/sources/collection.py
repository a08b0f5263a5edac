"""Sources -> rows of the images fit to learn from, and why the rest are not."""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from facemask import params
from facemask.errors import UserError
from facemask.files import replacing
from facemask.sources import boxes, crops, people
from facemask.sources.classes import class_of, find_classes
from facemask.sources.examination import examine_all
from facemask.sources.source import Entry, Source, harmless
from facemask.store import shards

GIVEN = {"groups.csv": "group", "labels.csv": "label", "splits.csv": "split"}
"""Tables that a source may hold, each with `path`, relative to the table, and this column."""

NO_CLASS, SIDE_FILE = "in no class", "side file"
"""The reasons that say nothing against an image: it was not asked for, or is not meant as one."""

SIDE_FILES = {".cff", ".csv", ".docx", ".html", ".ini", ".json", ".log", ".md", ".pdf", ".txt"}
SIDE_FILES |= {".names", ".tsv", ".xls", ".xlsx", ".xml", ".yaml", ".yml"}
"""Endings of what tools leave beside images: annotations, tables, notes."""

REFUSED = ["path", "reason", "detail"]
"""Columns of a table of what is not to be used."""

PLACE = ["start", "length"]
"""Columns that say where in the spool a file is."""

GIVEN_COLUMNS = ["file", "given_group", "given_label"]
COLUMNS = [*REFUSED, *GIVEN_COLUMNS, "sha256", "pixels", "width", "height", *PLACE]


@dataclass(frozen=True)
class Collection:
    """All files of a source, or of several, examined.

    Attributes:
        sources: where they come from.
        good: rows with `shards.COLUMNS`, sorted by path, and `start` and `length` in the spool.
        bad: source, path, reason (one of a few), detail (in words), and `start` and `length` in the
            spool, 0 where nothing could be decoded.
        classes: the two names, in alphabetical order.
    """

    sources: list[Source]
    good: pd.DataFrame
    bad: pd.DataFrame
    classes: list[str]

    @property
    def origin(self) -> str:
        """The path or address of each source, as it was given."""
        return ", ".join(source.origin for source in self.sources)

    @property
    def description(self) -> str:
        """What the sources say of themselves; of several, else the name."""
        if len(self.sources) == 1:
            return self.sources[0].description
        return "; ".join(source.description or source.name for source in self.sources)


def collect(
    source: Source,
    names: Mapping[str, str] | None,
    options: params.Ingest,
    spool: shards.Spool,
    *,
    cache: Path,
    cropper: crops.FaceCropper,
    subset: str = "",
    whole: bool = False,
) -> Collection:
    """Examine every file of a source, and keep the bytes of what can be decoded.

    Args:
        source: the files.
        names: from each name that means a class to the class, or to nothing if it is left out; none
            if the source has two classes and says itself how they are called.
        options: the limits, and which sources are cropped to faces.
        spool: gets the bytes of each decodable file; of those in `bad` too.
        cache: file of what earlier runs found out.
        cropper: crops faces, where the source has boxes or photos to be cropped.
        subset: for the column `split`: name of an external test set.
        whole: whether images stay as they are, even where the source has boxes.

    Raises:
        UserError: no image is good, or the classes are not two, or a table of the source is wrong.
    """
    rows: list[dict[str, Any]] = []
    given: list[Entry] = []
    annotations = {} if whole else boxes.find(source, names)
    crop_faces = not whole and options.crops(source.name)
    cropped = crops.Crops(source, annotations, cropper, cache, crop_faces=crop_faces)
    for entry, facts in examine_all(cropped, spool, cache):
        if PurePosixPath(entry.path).name == people.TABLE:
            continue
        if PurePosixPath(entry.path).name in GIVEN and not entry.fault:
            given.append(entry)
            continue
        row = {"path": entry.path + entry.part, "file": entry.path, "given_label": entry.label}
        row["given_group"] = entry.path if entry.part else ""  # its people are in one light
        rows.append(row | facts | _unfit(entry, facts, options))
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=object).sort_values("path", ignore_index=True)
    table = table.assign(source=source.name, given_split="", split=subset)
    for entry in given:
        _add_given(entry, table)
    is_good = table["reason"] == ""
    _require_images(source.path, table[is_good], table)
    if names is None:
        names = {name: name for name in _classes(table[is_good])}
    table.insert(1, "label", _labels(table, names))
    classes = sorted(set(names.values()) - {""})
    lost = (table["label"] == "") & ~table["reason"].isin(("unreadable", crops.BAD))
    table.loc[lost, ["reason", "detail"]] = NO_CLASS, f"neither {' nor '.join(classes)}"
    is_good = table["reason"] == ""
    bad = table[~is_good].fillna({"start": 0, "length": 0})
    good = table[is_good].fillna("")
    _require_images(source.path, good, bad)
    return Collection(
        sources=[source],
        good=good[[*shards.COLUMNS, *PLACE]],
        bad=bad[["source", *REFUSED, *PLACE]],
        classes=classes,
    )


def merge(parts: Sequence[Collection]) -> Collection:
    """Return the sources of a collection as one, without the pictures that have both labels.

    Where there are several, their names come before the paths of their images and their groups.

    Raises:
        UserError: no image is left.
    """
    good = pd.concat([part.good for part in parts], ignore_index=True)
    bad = pd.concat([part.bad for part in parts], ignore_index=True)
    if len(parts) > 1:
        good["path"] = good["source"] + "/" + good["path"]
        bad["path"] = bad["source"] + "/" + bad["path"]
        group = good["given_group"]
        good["given_group"] = group.where(group == "", good["source"] + "/" + group)
    disputed = good[good.groupby("pixels")["label"].transform("nunique") > 1]
    good = good.drop(disputed.index)
    bad = pd.concat([bad, _both_labels(disputed)[bad.columns]]).sort_values("path")
    merged = Collection(
        sources=[source for part in parts for source in part.sources],
        good=good,
        bad=bad,
        classes=parts[0].classes,
    )
    _require_images(merged.origin, good, bad)
    return merged


def check(collection: Collection, options: params.Ingest, listed: Path) -> None:
    """Stop where a class is empty, or where too much of what was meant to be used cannot be.

    Args:
        collection: all of `options.source`.
        options: `max_quarantined_share` is the bound.
        listed: where the quarantined files are listed, for the message.

    Raises:
        UserError: it is so.
    """
    counts = collection.good["label"].value_counts().reindex(collection.classes, fill_value=0)
    if counts.min() == 0:
        raise UserError(f"{options.source}: no image in a folder named {counts.idxmin()}")
    reasons = collection.bad["reason"]
    reasons = reasons[~reasons.isin((NO_CLASS, SIDE_FILE))]
    share = len(reasons) / (len(reasons) + len(collection.good))
    if share > options.max_quarantined_share:
        raise UserError(
            f"ingest.max_quarantined_share = {options.max_quarantined_share}: {share:.3f} of the "
            f"files are quarantined, most of them as {reasons.mode()[0]!r}; see {listed}"
        )


def store(folder: Path, parts: Iterable[Collection], spool: shards.Spool) -> None:
    """Write the good images of collections, of which there may be none, as shards in `folder`."""
    none = pd.DataFrame(columns=[*shards.COLUMNS, "start", "length"], dtype=object)
    good = pd.concat([part.good for part in parts] or [none])
    with replacing(folder) as temporary:
        temporary.mkdir()
        shards.write(temporary, good, spool)


def summary(collection: Collection) -> dict[str, Any]:
    """Count images of each class, and files quarantined by reason; in all and by source."""
    good = collection.good
    bad = collection.bad
    by_source = {
        source.name: {
            "source": source.origin,
            "description": source.description,
            **_counts(good[good["source"] == source.name], bad[bad["source"] == source.name]),
        }
        for source in collection.sources
    }
    return {
        "source": collection.origin,
        "description": collection.description,
        **_counts(good, bad),
        "sources": by_source,
    }


def _counts(good: pd.DataFrame, bad: pd.DataFrame) -> dict[str, Any]:
    return {
        "images": len(good),
        "distinct_images": good["pixels"].nunique(),
        "images_of_class": good["label"].value_counts().sort_index().to_dict(),
        "quarantined": len(bad),
        "quarantined_for": bad["reason"].value_counts().sort_index().to_dict(),
    }


def _classes(good: pd.DataFrame) -> Sequence[str]:
    """Name the classes by the labels that a table or boxes give, or else by the folders."""
    given = sorted(set(good["given_label"]) - {""})
    if not given:
        return find_classes(list(good["path"]))
    if len(given) != 2:
        raise UserError(
            f"labels.csv or boxes: exactly 2 classes are needed, found {len(given)}: "
            f"{', '.join(given[:10])}; name two of them in ingest.classes"
        )
    return given


def _labels(table: pd.DataFrame, names: Mapping[str, str]) -> pd.Series:
    """Return for each file its class, empty where it has none."""
    given = table["given_label"]
    if not (given != "").any():
        given = table["path"].map(lambda path: class_of(path, names))
    return given.map(lambda name: names.get(name, ""))


def _require_images(origin: Path | str, good: pd.DataFrame, bad: pd.DataFrame) -> None:
    if good.empty:
        first = bad.iloc[0] if len(bad) else {"path": "no file", "detail": "nothing is there"}
        raise UserError(
            f"{origin}: none of {len(bad)} files is an image to learn from; "
            f"{first['path']}: {first['detail']}"
        )


def _unfit(entry: Entry, found: dict[str, Any], options: params.Ingest) -> dict[str, str]:
    """Say why an image is not to be learned from; both texts are empty if it is."""

    def because(reason: str, detail: str) -> dict[str, str]:
        return {"reason": reason, "detail": detail}

    if entry.fault:
        return because(entry.reason, entry.fault)
    suffix = PurePosixPath(entry.path).suffix.lower()
    if found.get("reason") == "not an image" and suffix in SIDE_FILES:
        return because(SIDE_FILE, f"a {suffix} file")
    if "reason" in found:
        return because(found["reason"], found["detail"])
    short, long = sorted((found["width"], found["height"]))
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
        values = {_below(above, harmless(path), table): value for path, value in pairs}
    except (KeyError, ValueError) as error:
        raise UserError(f"{entry.path}: should be CSV with path,{column}: {error}") from error
    unknown = sorted(values.keys() - set(table["file"]))
    if unknown:
        raise UserError(f"{entry.path}: path = {unknown[0]!r}: the source has no such file")
    odd = [value for value in values.values() if value and not re.match(r"\w", value)]
    if odd:
        raise UserError(
            f"{entry.path}: {column} = {odd[0]!r}: should begin with a letter, digit or underscore"
        )
    if column == "group":  # two tables may give the same name to different groups
        values = {path: value and f"{above}/{value}" for path, value in values.items()}
    named = table["file"].isin(values)
    table.loc[named, f"given_{column}"] = table["file"].map(values)


def _below(above: PurePosixPath, path: str, table: pd.DataFrame) -> str:
    """Return a path of a table in the folder `above` as the source has it, also one of Windows."""
    found = path if above == PurePosixPath() else str(above / path)
    return found if (table["file"] == found).any() else found.replace("\\\\", "/")
