"""Find the two classes from the names of folders and labels."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from facemask.errors import UserError
from facemask.store.tables import SUBSET_OF_NAME

SMALLEST_SHARE = 0.005
"""A folder with a smaller share of the images is hardly meant as a class."""

LARGEST_SHARE = 0.85
"""A folder with a larger share of the images may hold both classes in folders of its own."""

WORD = re.compile(r"[^\W\d_]+|\d+")
PARTS = re.compile(r"(without|with|non|not|no|un|)(.{3,}?)(?:ed)?")
"""Matches a word such as `unmasked`, and captures the beginning `un` and the stem `mask`."""

NEGATIONS = {"no", "non", "not", "un", "without"}


def find_classes(paths: Sequence[str]) -> tuple[str, str]:
    """Return the two folder names that divide the images.

    The path of each image has exactly one of the two. Train and test folders
    (`tables.SUBSET_OF_NAME`) are ignored. If two pairs of folders divide the images in the same way
    (`WithMask/phone`, `WithoutMask/web`), the upper pair counts.

    Args:
        paths: of the images in the source, with `/`.

    Returns:
        The two names in alphabetical order.

    Raises:
        UserError: no pair of folders divides the images, or several pairs divide them differently,
            or a folder's name is not allowed.
    """
    divisions = _divisions([folders_above(path) for path in paths])
    if len(divisions) == 1:
        pair = divisions.popitem()[1]
        _refuse_unlikely(pair, paths)
        return _allowed(pair)
    if divisions:
        pairs = " or ".join(map(str, divisions.values()))
        raise UserError(f"the classes may be the folders {pairs}; name two in ingest.classes")
    raise _no_pair(paths)


def _divisions(
    folders: Sequence[tuple[str, ...]],
) -> dict[tuple[bool, ...], tuple[str, str]]:
    """Return every way in which two folders divide the images.

    Args:
        folders: the folders above each image.

    Returns:
        The key tells for each image which of the two folders it is in. The value is the uppermost
        pair of folders that divides the images so, in alphabetical order.
    """
    divisions: dict[tuple[bool, ...], tuple[str, str]] = {}
    for name in folders[0]:
        inside = [above for above in folders if name in above]
        outside = [above for above in folders if name not in above]
        if not outside:
            continue
        shared = set(outside[0]).intersection(*outside)
        rivals = shared.difference(*inside)
        if not rivals:
            continue
        rival = min(rivals, key=outside[0].index)
        division = tuple(name in above for above in folders)
        divisions.setdefault(division, (min(name, rival), max(name, rival)))
    return divisions


def _refuse_unlikely(pair: tuple[str, str], paths: Sequence[str]) -> None:
    """Refuse two folders that are hardly meant as classes, such as `photos` and `docs`."""
    inside: dict[str, list[str]] = {name: [] for name in pair}
    for path in paths:
        inside[folder_of(path, pair)].append(path)
    small, large = sorted(pair, key=lambda name: len(inside[name]))
    share = len(inside[large]) / len(paths)
    both = f"the folders {large} ({len(inside[large])} images) and {small} ({len(inside[small])})"
    if 1 - share < SMALLEST_SHARE:
        raise UserError(f"{both} are too unequal; name the classes in ingest.classes")
    try:
        deeper = find_classes(inside[large])
    except UserError:
        return
    if share > LARGEST_SHARE:
        raise UserError(
            f"the classes may be {both}, or the folders in {large}: "
            f"{' and '.join(deeper)}; name two of them in ingest.classes"
        )


def _no_pair(paths: Sequence[str]) -> UserError:
    """Return the error for images that no two folders divide."""
    names = sorted(parents(paths))
    outside = sum(not folders_above(path) for path in paths)
    message = f"exactly 2 classes are needed, each a folder of images; found {len(names)}"
    if names:
        message += f": {', '.join(names[:10])}"
    if outside:
        message += f"; {outside} of {len(paths)} images are in no class folder"
    if len(names) < 2:
        return UserError(
            f"{message}; put the images of each class into a folder of its own, or list them in "
            "labels.csv with path,label"
        )
    return UserError(f"{message}; name two of them in ingest.classes")


def _allowed(classes: tuple[str, str]) -> tuple[str, str]:
    for name in classes:
        if not re.match(r"\w", name):  # a spreadsheet would run a name such as "=1+1"
            raise UserError(
                f"class folder '{name}': its name should begin with a letter, digit or underscore"
            )
    return classes


def folder_of(path: str, names: Collection[str]) -> str:
    """Return the nearest folder above `path` that is among `names`; empty if none is."""
    for name in reversed(folders_above(path)):
        if name in names:
            return name
    return ""


def folders_above(path: str) -> tuple[str, ...]:
    """Return the names of the folders above a file, without train and test folders."""
    above = PurePosixPath(path).parts[:-1]
    return tuple(name for name in above if name.lower() not in SUBSET_OF_NAME)


def parents(paths: Iterable[str]) -> set[str]:
    """Return the name of the nearest folder above each file, without train and test folders."""
    above = [folders_above(path) for path in paths]
    return {folders[-1] for folders in above if folders}


def translated(names: Mapping[str, str], others: Iterable[str]) -> dict[str, str]:
    """Return the class of each known name, and of other spellings of a known name.

    `With Mask`, `mask` and `masked` mean the same. So do `no_mask`, `unmasked` and `WithoutMask`.

    Args:
        names: the class of each known name.
        others: names that occur in the source.

    Returns:
        Only `names` if any of them occurs in the source; otherwise also those of `others` that
        mean the same as a known name.
    """
    known = dict(names)
    others = set(others)
    if others & names.keys():
        return known
    meanings = {_meaning(name): label for name, label in names.items()}
    for name in others:
        meaning = _meaning(name)
        if meaning in meanings:
            known[name] = meanings[meaning]
    return known


def _meaning(name: str) -> tuple[bool, frozenset[str]]:
    """Return whether a name is a negation, and the stems of its other words."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    words = set[str]()
    for word in WORD.findall(spaced.lower()):
        parts = PARTS.fullmatch(word)
        words.update(parts.groups() if parts and word not in NEGATIONS else [word])
    return bool(words & NEGATIONS), frozenset(words - NEGATIONS - {"with", ""})
