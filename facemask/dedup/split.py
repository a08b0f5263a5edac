"""Which side of the split each image is on, and what that makes of the data."""

import hashlib
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from facemask import params
from facemask.errors import UserError
from facemask.store import tables

IN_COLLECTION = "related to the collection"
"""Why an external image is excluded: it descends from a picture that the model may have seen."""

IN_START = "train.start was trained on it"
"""Why another one is."""

FOLD = "fold {}"
"""What a part is called before it is known which of them is for validation."""


def draw(table: pd.DataFrame, seen: pd.Series, options: params.Split, seed: int) -> pd.Series:
    """Put each image on a side.

    `grouped` draws whole groups and `random` single images, class by class, as near to the wanted
    shares of its images as whole groups allow. The order of drawing follows from the seed and the
    content of each image alone, so that new images hardly move the others. With `folds`, each class
    is drawn into so many equal parts, the same ones whichever of them is for validation.
    `predefined` takes what the source says: its `splits.csv`, or else its folders
    (`tables.SUBSET_OF_NAME`).

    Args:
        table: rows with `path`, `label`, `sha256` and `group`.
        seen: as `table`: whether the start of the training was trained on an image; its group is
            for training, and the shares are those of the others.
        options: the strategy and the shares.
        seed: any integer.

    Returns:
        As `table`: one of `tables.SUBSETS`.

    Raises:
        UserError: a class has too few groups for the sides, or the source does not say.
    """
    seen = table["group"].isin(table["group"][seen])
    if options.strategy == "predefined":
        return _predefined(table).mask(seen, tables.TRAIN)
    units = table["group"]
    if options.strategy == "random":
        units = table["sha256"] + " " + table.groupby("sha256").cumcount().astype(str)
    free = table.assign(unit=units)[~seen]
    counts = pd.crosstab(free["unit"], free["label"])
    label = counts.idxmax(axis=1) if len(free) else free["label"]
    sizes = free["unit"].value_counts().loc[label.index]
    shares, rest = _shares(options)
    sides: dict[str, str] = {}
    for name in tables.classes(table):
        members = sizes[label == name]
        if members.empty and (counts.get(name, pd.Series()) > 0).sum() > len(shares):
            continue  # photos with faces of both classes: it comes along with the other one
        order = sorted(members.index, key=lambda unit: _shuffled(seed, unit))
        sides |= _fill(name, members[order], {k: v for k, v in shares.items() if v > 0}, rest)
    chosen = {FOLD.format(options.fold): tables.VALIDATION} if options.folds else {}
    drawn = units.map(sides).replace(chosen)
    return drawn.where(drawn.isin(tables.SUBSETS), tables.TRAIN)


def summary(table: pd.DataFrame) -> dict[str, Any]:
    """Count images and groups of each class and each side.

    Args:
        table: rows with `label`, `group` and `split`.

    Returns:
        Under `classes`, what each class holds; under each side that has rows, what that holds, and
        (but for training) `train_overlap`: its images with a near-duplicate in training.
    """
    counts: dict[str, Any] = {
        "classes": {
            str(label): {
                "images": len(rows),
                "groups": rows["group"].nunique(),
                "largest_group": int(rows["group"].value_counts().max()),
            }
            for label, rows in table.groupby("label")
        },
        "groups_of_both_classes": int((table.groupby("group")["label"].nunique() > 1).sum()),
    }
    for side in tables.SUBSETS:
        rows = tables.subset(table, side)
        if rows.empty:
            continue
        by_class = rows.groupby("label")["group"]
        counts[side] = {
            "images": len(rows),
            "groups": rows["group"].nunique(),
            "images_of_class": by_class.size().to_dict(),
            "groups_of_class": by_class.nunique().to_dict(),
        }
        if side != tables.TRAIN:
            counts[side]["train_overlap"] = train_overlap(table, side)
    return counts


def train_overlap(table: pd.DataFrame, side: str) -> int:
    """Count the images of a side that share their group with an image to be trained on."""
    trained_on = tables.subset(table, tables.TRAIN)["group"]
    return int(tables.subset(table, side)["group"].isin(trained_on).sum())


def external_summary(external: pd.DataFrame, reason: pd.Series) -> dict[str, Any]:
    """Count the images of each external test set that are measured on and that are excluded.

    Args:
        external: rows with `split`, the name of their set.
        reason: as `external`: why a row is excluded, or empty.
    """
    return {
        str(name): {
            "images": int((found == "").sum()),
            "excluded": {IN_COLLECTION: int((found == IN_COLLECTION).sum())}
            | ({IN_START: int((found == IN_START).sum())} if (found == IN_START).any() else {}),
        }
        for name, found in reason.groupby(external["split"])
    }


def _shuffled(seed: int, unit: str) -> bytes:
    return hashlib.sha256(f"{seed} {unit}".encode()).digest()


def _shares(options: params.Split) -> tuple[dict[str, float], str]:
    """Return the sides with a share of the images, and the one that gets the rest."""
    if not options.folds:
        return {tables.VALIDATION: options.validation, tables.TEST: options.test}, tables.TRAIN
    *folds, last = (FOLD.format(number) for number in range(options.folds))
    return dict.fromkeys(folds, (1 - options.test) / options.folds) | {
        tables.TEST: options.test
    }, last


def _fill(label: str, sizes: pd.Series, shares: dict[str, float], rest: str) -> dict[str, str]:
    """Go through units in order and put each where it brings the side nearer to its share."""
    if len(sizes) <= len(shares):
        raise UserError(
            f"class {label} has {len(sizes)} distinct image(s) or group(s) that train.start has "
            f"not seen; {len(shares) + 1} are the least, one for each of "
            f"{', '.join([rest, *shares])}"
        )
    room = {side: share * sizes.sum() for side, share in shares.items()}
    sides = {}
    for unit, size in sizes.items():
        side = next((side for side in room if size / 2 <= room[side]), rest)
        sides[str(unit)] = side
        if side in room:
            room[side] -= size
    for side in (rest, *shares):
        if side not in sides.values():
            used = pd.Series(sides)
            fullest = used[used == used.mode()[0]].index
            sides[str(sizes[fullest].idxmin())] = side
    return sides


def _predefined(table: pd.DataFrame) -> pd.Series:
    given = table["given_split"]
    named = given if given.any() else table["path"].map(_folder_of_subset)
    sides = named.str.lower().map(tables.SUBSET_OF_NAME)
    if sides.isna().any():
        path = table.loc[sides.isna(), "path"].iloc[0]
        raise UserError(
            f"split.strategy = 'predefined': the source does not say where '{path}' belongs; "
            "give it a splits.csv with path,split, or train/ and val/ folders"
        )
    found = set(zip(table["label"], sides, strict=True))
    for label in tables.classes(table):
        for side in (tables.TRAIN, tables.VALIDATION):
            if (label, side) not in found:
                raise UserError(f"split.strategy = 'predefined': no {label} image is for {side}")
    return sides


def _folder_of_subset(path: str) -> str:
    above = PurePosixPath(path).parts[:-1]
    return next((name for name in above if name.lower() in tables.SUBSET_OF_NAME), "")
