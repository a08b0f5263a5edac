"""Find the class of each image from the folders, boxes and tables of a source."""

from collections.abc import Collection, Mapping

import pandas as pd

from facemask.errors import UserError
from facemask.sources import boxes, crops
from facemask.sources.annotation import Annotation, class_names
from facemask.sources.classes import find_classes, folder_of, folders_above, parents, translated
from facemask.sources.source import Source

NO_CLASS = "in no class"
"""Reason to quarantine a file that belongs to neither class. Nothing is wrong with the file."""

UNLISTED = "not listed"
"""Reason to quarantine an image that is missing in the tables of labels."""


def annotations_of(
    source: Source,
    names: Mapping[str, str] | None,
) -> Mapping[str, Annotation]:
    """Return the boxes of a source by path of the image; empty if the boxes name no classes.

    Args:
        source: the files.
        names: the class of each known name. The boxes name classes if a box has a known name. If
            `names` is None, the boxes name classes if they have two or more different names.
    """
    annotations = boxes.read(source)
    occurring = class_names(annotations)
    has_classes = len(occurring) > 1
    if names is not None:
        has_classes = not occurring.isdisjoint(translated(names, occurring))
    return annotations if has_classes else {}


def names_in(
    images: pd.DataFrame,
    names: Mapping[str, str] | None,
) -> dict[str, str]:
    """Return the class of each name in a source; empty for a name that is left out.

    Args:
        images: rows of the images that can be used: path, given_label.
        names: the class of each known name. If None, the source itself names the two classes.

    Raises:
        UserError: the source has no known name, or does not name two classes, or only one of its
            folders has a name that is clear.
    """
    labels = set(images["given_label"]) - {""}
    if names is None:
        return {name: name for name in _two_classes(images, labels)}
    folders = {name for path in images["path"] for name in folders_above(path)}
    given = names
    names = translated(translated(names, labels), folders)
    if labels and not labels & names.keys():
        raise _other_names(labels, names)
    guessed = names.keys() - given.keys()
    outside = [path for path in images["path"] if not folder_of(path, names)]
    if guessed and not labels and outside and len({names[name] for name in guessed}) == 1:
        raise _other_names(guessed | parents(outside), given)  # such as `bare` beside `masked`
    return names


def _two_classes(
    images: pd.DataFrame,
    labels: set[str],
) -> Collection[str]:
    """Return the names of the two classes: two folders, or else the labels in boxes or tables."""
    try:
        folders = find_classes(list(images["path"]))
    except UserError:
        if not labels:
            raise
    else:
        if labels <= set(folders):  # a table or boxes may correct single images
            return folders
    if len(labels) != 2:
        raise UserError(
            f"labels.csv or boxes: exactly 2 classes are needed, found {len(labels)}: "
            f"{', '.join(sorted(labels)[:10])}; name two of them in ingest.classes"
        )
    return labels


def labelled(
    table: pd.DataFrame,
    names: Mapping[str, str],
    *,
    by_folder: bool,
    by_table: bool,
) -> pd.DataFrame:
    """Add a column `label` to a table. Write why each file without a class is quarantined.

    Images that occur with both labels are quarantined, too.

    Args:
        table: rows of all files: path, reason, detail, given_label, pixels.
        names: the class of each name in the source.
        by_folder: whether a file without a label takes the name of its folder as label.
        by_table: whether a table gives labels.

    Raises:
        UserError: no image has a class. The message lists the names in the source.
    """
    name = table["given_label"]
    if by_folder:
        folder = table["path"].map(lambda path: folder_of(path, names))
        name = name.where(name != "", folder)
    table = table.assign(label=name.map(lambda name: names.get(name, "")))

    is_good = table["reason"] == ""
    unlisted = is_good & (name == "") & by_table
    table.loc[unlisted, ["reason", "detail"]] = UNLISTED, "no table gives it a label"

    keeps_reason = table["reason"].isin(("unreadable", crops.BAD_ANNOTATION, UNLISTED))
    without_class = (table["label"] == "") & ~keeps_reason
    classes = " nor ".join(sorted(set(names.values()) - {""}))
    table.loc[without_class, ["reason", "detail"]] = NO_CLASS, f"neither {classes}"

    table = table.fillna({"start": 0, "length": 0}).fillna("")
    if not (table["reason"] == "").any():
        is_image = table["pixels"] != ""
        images = table[is_image & (without_class | unlisted)]
        labels = set(images["given_label"]) - {""}
        folders = parents(images["path"]) or {"no class folder"}
        raise _other_names(labels or folders, names)
    return mark_disputed(table)


def _other_names(
    occurring: Collection[str],
    names: Collection[str],
) -> UserError:
    """Return the error about a source that has other names than those of the classes."""
    return UserError(
        f"has {', '.join(sorted(occurring)[:10])} where the classes are called "
        f"{', '.join(sorted(names))}; say in ingest.classes which names mean which class, or use "
        "another source; ingest.external and ingest.photos may also be null"
    )


def mark_disputed(table: pd.DataFrame) -> pd.DataFrame:
    """Write a reason into the row of each image that occurs with both labels; return the table.

    Args:
        table: rows with path, label, reason, detail and pixels.
    """
    good = table[table["reason"] == ""]
    labels_of_picture = good.groupby("pixels")["label"].transform("nunique")
    disputed = good[labels_of_picture > 1]
    first_path = disputed.groupby(["pixels", "label"])["path"].first()
    for index, pixels, label in disputed[["pixels", "label"]].itertuples():
        other = first_path[pixels].drop(label).iloc[0]
        table.loc[index, "reason"] = "under both labels"
        table.loc[index, "detail"] = f"the same picture as {other}"
    return table
