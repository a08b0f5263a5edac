"""A folder or an archive of images, here or on the web -> names, bytes and classes."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pooch

from facemask import archives
from facemask.archives import Read
from facemask.data.names import is_litter, printable
from facemask.errors import UserError
from facemask.tables import SIDE_OF_NAME

DESCRIPTION = "README.txt"
"""A file of this name at the top of a source describes it in its first line."""

MAX_ENTRIES = 1_000_000
"""Files in a source; listing so many takes about a gigabyte."""

MAX_NAME = 4096
"""Characters of a path, as Linux has it."""

LEADS_OUT = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.(/|$)", re.DOTALL)
"""Matches absolute paths, drive letters and `..`."""

FORMULA = re.compile(r"[=+\-@]")
"""What a cell begins with that a spreadsheet runs (tabs and line ends are not printable)."""


class Entry(NamedTuple):
    """One file of a source: its path there, its bytes, and why these are not whole.

    The path is one that `harmless` gives; the bytes are empty where there is a fault.
    """

    path: str
    content: bytes
    fault: str = ""


class Source:
    """The files of a folder, `.zip`, `.tar` or `.tar.gz`, without what operating systems add.

    Nothing is unpacked: names in the source never become names on disk. Iterating reads one file
    after the other; one that is damaged, too large or outside the source has a fault instead of
    bytes. Where several have one path, the last counts, as in unpacking.

    Attributes:
        path: the folder or archive on this computer.
        names: paths of the files in it, as `Entry` has them.
        description: first line of `README.txt` at the top of the source, empty without one.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        key: str = "ingest.source",
        sha256: str | None = None,
        downloads: Path | None = None,
    ) -> None:
        """List the files of a source.

        Args:
            path: of a folder or archive, or the `https://` address of an archive.
            key: the parameter that `path` comes from, for messages.
            sha256: of the archive behind an address, hexadecimal.
            downloads: folder that keeps what is fetched, for later calls; else pooch has its own.

        Raises:
            UserError: there is nothing at `path`, or it is no folder or archive of these kinds, or
                it cannot be fetched or read, or it holds no file or too many, or too much.
        """
        self.key = key
        remote = "://" in str(path)
        self.path = fetched(str(path), sha256 or "", downloads) if remote else Path(path)
        with _opened(self.path, key) as files:
            self.description = _first_line(files[DESCRIPTION]) if DESCRIPTION in files else ""
            self.names = [name for name in files if name != DESCRIPTION]
        if not self.names:
            raise UserError(f"{key} = '{path}': is empty; give images of two classes")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Entry]:
        with _opened(self.path, self.key) as files:
            for name in self.names:
                try:
                    yield Entry(name, files[name]())
                except Exception as error:  # archive readers raise what they please on damage
                    yield Entry(name, b"", str(error) or type(error).__name__)


def fetched(url: str, sha256: str, folder: Path | None) -> Path:
    """Download a file, unless it is there already from an earlier call.

    What is interrupted leaves nothing that is taken for the file, and begins anew.

    Args:
        url: with `https://`.
        sha256: of the file, hexadecimal; it is kept under this name.
        folder: where, made when missing; if none, where pooch keeps files.

    Returns:
        The file in `folder`, whose bytes have this SHA-256.

    Raises:
        UserError: the address is of another kind, or cannot be reached, or has other bytes.
    """
    if not url.startswith("https://"):
        raise UserError(f"ingest.source = '{url}': an address should begin with https://")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise UserError(
            f"ingest.sha256 = '{sha256}': an address needs the file's, 64 hexadecimal digits"
        )
    bar = sys.stderr.isatty()
    try:
        return Path(pooch.retrieve(url, f"sha256:{sha256}", sha256, folder, progressbar=bar))
    except OSError as error:
        raise UserError(f"ingest.source = '{url}': cannot be fetched: {error}") from error
    except ValueError as error:  # so pooch says that the hashes differ, with both
        found = re.findall(r"\b[0-9a-f]{64}\b", str(error))
        if not found:
            raise UserError(f"ingest.source = '{url}': cannot be fetched: {error}") from error
        raise UserError(f"ingest.sha256 = '{sha256}': the file fetched has {found[-1]}") from error


def find_classes(paths: Sequence[str]) -> tuple[str, str]:
    """Name the two folders, one of which stands somewhere above every image, never both.

    Train and test folders (`tables.SIDE_OF_NAME`) are passed over. Where one pair of folders lies
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
        return _allowed(divisions.popitem()[1])
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


def _allowed(classes: tuple[str, str]) -> tuple[str, str]:
    for name in classes:
        if not re.match(r"\w", name):  # also what `FORMULA` is, which tables would repeat
            raise UserError(
                f"class folder '{name}': its name should begin with a letter, digit or underscore"
            )
    return classes


def _class_folders(path: str) -> tuple[str, ...]:
    above = PurePosixPath(path).parts[:-1]
    return tuple(name for name in above if name.lower() not in SIDE_OF_NAME)


def harmless(path: str) -> str:
    r"""Write a path of a source so that lines, terminals and spreadsheets stay whole.

    What is not printable becomes `\n`, `\x1b` and the like, and `./` comes before a `FORMULA`.
    """
    text = str(PurePosixPath(printable(path)))
    return f"./{text}" if FORMULA.match(text) else text


@contextmanager
def _opened(path: Path, key: str) -> Iterator[dict[str, Read]]:
    """Give the wanted files of a source in their order there, each with what reads its bytes."""
    with ExitStack() as stack:
        try:
            if not path.exists():
                raise UserError(f"{key} = '{path}': not found; give a folder or an archive")
            files = _wanted(archives.files(path, stack))
        except UserError:
            raise
        except Exception as error:  # archive readers raise what they please on damaged bytes
            raise UserError(f"{key} = '{path}': cannot be read: {error}") from error
        yield dict(sorted(files.items())) if path.is_dir() else files


def _wanted(found: Iterable[tuple[str, Read]]) -> dict[str, Read]:
    """Leave out what operating systems add, and make every path harmless."""
    files: dict[str, Read] = {}
    for number, (name, read) in enumerate(found):
        if number == MAX_ENTRIES:
            raise OSError(f"holds more than {MAX_ENTRIES:,} files")
        if len(name) > MAX_NAME:
            raise OSError(f"holds a name of more than {MAX_NAME:,} characters")
        if LEADS_OUT.match(name):
            name, read = "outside/" + name.replace("..", "(..)"), _refuse
        path = harmless(name)
        if not is_litter(PurePosixPath(path)):
            files.pop(path, None)  # what is read in the order of a tape is read in one pass
            files[path] = read
    return files


def _refuse() -> bytes:
    raise OSError("path leaves the source")


def _first_line(read: Read) -> str:
    try:
        return printable(read().decode(errors="replace").strip().partition("\n")[0])[:200].strip()
    except Exception:  # a description that cannot be read is none
        return ""
