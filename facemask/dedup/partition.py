"""Assignment of each image to training, validation or test."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from itertools import product
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from facemask import params
from facemask.errors import UserError
from facemask.store import tables

IN_COLLECTION = "related to the collection"
"""Reason to exclude an external image: it has a near-duplicate in the images of `ingest.source`."""

IN_START = "train.start was trained on it"
"""Reason to exclude an external image: the model in `train.start` was trained on it."""

FOLD = "fold {}"
"""Name of a fold of the cross-validation, with its index."""


def draw(
    table: pd.DataFrame,
    in_start: pd.Series,
    options: params.Split,
    seed: int,
) -> pd.Series:
    """Return the subset of each image.

    The strategy `grouped` draws whole groups, and `random` draws single images. Each class is drawn
    separately. Subsets have their shares as exactly as whole groups allow. The order of the draw
    depends only on the seed and on the content of the images. So new images hardly change the
    subset of the others. With `folds`, each class is divided into equal folds. `fold` does not
    affect this division.

    The strategy `predefined` reads the subsets from the `splits.csv` of the source. Without this
    file, it reads them from the names of the folders (`tables.SUBSET_OF_NAME`).

    Args:
        table: rows with `path`, `label`, `sha256`, `group` and `given_split`.
        in_start: (n,) whether the model in `train.start` was trained on an image. The whole group
            of such an image is for training. The shares refer to the other images.
        options: strategy and shares.
        seed: seeds the draw.

    Returns:
        (n,) values of `tables.SUBSETS`, with the index of `table`.

    Raises:
        UserError: a class has too few groups for all subsets, or the source does not tell the
            subset of an image.
    """
    for_training = table["group"].isin(table["group"][in_start])
    if options.strategy == "predefined":
        return _predefined(table).mask(for_training, tables.TRAIN)
    units = table["group"]
    if options.strategy == "random":
        copy = table.groupby("sha256").cumcount().astype(str)
        units = table["sha256"] + " " + copy
    free = table.assign(unit=units)[~for_training]
    subsets = _draw_units(free, tables.classes(table), options, seed)
    drawn = units.map(subsets)
    if options.folds:
        drawn = drawn.replace(FOLD.format(options.fold), tables.VALIDATION)
    return drawn.where(drawn.isin(tables.SUBSETS), tables.TRAIN)


def _draw_units(
    free: pd.DataFrame,
    classes: list[str],
    options: params.Split,
    seed: int,
) -> dict[str, str]:
    """Return the subset of each unit. A unit is a group, or an image for the strategy `random`."""
    shares = _shares(options)
    images_of_class = pd.crosstab(free["unit"], free["label"])
    label = images_of_class.idxmax(axis=1) if len(free) else free["label"]
    sizes = free["unit"].value_counts().loc[label.index]

    def shuffled(unit: str) -> bytes:
        return hashlib.sha256(f"{seed} {unit}".encode()).digest()

    subsets: dict[str, str] = {}
    for name in classes:
        members = sizes[label == name]
        units_with_class = free["unit"][free["label"] == name].nunique()
        if members.empty and units_with_class > len(shares):
            # Each unit with this class has at least as many images of the other class. So these
            # units are drawn with the other class.
            continue
        order = sorted(members.index, key=shuffled)
        subsets |= _fill(name, members[order], shares, rest=_rest(options))
    return subsets


def _shares(options: params.Split) -> dict[str, float]:
    """Return the share of each subset, 0-1, except for the subset of `_rest`."""
    shares = {tables.VALIDATION: options.validation}
    if options.folds:
        names = map(FOLD.format, range(options.folds - 1))
        shares = dict.fromkeys(names, (1 - options.test) / options.folds)
    if options.test:
        shares[tables.TEST] = options.test
    return shares


def _rest(options: params.Split) -> str:
    """Return the name of the subset that gets the units that no other subset takes."""
    if options.folds:
        return FOLD.format(options.folds - 1)
    return tables.TRAIN


def _fill(
    label: str,
    sizes: pd.Series,
    shares: Mapping[str, float],
    rest: str,
) -> dict[str, str]:
    """Assign each unit of a class to the first subset that it brings closer to its share.

    Args:
        label: the class.
        sizes: number of images of each unit, in the order of the draw.
        shares: share of each subset except `rest`, 0-1.
        rest: the subset that gets all other units.
    """
    if len(sizes) <= len(shares):
        raise UserError(
            f"class {label} has {len(sizes)} distinct image(s) or group(s) that train.start has "
            f"not seen; at least {len(shares) + 1} are needed, one for each of "
            f"{', '.join([rest, *shares])}"
        )
    room = {name: share * sizes.sum() for name, share in shares.items()}
    subsets = {}
    for unit, size in sizes.items():
        name = next((name for name in room if size / 2 <= room[name]), rest)
        subsets[str(unit)] = name
        if name in room:
            room[name] -= size
    for name in (rest, *shares):
        if name in subsets.values():
            continue
        drawn = pd.Series(subsets)
        fullest = drawn.mode()[0]
        smallest_unit = sizes[drawn.index[drawn == fullest]].idxmin()
        subsets[str(smallest_unit)] = name
    return subsets


def _predefined(table: pd.DataFrame) -> pd.Series:
    """Return the subset of each image according to the source."""
    given = table["given_split"]
    if not given.any():
        given = table["path"].map(_folder_of_subset)
    subsets = given.str.lower().map(tables.SUBSET_OF_NAME)
    if subsets.isna().any():
        path = table.loc[subsets.isna(), "path"].iloc[0]
        raise UserError(
            f"split.strategy = 'predefined': the source does not say where '{path}' belongs; "
            "give it a splits.csv with path,split, or train/ and val/ folders"
        )
    present = set(zip(table["label"], subsets, strict=True))
    for label, name in product(tables.classes(table), (tables.TRAIN, tables.VALIDATION)):
        if (label, name) not in present:
            raise UserError(f"split.strategy = 'predefined': no {label} image is for {name}")
    return subsets


def _folder_of_subset(path: str) -> str:
    for folder in PurePosixPath(path).parts[:-1]:
        if folder.lower() in tables.SUBSET_OF_NAME:
            return folder
    return ""


def summary(table: pd.DataFrame) -> dict[str, Any]:
    """Count the images and groups of each class and each subset.

    Args:
        table: rows with `label`, `group` and `split`.

    Returns:
        A dictionary with the keys `classes` and `groups_of_both_classes`, and a key for each subset
        that has images. The counts of validation and of test include the result of `train_overlap`.
    """
    classes = {}
    for label, rows in table.groupby("label"):
        classes[str(label)] = {
            "images": len(rows),
            "groups": rows["group"].nunique(),
            "largest_group": int(rows["group"].value_counts().max()),
        }
    classes_of_group = table.groupby("group")["label"].nunique()
    counts: dict[str, Any] = {
        "classes": classes,
        "groups_of_both_classes": int((classes_of_group > 1).sum()),
    }
    for name in tables.SUBSETS:
        rows = tables.subset(table, name)
        if rows.empty:
            continue
        by_class = rows.groupby("label")["group"]
        counts[name] = {
            "images": len(rows),
            "groups": rows["group"].nunique(),
            "images_of_class": by_class.size().to_dict(),
            "groups_of_class": by_class.nunique().to_dict(),
        }
        if name != tables.TRAIN:
            counts[name]["train_overlap"] = train_overlap(table, name)
    return counts


def train_overlap(table: pd.DataFrame, name: str) -> int:
    """Return the number of images of a subset whose group contains a training image."""
    trained_on = tables.subset(table, tables.TRAIN)["group"]
    return int(tables.subset(table, name)["group"].isin(trained_on).sum())


def external_summary(external: pd.DataFrame) -> dict[str, Any]:
    """Count the remaining and the excluded images of each external test set.

    Args:
        external: rows with `split`, the name of the test set, and `reason`, which is empty if the
            image is not excluded.
    """
    counts = {}
    for name, rows in external.groupby("split"):
        count = Counter(rows["reason"])
        excluded = {IN_COLLECTION: count[IN_COLLECTION]}
        if count[IN_START]:
            excluded[IN_START] = count[IN_START]
        counts[str(name)] = {"images": count[""], "excluded": excluded}
    return counts
