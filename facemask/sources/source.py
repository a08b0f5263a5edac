"""A folder or archive of images, on this computer or the web -> names and bytes of its files."""

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import fsspec
import pooch
from fsspec.callbacks import TqdmCallback

from facemask.errors import UserError
from facemask.sources import archives
from facemask.sources.archives import ARCHIVE, Read
from facemask.sources.names import is_litter, printable

DESCRIPTION = "README.txt"
"""A file of this name at the top of a source describes it in its first line."""

MAX_ENTRIES = 1_000_000
"""Largest number of files in a source; listing so many takes about a gigabyte."""

MAX_NAME = 4096
"""Largest number of characters of a path, as on Linux."""

LEADS_OUT = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.(/|$)", re.DOTALL)
"""Matches absolute paths, drive letters and `..`."""

FORMULA = re.compile(r"[=+\-@]")
"""The first character of a cell that a spreadsheet would run."""


class Entry(NamedTuple):
    """One file of a source, or a crop of one.

    Attributes:
        path: of the file in the source, as `harmless` returns it.
        content: bytes of the file, or of the crop as a PNG; empty where they cannot be read.
        fault: why it cannot be used, in words; else empty.
        reason: a short name of the fault.
        part: of a crop, what follows the path in its name, such as `#1`; else empty.
        label: name of its class in the source, where that is known already.
    """

    path: str
    content: bytes
    fault: str = ""
    reason: str = "unreadable"
    part: str = ""
    label: str = ""


