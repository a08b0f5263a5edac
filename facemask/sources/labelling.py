"""What a source says of its images -> the class of each."""

from collections.abc import Collection, Mapping

import pandas as pd

from facemask.errors import UserError
from facemask.sources import boxes, crops
from facemask.sources.annotation import Annotation, class_names
from facemask.sources.classes import find_classes, folder_of, folders_above, parents, translated
from facemask.sources.source import Source

NO_CLASS = "in no class"
"""Reason of a file whose class is not wanted; it says nothing against the file."""

UNLISTED = "not listed"
"""Reason of an image that a table of labels leaves out."""


def annotations_of(source: Source, names: Mapping[str, str] | None) -> Mapping[str, Annotation]:
    """Return the boxes of a source if they say the classes: two, or one that has a name."""
    annotations = boxes.read(source)
    names_of_boxes = class_names(annotations)
    if names is None:
        return annotations if len(names_of_boxes) > 1 else {}
    return annotations if names_of_boxes & translated(names, names_of_boxes).keys() else {}


def names_in(good: pd.DataFrame, names: Mapping[str, str] | None) -> dict[str, str]:
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
        names = translated(translated(names, labels), folders)
        if labels and not labels & names.keys():
            raise _other_names(labels, names)
        return names
    try:
        pair = set(find_classes(list(good["path"])))
    except UserError:
        if not labels:
            raise
        pair = set()
    if labels <= pair:  # a table corrects the folders
        return {name: name for name in pair}
    if len(labels) != 2:
        raise UserError(
            f"labels.csv or boxes: exactly 2 classes are needed, found {len(labels)}: "
            f"{', '.join(sorted(labels)[:10])}; name two of them in ingest.classes"
        )
    return {name: name for name in labels}


def labelled(
    table: pd.DataFrame, names: Mapping[str, str], *, by_folder: bool, by_table: bool
) -> pd.DataFrame:
    """Return a table with a column `label`, and with a reason where a file has no class.

    Args:
        table: rows of all files: path, reason, detail, given_label.
        names: the class of each name in the source.
        by_folder: whether a file without a label of its own has that of its folder.
        by_table: whether a table gives labels.

    Raises:
        UserError: no image has a class; names what there is instead.
    """
    name = table["given_label"]
    if by_folder:
        folder = table["path"].map(lambda path: folder_of(path, names))
        name = name.where(name != "", folder)
    label = name.map(lambda name: names.get(name, ""))
    table = table.assign(label=label)
    unlisted = (name == "") & (table["reason"] == "") & by_table
    table.loc[unlisted, ["reason", "detail"]] = UNLISTED, "no table gives it a label"
    has_reason = table["reason"].isin(("unreadable", crops.BAD, UNLISTED))
    classes = " nor ".join(sorted(set(names.values()) - {""}))
    table.loc[(label == "") & ~has_reason, ["reason", "detail"]] = NO_CLASS, f"neither {classes}"
    table = table.fillna({"start": 0, "length": 0}).fillna("")
    if not (table["reason"] == "").any():
        images = table[table["reason"].isin((NO_CLASS, UNLISTED)) & (table["pixels"] != "")]
        labels = set(images["given_label"]) - {""}
        raise _other_names(labels or parents(images["path"]), names)
    return without_disputed(table)


def _other_names(occurring: Collection[str], names: Collection[str]) -> UserError:
    return UserError(
        f"has {', '.join(sorted(occurring)[:10])} where the classes are called "
        f"{', '.join(sorted(names))}; say in ingest.classes which names mean which class"
    )


def without_disputed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a reason at each image whose pixels also have the other label."""
    good = table[table["reason"] == ""]
    disputed = good[good.groupby("pixels")["label"].transform("nunique") > 1]
    first = disputed.groupby(["pixels", "label"])["path"].first()
    for index, pixels, label in disputed[["pixels", "label"]].itertuples():
        other = first[pixels].drop(label).iloc[0]
        table.loc[index, ["reason", "detail"]] = "under both labels", f"the same picture as {other}"
    return table
