"""Read the files of a folder or archive of images, on this computer or from the web."""

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
"""Largest number of files in a source. A list of so many takes about a gigabyte of memory."""

MAX_NAME = 4096
"""Largest number of characters of a path, as on Linux."""

LEADS_OUT = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.(/|$)", re.DOTALL)
"""Matches absolute paths, drive letters and `..`."""

FORMULA = re.compile(r"[=+\-@]")
"""Matches the first character of a formula in a spreadsheet."""


class Entry(NamedTuple):
    """One file of a source, or a crop of one.

    Attributes:
        path: of the file in the source, as `harmless` returns it.
        content: bytes of the file, or of the crop as a PNG; empty if the file cannot be read.
        fault: why the file cannot be used, in words; empty if it can.
        reason: a short name of the fault.
        part: the ending of the name of a crop, such as `#1`; empty for a whole file.
        label: name of its class in the source; empty if it is not known yet.
    """

    path: str
    content: bytes
    fault: str = ""
    reason: str = "unreadable"
    part: str = ""
    label: str = ""


class Source:
    """The files of a folder, `.zip`, `.tar` or `.tar.gz`, without litter.

    Litter is hidden files and those of operating systems, such as `Thumbs.db`; see
    `names.is_litter`.

    Nothing is unpacked: names in the source never become names on disk. Iteration reads one file
    after the other. A file that is damaged, too large or outside of the source has a fault instead
    of bytes. If several files have the same path, the last counts, as when they are unpacked.

    Attributes:
        name: of the source; by default the name of the file or folder.
        path: the folder or archive on this computer.
        origin: the path or address as it was given.
        names: paths of the files in it, as `Entry` has them.
        description: first line of `README.txt` at the top of the source; empty without this file.
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
            downloads: folder of downloaded archives, which later calls use again; by default
                pooch's own folder.

        Raises:
            UserError: nothing is at `path`. Or the source cannot be downloaded or read. Or it has
                no files or too many.
        """
        self.key = key
        self.origin = str(path)
        self.name = name or harmless(ARCHIVE.sub("", PurePosixPath(path).name))
        self.path = Path(path)
        if "://" in self.origin:
            self.path = download(self.origin, sha256 or "", downloads, key)
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
        """Yield the files with these names."""
        if not names:
            return
        with _opened(self.path, self.key) as files:
            for name in names:
                try:
                    yield Entry(name, files[name]())
                except Exception as error:  # archive readers raise many kinds
                    yield Entry(name, b"", str(error) or type(error).__name__)


def download(
    url: str,
    sha256: str,
    folder: Path | None,
    key: str = "ingest.source",
) -> Path:
    """Download a file, unless an earlier call did.

    An interrupted download leaves no partial file under the final name.

    Args:
        url: begins with `https://` or `s3://`. An `s3://` address needs s3fs, and AWS' own
            configuration applies.
        sha256: of the file, hexadecimal. It becomes the file's name in the folder.
        folder: gets the file, and is created if it is missing; None is pooch's own folder.
        key: the parameter that the address comes from, for messages.

    Returns:
        The file in `folder`, whose bytes have this SHA-256.

    Raises:
        UserError: `url` or `sha256` has the wrong form, the address cannot be reached, the file has
            another SHA-256, or `key` does not allow addresses.
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
        raise UserError(
            f"ingest.sha256 = '{sha256}': the fetched file has the SHA-256 {hashes[-1]}"
        ) from error


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
    r"""Return a path that has one line and does no harm in a terminal or a spreadsheet.

    Unprintable characters are escaped, as in `\n` and `\x1b`. A path that looks like a formula gets
    `./` before it. Letters with accents are composed (NFC), as in `ingest.classes` and in tables;
    macOS decomposes them.
    """
    text = str(PurePosixPath(printable(unicodedata.normalize("NFC", path))))
    return f"./{text}" if FORMULA.match(text) else text


@contextmanager
def _opened(path: Path, key: str) -> Iterator[dict[str, Read]]:
    """Open a source; yield its files in their order, each with a function that reads it."""
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
    """Return the files by path, without litter; make every path harmless."""
    wanted: dict[str, Read] = {}
    for number, (name, read) in enumerate(files):
        if number == MAX_ENTRIES:
            raise OSError(f"holds more than {MAX_ENTRIES:,} files")
        if len(name) > MAX_NAME:
            raise OSError(f"holds a name of more than {MAX_NAME:,} characters")
        leads_out = LEADS_OUT.match(name)
        path = harmless("outside/" + name.replace("..", "(..)") if leads_out else name)
        if not is_litter(PurePosixPath(path)):
            wanted.pop(path, None)  # the last of the files with this path counts, at its position
            wanted[path] = _refuse if leads_out else read
    return wanted


def _refuse() -> bytes:
    raise OSError("path leaves the source")


def _first_line(read: Read) -> str:
    try:
        return printable(read().decode(errors="replace").strip().partition("\n")[0])[:200].strip()
    except Exception:  # a file that cannot be read describes nothing
        return ""
