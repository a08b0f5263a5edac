"""Sources that a finished model is measured on, and never trained on: external sets, and photos."""

import re
from collections.abc import Sequence
from pathlib import Path

from facemask import params
from facemask.errors import UserError
from facemask.sources.boxes import FOLDERS
from facemask.sources.source import Source
from facemask.store.tables import SUBSET_OF_NAME

KEY, KEY_OF_PHOTOS = "ingest.external", "ingest.photos"
"""The parameters, for messages."""

ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz)$", re.IGNORECASE)


def sources(path: str, classes: Sequence[str]) -> dict[str, Source]:
    """Find the external test sets behind `ingest.external`.

    Args:
        path: of one set, which is called `external`; or of a folder in which everything is an
            archive or a folder that is not a class: each is a set of its own name.
        classes: the two classes of the collection.

    Returns:
        By name; empty where there is none.

    Raises:
        UserError: a set cannot be read, or its name is not letters, digits, `_`, `.` and `-`, or is
            that of a subset.
    """
    if path == params.NO_SOURCE:
        return {}
    place = Path(path)
    inside = [entry for entry in sorted(place.glob("*")) if not entry.name.startswith(".")]
    if not inside or not all(_is_set(entry, classes) for entry in inside):
        return {"external": Source(place, key=KEY)}
    found = {}
    for entry in inside:
        name = ARCHIVE.sub("", entry.name)
        if not re.fullmatch(r"\w[\w.-]*", name) or name in found:
            raise UserError(
                f"{KEY} = '{path}': the set '{entry.name}' should have a name of its own, of "
                "letters, digits, '_', '.' and '-'"
            )
        found[name] = Source(entry, key=KEY)
    return found


def photos(path: str) -> dict[str, Source]:
    """Find the whole photos behind `ingest.photos`.

    Returns:
        Under `photos`, the source; empty where there is none.

    Raises:
        UserError: it cannot be read.
    """
    return {} if path == params.NO_SOURCE else {"photos": Source(path, key=KEY_OF_PHOTOS)}


def _is_set(entry: Path, classes: Sequence[str]) -> bool:
    if entry.is_dir():
        return entry.name not in classes and entry.name.lower() not in (*SUBSET_OF_NAME, *FOLDERS)
    return bool(ARCHIVE.search(entry.name))
