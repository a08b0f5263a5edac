"""The folders above images -> their two classes."""

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from facemask.errors import UserError
from facemask.store.tables import SUBSET_OF_NAME

LEAST_SHARE, MOST_SHARE = 0.005, 0.85
"""Of the images: a class below the first is not meant as one; one above the second that is divided
further is perhaps a folder of both."""


def find_classes(paths: Sequence[str]) -> tuple[str, str]:
    """Name the two folders, one of which stands somewhere above every image, never both.

    Train and test folders (`tables.SUBSET_OF_NAME`) are passed over. Where one pair of folders lies
    below another and divides the images the same way (`WithMask/phone`, `WithoutMask/web`), the
    upper one counts.

    Args:
        paths: of the images in the source, with `/`.

    Returns:
        The two names in alphabetical order.

    Raises:
        UserError: the images have no such pair of folders, or several that divide them differently,
            or one whose name is not allowed.
    """
    folders = [_class_folders(path) for path in paths]
    divisions: dict[tuple[bool, ...], tuple[str, str]] = {}
    for name in folders[0]:
        inside = [above for above in folders if name in above]
        outside = [above for above in folders if name not in above]
        shared = set(outside[0]).intersection(*outside) if outside else set()
        rivals = shared.difference(*inside)
        if rivals:
            rival = min(rivals, key=outside[0].index)
            division = tuple(name in above for above in folders)
            divisions.setdefault(division, (min(name, rival), max(name, rival)))
    if len(divisions) == 1:
        pair = divisions.popitem()[1]
        _refuse_unlikely(pair, paths)
        return _allowed(pair)
    if divisions:
        pairs = " or ".join(map(str, divisions.values()))
        raise UserError(f"ingest.classes = null: the folders allow {pairs}; name two of them")
    parents = sorted({above[-1] if above else "(no folder)" for above in folders})
    raise UserError(
        f"exactly 2 classes are needed, each a folder of images; found {len(parents)}: "
        f"{', '.join(parents[:10])}; with more folders, name two of them in ingest.classes"
    )


def _refuse_unlikely(pair: tuple[str, str], paths: Sequence[str]) -> None:
    """Refuse two folders that are hardly meant, as `photos` and `docs` beside each other."""
    inside = {name: [path for path in paths if class_of(path, pair) == name] for name in pair}
    few, many = sorted(pair, key=lambda name: len(inside[name]))
    here = f"the folders {many} ({len(inside[many])} images) and {few} ({len(inside[few])})"
    if len(inside[few]) < LEAST_SHARE * len(paths):
        raise UserError(f"ingest.classes = null: {here} are too unequal; name the classes")
    try:
        deeper = find_classes(inside[many])
    except UserError:
        return
    if len(inside[many]) > MOST_SHARE * len(paths):
        raise UserError(
            f"ingest.classes = null: {here} are the classes, or those in {many}: "
            f"{' and '.join(deeper)}; name two"
        )


def class_of(path: str, names: Collection[str]) -> str:
    """Return the nearest folder above `path` that is among `names`; empty if none is."""
    return next((name for name in reversed(_class_folders(path)) if name in names), "")


def _allowed(classes: tuple[str, str]) -> tuple[str, str]:
    for name in classes:
        if not re.match(r"\w", name):  # also what `FORMULA` is, which tables would repeat
            raise UserError(
                f"class folder '{name}': its name should begin with a letter, digit or underscore"
            )
    return classes


def _class_folders(path: str) -> tuple[str, ...]:
    above = PurePosixPath(path).parts[:-1]
    return tuple(name for name in above if name.lower() not in SUBSET_OF_NAME)
