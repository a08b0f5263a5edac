"""A folder or an archive of images -> names, bytes and classes."""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from facemask.errors import UserError

SPLIT_FOLDERS = {"train", "training", "val", "valid", "validation", "test", "testing"}
"""Folder names (lower case) that say how public sets are split, and so never name a class."""

DESCRIPTION = "README.txt"
"""A file of this name at the top of a source describes it in its first line."""

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError)
"""What reading a damaged or encrypted archive raises."""


class Entry(NamedTuple):
    """One file of a source: its path there (with `/`), its bytes, and why these are not whole."""

    path: str
    content: bytes
    fault: str = ""


class Source:
    """The files of a folder, `.zip`, `.tar` or `.tar.gz`, without what operating systems add.

    Nothing is unpacked: names in the source never become names on disk. Iterating reads one file
    after the other.

    Attributes:
        path: the folder or archive.
        names: paths of the files in it, with `/`.
        description: first line of `README.txt` at the top of the source, empty without one.
    """

    def __init__(self, path: Path) -> None:
        """List the files of `path`.

        Raises:
            UserError: there is nothing at `path`, or it is no folder or archive of these kinds, or
                it cannot be read, or it holds no file.
        """
        self.path = path
        self.description = ""
        with _opened(path) as files:
            self.names = [name for name in files if name != DESCRIPTION]
            if DESCRIPTION in files:
                text = files[DESCRIPTION]().decode(errors="replace")
                self.description = text.partition("\n")[0].strip()
        if not self.names:
            raise UserError(f"ingest.source = '{path}': is empty; give images of two classes")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Entry]:
        with _opened(self.path) as files:
            for name in self.names:
                try:
                    yield Entry(name, files[name]())
                except DAMAGED as error:
                    yield Entry(name, b"", f"cannot be read: {error}")


def find_classes(paths: Sequence[str]) -> tuple[str, str]:
    """Name the two folders, one of which stands somewhere above every image, never both.

    Train and test folders (`SPLIT_FOLDERS`) are passed over. Where one pair of folders lies below
    another and divides the images the same way (`WithMask/phone`, `WithoutMask/web`), the upper one
    counts.

    Args:
        paths: of the images in the source, with `/`.

    Returns:
        The two names in alphabetical order.

    Raises:
        UserError: the images have no such pair of folders, or several that divide them differently.
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
        return divisions.popitem()[1]
    if divisions:
        pairs = " or ".join(map(str, divisions.values()))
        raise UserError(f"ingest.classes = null: the folders allow {pairs}; name two of them")
    parents = sorted({above[-1] if above else "(no folder)" for above in folders})
    raise UserError(
        f"exactly 2 classes are needed, each a folder of images; found {len(parents)}: "
        f"{', '.join(parents[:10])}"
    )


def class_of(path: str, classes: Sequence[str]) -> str:
    """Tell which of two classes the nearest folder above `path` names; empty if none does."""
    return next((name for name in reversed(_class_folders(path)) if name in classes), "")


def _class_folders(path: str) -> tuple[str, ...]:
    above = PurePosixPath(path).parts[:-1]
    return tuple(name for name in above if name.lower() not in SPLIT_FOLDERS)


@contextmanager
def _opened(path: Path) -> Iterator[dict[str, Callable[[], bytes]]]:
    """Give the wanted files of a source in their order there, each with what reads its bytes."""
    if not path.exists():
        raise UserError(f"ingest.source = '{path}': not found; give a folder or an archive")
    try:
        if path.is_dir():
            found = (file for file in sorted(path.rglob("*")) if file.is_file())
            yield _wanted({file.relative_to(path).as_posix(): file.read_bytes for file in found})
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                entries = [entry for entry in packed.infolist() if not entry.is_dir()]
                yield _wanted({e.filename: partial(packed.read, e) for e in entries})
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as tape:
                members = [member for member in tape if member.isfile()]
                yield _wanted({m.name: partial(_read_member, tape, m) for m in members})
        else:
            raise UserError(f"ingest.source = '{path}': no folder, .zip, .tar or .tar.gz")
    except DAMAGED as error:
        raise UserError(f"ingest.source = '{path}': cannot be read: {error}") from error


def _wanted(files: dict[str, Callable[[], bytes]]) -> dict[str, Callable[[], bytes]]:
    """Leave out what operating systems add, and make every name writable as UTF-8."""
    named = {PurePosixPath(_as_text(name)): read for name, read in files.items()}
    return {str(name): read for name, read in named.items() if not _is_litter(name)}


def _as_text(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()


def _is_litter(name: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") and part != ".." for part in name.parts)
    return hidden or "__MACOSX" in name.parts or name.name == "Thumbs.db"


def _read_member(tape: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tape.extractfile(member)
    return content.read() if content else b""
