"""Sources -> rows of the images fit to learn from, and why the rest are not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from facemask import params
from facemask.errors import UserError
from facemask.files import replacing
from facemask.sources import boxes, crops, people, unread
from facemask.sources import given as tables_of_source
from facemask.sources.box import Annotation
from facemask.sources.classes import find_classes, folder_of, folders_above, parents, translated
from facemask.sources.examination import examine_all
from facemask.sources.given import TABLES, Given
from facemask.sources.source import Entry, Source
from facemask.store import shards

NO_CLASS, SIDE_FILE = "in no class", "side file"
"""Reasons that say nothing against a file: its class is not wanted, or it is not an image."""

UNLISTED = "not listed"
"""Reason of an image that a table of labels leaves out."""

SIDE_FILES = {".cff", ".csv", ".docx", ".html", ".ini", ".json", ".log", ".md", ".pdf", ".txt"}
SIDE_FILES |= {".names", ".tsv", ".xls", ".xlsx", ".xml", ".yaml", ".yml"}
"""Endings of what tools leave beside images: annotations, tables, notes."""

REFUSED = ["path", "reason", "detail"]
"""Columns of a table of what is not to be used."""

FACE = ["source", "path", "sha256", "label", "left", "top", "right", "bottom"]
"""Columns of an annotated face: its photo, its class (empty for another one), and its box."""

PLACE = ["start", "length"]
"""Columns that say where in the spool a file is."""

GIVEN_COLUMNS = ["file", "given_label", "given_group", "given_split"]
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
        faces: the annotated faces of whole photos, with `FACE`; else no row.
    """

    sources: list[Source]
    good: pd.DataFrame
    bad: pd.DataFrame
    classes: list[str]
    faces: pd.DataFrame

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
        whole: whether images stay as they are, even where the source has boxes. Then a photo
            without boxes has the class of its folder.

    Raises:
        UserError: no image is good, or the classes are not two, or a table of the source is wrong.
    """
    given = tables_of_source.read(source)
    annotations = {} if given.label else _annotations(source, names)
    if whole:
        names = translated(names or {}, boxes.labels(annotations))
        annotations = _known_first(annotations, names)
    cropped = crops.Crops(
        source, annotations, cropper, cache, crop_faces=options.crops(source.name), whole=whole
    )
    rows = [
        _row(entry, given) | facts | _unfit(entry, facts, options)
        for entry, facts in examine_all(cropped, spool, cache)
        if entry.fault or PurePosixPath(entry.path).name not in (*TABLES, people.TABLE)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=object).sort_values("path", ignore_index=True)
    table = table.assign(source=source.name, split=subset)
    _require_images(source.origin, table[table["reason"] == ""], table)
    try:
        names = _names(table[table["reason"] == ""], names)
        by_folder = whole or not annotations
        _label(table, names, by_folder=by_folder, by_table=bool(given.label))
        good = table[table["reason"] == ""].fillna("")
        _require_classes(source, good, table, names)
    except UserError as error:
        advice = unread.advice(source)
        raise UserError(f"{error}; {advice}" if advice else str(error)) from error
    bad = table[table["reason"] != ""].fillna({"start": 0, "length": 0})
    return Collection(
        sources=[source],
        good=good[[*shards.COLUMNS, *PLACE]],
        bad=bad[["source", *REFUSED, *PLACE]],
        classes=sorted(set(names.values()) - {""}),
        faces=_faces(good, annotations, names) if whole else pd.DataFrame(columns=FACE),
    )


def merge(parts: Sequence[Collection]) -> Collection:
    """Return the sources of a collection as one, without the pictures that have both labels.

    Where there are several, their names come before the paths of their images and their groups.

    Raises:
        UserError: no image is left.
    """
    good = pd.concat([part.good for part in parts], ignore_index=True)
    bad = pd.concat([part.bad for part in parts], ignore_index=True)
    faces = pd.concat([part.faces for part in parts], ignore_index=True)
    if len(parts) > 1:
        good["path"] = good["source"] + "/" + good["path"]
        bad["path"] = bad["source"] + "/" + bad["path"]
        faces["path"] = faces["source"] + "/" + faces["path"]
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
        faces=faces,
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


def _annotations(source: Source, names: Mapping[str, str] | None) -> Mapping[str, Annotation]:
    """Return the boxes of a source if they say the classes: two, or one that has a name."""
    annotations = boxes.read(source)
    labels = boxes.labels(annotations)
    if names is None:
        return annotations if len(labels) > 1 else {}
    return annotations if labels & translated(names, labels).keys() else {}


def _known_first(
    annotations: Mapping[str, Annotation], names: Mapping[str, str]
) -> dict[str, Annotation]:
    """Return the annotations with the boxes of a photo that have one of the classes first."""
    return {
        path: found
        if isinstance(found, str)
        else sorted(found, key=lambda box: not names.get(box.label))
        for path, found in annotations.items()
    }


def _faces(
    good: pd.DataFrame, annotations: Mapping[str, Annotation], names: Mapping[str, str]
) -> pd.DataFrame:
    """Return a row for each annotated face of the good photos, with the columns `FACE`."""
    faces = []
    for photo in good.to_dict("records"):
        boxes_of_photo = annotations.get(photo["path"], [])
        assert not isinstance(boxes_of_photo, str)  # else the photo would not be good
        for box in boxes_of_photo:
            edges = crops.edges_of(box, (photo["width"], photo["height"]))
            if not isinstance(edges, str):
                label = names.get(box.label, "")
                faces.append((photo["source"], photo["path"], photo["sha256"], label, *edges))
    return pd.DataFrame(faces, columns=FACE)


def _row(entry: Entry, given: Given) -> dict[str, Any]:
    """Return what is known of a file besides its content."""
    photo = entry.path if entry.part else ""  # the faces of a photo are in the same light
    return {
        "path": entry.path + entry.part,
        "file": entry.path,
        "given_label": given.label.get(entry.path, entry.label),
        "given_group": given.group.get(entry.path, photo),
        "given_split": given.split.get(entry.path, ""),
    }


def _names(good: pd.DataFrame, names: Mapping[str, str] | None) -> dict[str, str]:
    """Return the class of each name in a source.

    Args:
        good: rows of the images that can be used.
        names: as `collect` takes them.

    Raises:
        UserError: there are no names, and the source has not two classes.
    """
    labels = set(good["given_label"]) - {""}
    if names is not None:
        folders = {name for path in good["path"] for name in folders_above(path)}
        return translated(names, labels or folders)
    try:
        folders_of_classes = find_classes(list(good["path"]))
    except UserError:
        if not labels:
            raise
        folders_of_classes = ("", "")
    if labels <= set(folders_of_classes):  # a table corrects the folders
        return {name: name for name in folders_of_classes}
    if len(labels) != 2:
        raise UserError(
            f"labels.csv or boxes: exactly 2 classes are needed, found {len(labels)}: "
            f"{', '.join(sorted(labels)[:10])}; name two of them in ingest.classes"
        )
    return {name: name for name in labels}


def _label(
    table: pd.DataFrame, names: Mapping[str, str], *, by_folder: bool, by_table: bool
) -> None:
    """Add the column `label`, and the reason where a file has no class.

    Args:
        table: rows of all files.
        names: the class of each name in the source.
        by_folder: whether a file without a label of its own has that of its folder.
        by_table: whether a table gives labels.
    """
    name = table["given_label"]
    if by_folder:
        name = name.where(name != "", table["path"].map(lambda path: folder_of(path, names)))
    label = name.map(lambda name: names.get(name, ""))
    table.insert(1, "label", label)
    unlisted = (name == "") & (table["reason"] == "") & by_table
    lost = (label == "") & ~table["reason"].isin(("unreadable", crops.BAD)) & ~unlisted
    classes = " nor ".join(sorted(set(names.values()) - {""}))
    table.loc[lost, ["reason", "detail"]] = NO_CLASS, f"neither {classes}"
    table.loc[unlisted, ["reason", "detail"]] = UNLISTED, "no table gives it a label"


def _require_classes(
    source: Source, good: pd.DataFrame, table: pd.DataFrame, names: Mapping[str, str]
) -> None:
    """Stop where no image has a class, and name what there is instead."""
    if len(good):
        return
    files = table[table["reason"].isin((NO_CLASS, UNLISTED)) & (table["pixels"].notna())]
    labels = set(files["given_label"]) - {""}
    if not labels:
        labels = parents(files["path"])
    raise UserError(
        f"{source.key} = '{source.origin}': has {', '.join(sorted(labels)[:10])} where the classes "
        f"are called {', '.join(sorted(names))}; say in ingest.classes which names mean which class"
    )


def _require_images(origin: str, good: pd.DataFrame, bad: pd.DataFrame) -> None:
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