class Source:
    """The files of a folder, `.zip`, `.tar` or `.tar.gz`, without what operating systems add.

    Nothing is unpacked: names in the source never become names on disk. Iterating reads one file
    after the other. A file that is damaged, too large or outside of the source has a fault instead
    of bytes. Of several files with one path the last counts, as in unpacking.

    Attributes:
        name: of the source; the file's or folder's, if none was given.
        path: the folder or archive on this computer.
        origin: the path or address as it was given.
        names: paths of the files in it, as `Entry` has them.
        description: first line of `README.txt` at the top of the source, empty without one.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        name: str = "",
        key: str = "ingest.source",
        sha256: str | None = None,
        downloads: Path | None = None,
    ) -> None:
        """List the files of a source.

        Args:
            path: of a folder or archive, or the `https://` or `s3://` address of an archive.
            name: of the source.
            key: the parameter that `path` comes from, for messages.
            sha256: of the archive behind an address, hexadecimal.
            downloads: folder that keeps what is fetched for later calls; pooch's own by default.

        Raises:
            UserError: there is nothing at `path`, or it cannot be fetched or read, or it holds no
                file or too many.
        """
        self.key = key
        self.origin = str(path)
        self.name = name or harmless(ARCHIVE.sub("", PurePosixPath(path).name))
        self.path = Path(path)
        if "://" in self.origin:
            self.path = fetched(self.origin, sha256 or "", downloads, key)
        with _opened(self.path, key) as files:
            self.description = _first_line(files[DESCRIPTION]) if DESCRIPTION in files else ""
            self.names = [name for name in files if name != DESCRIPTION]
        if not self.names:
            raise UserError(f"{key} = '{path}': is empty; give images of two classes")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Entry]:
        return self.read(self.names)

    def read(self, names: Sequence[str]) -> Iterator[Entry]:
        """Yield the files with these names; a damaged file has a fault."""
        if not names:
            return
        with _opened(self.path, self.key) as files:
            for name in names:
                try:
                    yield Entry(name, files[name]())
                except Exception as error:  # archive readers raise many kinds
                    yield Entry(name, b"", str(error) or type(error).__name__)


def fetched(
    url: str,
    sha256: str,
    folder: Path | None,
    key: str = "ingest.source",
) -> Path:
    """Download a file, unless an earlier call did.

    An interrupted download leaves no partial file under the final name.

    Args:
        url: with `https://`; or with `s3://`, which needs s3fs and takes AWS' own settings.
        sha256: of the file, hexadecimal, which becomes its name in the folder.
        folder: where the file is kept, made when missing; pooch's own folder if none.
        key: the parameter that the address comes from, for messages.

    Returns:
        The file in `folder`, whose bytes have this SHA-256.

    Raises:
        UserError: the address is of another kind, or cannot be reached, or has other bytes.
    """
    if key != "ingest.source":
        raise UserError(f"{key} = '{url}': should be a folder or archive on this computer")
    if not url.startswith(("https://", "s3://")):
        raise UserError(f"{key} = '{url}': an address should begin with https:// or s3://")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise UserError(
            f"ingest.sha256 = '{sha256}': ingest.source is an address, so this should be the "
            "archive's SHA-256, 64 hexadecimal digits"
        )
    bar = sys.stderr.isatty()
    downloader = _from_s3 if url.startswith("s3://") else pooch.HTTPDownloader(progressbar=bar)
    try:
        return Path(
            pooch.retrieve(
                url,
                f"sha256:{sha256}",
                sha256,
                folder,
                downloader=downloader,
            )
        )
    except OSError as error:
        raise UserError(f"{key} = '{url}': cannot be fetched: {error}") from error
    except ValueError as error:  # pooch's message about a wrong hash has both hashes
        hashes = re.findall(r"\b[0-9a-f]{64}\b", str(error))
        if not hashes:
            raise UserError(f"{key} = '{url}': cannot be fetched: {error}") from error
        raise UserError(f"ingest.sha256 = '{sha256}': the file fetched has {hashes[-1]}") from error


def _from_s3(
    url: str,
    file: str,
    _: pooch.Pooch,
) -> None:
    bar = {"unit": "B", "unit_scale": True, "disable": None}  # no bar without a terminal
    try:
        with TqdmCallback(bar) as callback:
            fsspec.filesystem("s3").get_file(url, file, callback=callback)
    except ImportError:
        raise OSError("s3:// needs pip install -r requirements-s3.txt") from None
    except Exception as error:  # s3fs also raises botocore's exceptions
        raise OSError(str(error)) from error


def harmless(path: str) -> str:
    r"""Return a path that breaks no line, controls no terminal and is no formula of a spreadsheet.

    Letters with accents are composed, as in `ingest.classes` and tables; macOS decomposes them.
    Unprintable characters become `\n`, `\x1b` and the like, and `./` comes before a `FORMULA`.
    """
    text = str(PurePosixPath(printable(unicodedata.normalize("NFC", path))))
    return f"./{text}" if FORMULA.match(text) else text


@contextmanager
def _opened(path: Path, key: str) -> Iterator[dict[str, Read]]:
    """Yield the wanted files of a source in their order, each with the function that reads it."""
    with ExitStack() as stack:
        try:
            if not path.exists():
                raise UserError(f"{key} = '{path}': not found; give a folder or an archive")
            wanted = _wanted(archives.files(path, stack))
        except UserError:
            raise
        except Exception as error:  # archive readers raise many kinds
            raise UserError(f"{key} = '{path}': cannot be read: {error}") from error
        yield wanted


def _wanted(files: Iterable[tuple[str, Read]]) -> dict[str, Read]:
    """Leave out what operating systems add, and make every path harmless."""
    wanted: dict[str, Read] = {}
    for number, (name, read) in enumerate(files):
        if number == MAX_ENTRIES:
            raise OSError(f"holds more than {MAX_ENTRIES:,} files")
        if len(name) > MAX_NAME:
            raise OSError(f"holds a name of more than {MAX_NAME:,} characters")
        leads_out = LEADS_OUT.match(name)
        path = harmless("outside/" + name.replace("..", "(..)") if leads_out else name)
        if not is_litter(PurePosixPath(path)):
            wanted.pop(path, None)  # the last counts; moved to the end, it is read in order
            wanted[path] = _refuse if leads_out else read
    return wanted


def _refuse() -> bytes:
    raise OSError("path leaves the source")


def _first_line(read: Read) -> str:
    try:
        return printable(read().decode(errors="replace").strip().partition("\n")[0])[:200].strip()
    except Exception:  # an unreadable file is no description
        return ""
