"""Find the sources that the parameters of `ingest` name. A folder may hold several sources."""

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


def find(
    path: str | None,
    key: str,
    names: Mapping[str, str] | None,
    *,
    name: str = "",
    sha256: str | None = None,
    downloads: Path | None = None,
) -> list[Source]:
    """Return the sources that a parameter names.

    Args:
        path: the parameter's value.
        key: the parameter, for messages.
        names: as in `collection.collect`. If None, a folder is always a single source, because a
            folder of sources looks like a folder of classes.
        name: of a single source; by default the name of the file or folder.
        sha256: as in `Source`.
        downloads: as in `Source`.

    Raises:
        UserError: a source cannot be read. Or two sources have the same name, or the name of a
            source has characters that are not allowed.
    """
    if path is None:
        return []
    inside = _inside(Path(path))
    if names is None or not inside or not all(_is_source(entry, names) for entry in inside):
        return [
            Source(
                path,
                name=name,
                key=key,
                sha256=sha256,
                downloads=downloads,
            )
        ]
    several: dict[str, Source] = {}
    for entry in inside:
        own_name = ARCHIVE.sub("", entry.name)
        if not re.fullmatch(r"\w[\w.-]*", own_name) or own_name in several:
            raise UserError(
                f"{key} = '{path}': the set '{entry.name}' should have a name of its own, of "
                "letters, digits, '_', '.' and '-'"
            )
        several[own_name] = Source(entry, name=own_name, key=key)
    return list(several.values())


def check_cropped(options: params.Ingest, sources: Sequence[Source]) -> None:
    """Stop if `options.crop_faces` names a source that does not exist."""
    if isinstance(options.crop_faces, bool):
        return
    names = sorted({source.name for source in sources})
    for name in options.crop_faces:
        if name not in names:
            raise UserError(
                f"ingest.crop_faces: no source is called {name}; there are {', '.join(names)}"
            )


def _inside(folder: Path) -> list[Path]:
    """Return the content of a folder without hidden and descriptive files (`faces.zip.dvc`)."""
    return [
        path
        for path in sorted(folder.glob("*"))
        if not is_litter(Path(path.name)) and path.name != DESCRIPTION and path.suffix != ".dvc"
    ]


def _is_source(path: Path, names: Mapping[str, str]) -> bool:
    """Return whether a path is a source: an archive, or a folder that holds not only images.

    A folder with the name of a class or subset, or with a name in `FOLDERS`, is not a source.
    """
    name = ARCHIVE.sub("", path.name)
    is_class = name in translated(names, [name])
    if is_class or name.lower() in (*SUBSET_OF_NAME, *FOLDERS):
        return False
    if not path.is_dir():
        return name != path.name
    return any(
        inner.is_dir() or inner.suffix.lower() not in images.SUFFIXES for inner in _inside(path)
    )
