"""Collect the images of sources in a table, and the refused files in another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from facemask import params
from facemask.errors import UserError
from facemask.files import replacing
from facemask.sources import crops, image_tables, labelling, people, scenes, unread
from facemask.sources.annotation import class_names
from facemask.sources.classes import translated
from facemask.sources.examination import SIDE_FILE, SMALL_FACE, examine_all, unfit
from facemask.sources.source import Entry, Source
from facemask.store import shards

REFUSED = ["path", "reason", "detail"]
"""Columns of a table of refused files."""

SPOOLED = ["start", "length"]
"""Columns with the offset and length of a file's bytes in the spool, a temporary file."""

FACTS = ["sha256", "pixels", "width", "height"]
"""Columns that the examination of a file fills."""

COLUMNS = [*REFUSED, "given_label", "given_group", "given_split", *FACTS, *SPOOLED]

SKIPPED = {*image_tables.TABLES, people.TABLE}
"""Names of tables that describe the images of a source. They are not counted as files."""


@dataclass(frozen=True)
class Collection:
    """The examined files of one or several sources.

    Attributes:
        sources: where the files come from.
        good: rows of usable images, sorted by path, with the columns `shards.COLUMNS` and
            `SPOOLED`.
        bad: rows of refused files, with the columns `source`, `REFUSED` and `SPOOLED`. `reason` is
            a short name, and `detail` explains it. `length` is 0 if the file could not be decoded.
        classes: the two names, in alphabetical order.
        faces: rows of the annotated faces in photos that are not cropped, with the columns
            `scenes.FACE`; may be empty.
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
        """The description of each source.

        If there are several sources, the name of a source replaces a missing description.
        """
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
    """Examine every file of a source, and put the images into the spool.

    Args:
        source: the files.
        names: maps each label in the source to its class, and each ignored label to "". If `names`
            is None, the source itself names its two classes.
        options: the limits, and which sources are cropped to faces.
        spool: gets the bytes of each file that can be decoded, even if the file is refused.
        cache: file with the results of earlier runs.
        cropper: crops faces if the source has boxes, or if `options` says to crop its photos.
        subset: name of an external test set, for the column `split`.
        whole: whether photos stay whole, even if the source has boxes. The class of a whole photo
            comes from its first box of the two classes, or from its folder if it has no boxes.

    Raises:
        UserError: no image is usable, or there are not two classes, or a table of the source is
            wrong.
    """
    tables = image_tables.read(source)
    annotations = {} if tables.label else labelling.annotations_of(source, names)
    if whole:
        names = translated(names or {}, class_names(annotations))
        annotations = scenes.known_first(annotations, names)
    entries = crops.crops(
        source,
        annotations,
        cropper,
        cache,
        crop_faces=options.crops(source.name),
        whole=whole,
    )
    files = []
    for entry, facts in examine_all(entries, len(source), spool, cache):
        name = PurePosixPath(entry.path).name
        if entry.fault or name not in SKIPPED:
            refusal = unfit(entry, facts, options.min_side)
            files.append(_row(entry, tables) | facts | refusal)
    table = _table(files).assign(source=source.name, split=subset)
    images = table[table["reason"] == ""]
    try:
        if images.empty:
            raise UserError(_no_image(table))
        names = labelling.names_in(images, names)
        table = labelling.labelled(
            table,
            names,
            by_folder=whole or not annotations,
            by_table=bool(tables.label),
        )
    except UserError as error:
        parts = [f"{source.key} = '{source.origin}': {error}", unread.advice(source)]
        raise UserError("; ".join(filter(None, parts))) from error
    is_good = table["reason"] == ""
    good = table.loc[is_good, [*shards.COLUMNS, *SPOOLED]]
    return Collection(
        sources=[source],
        good=good,
        bad=table.loc[~is_good, ["source", *REFUSED, *SPOOLED]],
        classes=sorted(set(names.values()) - {""}),
        faces=scenes.faces(good, annotations if whole else {}, names),
    )


def merge(parts: Sequence[Collection]) -> Collection:
    """Join collections, and refuse images that occur with both labels.

    If there are several collections, the path and the group of each image begin with the name of
    its source.

    Raises:
        UserError: no image is left.
    """
    good = pd.concat([part.good for part in parts], ignore_index=True)
    bad = pd.concat([part.bad for part in parts], ignore_index=True)
    faces = pd.concat([part.faces for part in parts], ignore_index=True)
    if len(parts) > 1:
        for table in (good, bad, faces):
            table["path"] = table["source"] + "/" + table["path"]
        group = good["given_group"]
        good["given_group"] = group.where(group == "", good["source"] + "/" + group)
    good = labelling.mark_disputed(good.assign(reason="", detail=""))
    disputed = good["reason"] != ""
    merged = Collection(
        sources=[source for part in parts for source in part.sources],
        good=good.loc[~disputed, [*shards.COLUMNS, *SPOOLED]],
        bad=pd.concat([bad, good.loc[disputed, bad.columns]]).sort_values("path"),
        classes=parts[0].classes,
        faces=faces,
    )
    if merged.good.empty:
        raise UserError(f"{merged.origin}: {_no_image(merged.bad)}")
    return merged


def check(
    collection: Collection,
    options: params.Ingest,
    quarantine: Path,
) -> None:
    """Stop if a class is empty, or if the share of refused files is too large.

    Three kinds of files do not count: files that have neither of the two classes, files that are
    not meant as images (such as tables), and faces that are too small.

    Args:
        collection: all of `options.source`.
        options: has the limit `max_quarantined_share`.
        quarantine: where the quarantined files are listed, for the message.

    Raises:
        UserError: a class is empty, or the limit is exceeded.
    """
    counts = collection.good["label"].value_counts()
    counts = counts.reindex(collection.classes, fill_value=0)
    if counts.min() == 0:
        raise UserError(
            f"ingest.source = '{options.source}': no folder, box or table gives the class "
            f"{counts.idxmin()} to a good image; see {quarantine}"
        )
    reasons = collection.bad["reason"]
    is_expected = reasons.isin((labelling.NO_CLASS, SIDE_FILE, SMALL_FACE))
    reasons = reasons[~is_expected]
    share = len(reasons) / (len(reasons) + len(collection.good))
    if share > options.max_quarantined_share:
        raise UserError(
            f"ingest.max_quarantined_share = {options.max_quarantined_share}: {share:.3f} of the "
            f"files are quarantined, most often as {reasons.mode()[0]!r}; see {quarantine}"
        )


def store(
    folder: Path,
    parts: Iterable[Collection],
    spool: shards.Spool,
) -> None:
    """Write the good images of collections as shards. Without images, the shards are empty."""
    images = [part.good for part in parts]
    if not images:
        images = [
            pd.DataFrame(
                columns=[*shards.COLUMNS, *SPOOLED],
                dtype=object,
            )
        ]
    with replacing(folder) as temporary:
        temporary.mkdir()
        shards.write(temporary, pd.concat(images), spool)


def summary(collection: Collection) -> dict[str, Any]:
    """Count images by class and quarantined files by reason, in total and for each source."""
    good = collection.good
    bad = collection.bad
    by_source = {}
    for source in collection.sources:
        good_of_source = good[good["source"] == source.name]
        bad_of_source = bad[bad["source"] == source.name]
        by_source[source.name] = {
            "source": source.origin,
            "description": source.description,
            **_counts(good_of_source, bad_of_source),
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


def _table(files: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(files, columns=COLUMNS, dtype=object)
    return table.sort_values("path", ignore_index=True)


def _row(entry: Entry, tables: image_tables.ImageTables) -> dict[str, Any]:
    """Return what is known about a file besides its content."""
    # Faces from the same photo look alike in light and sharpness, so they form one group.
    group = entry.path if entry.part else ""
    return {
        "path": entry.path + entry.part,
        "given_label": tables.label.get(entry.path, entry.label),
        "given_group": tables.group.get(entry.path, group),
        "given_split": tables.split.get(entry.path, ""),
    }


def _no_image(files: pd.DataFrame) -> str:
    """Return the message that no file is usable. It names the first file and its fault."""
    message = f"none of {len(files)} files is an image to learn from"
    if files.empty:
        return message
    first = files.iloc[0]
    return f"{message}; {first['path']}: {first['detail']}"
