"""The parameters of `ingest` -> the sources that they name: one each, or a folder of several."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from facemask import params
from facemask.errors import UserError
from facemask.sources.annotation import FOLDERS
from facemask.sources.archives import ARCHIVE
from facemask.sources.classes import translated
from facemask.sources.names import is_litter
from facemask.sources.source import DESCRIPTION, Source
from facemask.store import images
from facemask.store.tables import SUBSET_OF_NAME


def sources(options: params.Ingest, downloads: Path) -> list[Source]:
    """Return the sources of the collection.

    Args:
        options: `source` names them.
        downloads: folder that keeps what is fetched.

    Raises:
        UserError: a source cannot be read, or has no name of its own.
    """
    key = "ingest.source"
    several = _several(options.source, options.names, key)
    return several or [Source(options.source, key=key, sha256=options.sha256, downloads=downloads)]


def external(options: params.Ingest, names: Mapping[str, str]) -> list[Source]:
    """Return the external test sets; a single one is called `external`.

    Args:
        options: `external` names them.
        names: of the classes, as `collection.collect` takes them.

    Raises:
        UserError: a set cannot be read, or has no name of its own.
    """
    if options.external is None:
        return []
    key = "ingest.external"
    several = _several(options.external, names, key)
    return several or [Source(options.external, name="external", key=key)]


def photos(options: params.Ingest, names: Mapping[str, str]) -> list[Source]:
    """Return the sources of whole photos; a single one is called `photos`.

    Args:
        options: `photos` names them.
        names: of the classes, as `collection.collect` takes them.

    Raises:
        UserError: a source cannot be read, or has no name of its own.
    """
    if options.photos is None:
        return []
    key = "ingest.photos"
    several = _several(options.photos, names, key)
    return several or [Source(options.photos, name="photos", key=key)]


def check_cropped(options: params.Ingest, every: Sequence[Source]) -> None:
    """Stop where `crop_faces` names a source that is not among all of them.

    Raises:
        UserError: it does.
    """
    names = sorted({source.name for source in every})
    unknown = set() if isinstance(options.crop_faces, bool) else {*options.crop_faces} - {*names}
    if unknown:
        raise UserError(
            f"ingest.crop_faces: no source is called {min(unknown)}; there are {', '.join(names)}"
        )


def _several(path: str, names: Mapping[str, str] | None, key: str) -> list[Source]:
    """Return the sources in a folder that holds nothing but sources; none for one source.

    Each archive in the folder is a source; so is each folder of more than images. Those with the
    name of a class, of a subset or of a part of an annotated set are none. Without `names` a folder
    of sources cannot be told from a folder of classes.
    """
    if names is None or not Path(path).is_dir():
        return []
    inside = [entry for entry in sorted(Path(path).iterdir()) if not _is_note(entry)]
    if not all(_is_source(entry, names) for entry in inside):
        return []
    several: dict[str, Source] = {}
    for entry in inside:
        name = ARCHIVE.sub("", entry.name)
        if not re.fullmatch(r"\w[\w.-]*", name) or name in several:
            raise UserError(
                f"{key} = '{path}': the set '{entry.name}' should have a name of its own, of "
                "letters, digits, '_', '.' and '-'"
            )
        several[name] = Source(entry, name=name, key=key)
    return list(several.values())


def _is_note(entry: Path) -> bool:
    """Return whether a file beside sources only describes them, as `faces.zip.dvc` does."""
    return entry.name.startswith(".") or entry.name == DESCRIPTION or entry.suffix == ".dvc"


def _is_source(entry: Path, names: Mapping[str, str]) -> bool:
    name = ARCHIVE.sub("", entry.name)
    if name in translated(names, [name]) or name.lower() in (*SUBSET_OF_NAME, *FOLDERS):
        return False
    if not entry.is_dir():
        return name != entry.name
    inside = [path for path in entry.iterdir() if not is_litter(Path(path.name))]
    return any(path.is_dir() or path.suffix.lower() not in images.SUFFIXES for path in inside)
