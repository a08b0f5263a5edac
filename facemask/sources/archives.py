"""A folder, zip or tar -> what files are in it and how to read each, whoever made it.

Nothing is unpacked and nothing is written. Names, sizes and links in an archive may be lies, and a
small archive may unpack to very much; so every read has a bound, and what goes beyond it is an
`OSError` that says so.
"""

import gzip
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any

Read = Callable[[], bytes]
"""Returns the bytes of one file; raises anything when they are damaged or refused."""

MAX_FILE_BYTES = 100_000_000
"""Of one file, unpacked; photographs have a tenth of it."""

MAX_UNPACKED_BYTES = 1_000_000_000
"""Of a whole archive, or `MAX_GROWTH` times its own size if that is more."""

MAX_GROWTH = 100
"""How many times larger than itself an archive may unpack; images hardly shrink when packed."""

MAX_ZIP_INDEX_BYTES = 128_000_000
"""Of a zip's table of contents: a million names of 80 letters."""

DVC_CACHE = Path(".dvc/cache")
"""Of the project, into which DVC may link a folder's files."""

MAX_TAR_HEADER_BYTES = 64_000
"""Of one long name or set of attributes in a tar."""


def files(path: Path, stack: ExitStack) -> Iterator[tuple[str, Read]]:
    """List the files of a folder, `.zip`, `.tar` or `.tar.gz`.

    Args:
        path: the folder or archive; what kind it is, its first bytes tell.
        stack: keeps the archive open for the reads.

    Yields:
        The name of each file, as it is stored but with `/`, and what reads it.

    Raises:
        OSError: the archive is of another kind, or would unpack to too much.
        Exception: the archive is damaged; its readers raise what they please.
    """
    if path.is_dir():
        return _in_folder(path.resolve())
    if not path.is_file():  # opening a pipe would wait for ever
        raise OSError("is not a folder or a regular file")
    size = path.stat().st_size
    file: BufferedIOBase = stack.enter_context(path.open("rb"))
    start = file.read(4)
    file.seek(0)
    if start in (b"PK\x03\x04", b"PK\x05\x06"):
        return _in_zip(file, size)
    if start.startswith(b"\x1f\x8b"):
        file = stack.enter_context(gzip.GzipFile(fileobj=file))
    return _in_tar(file, size)


def _in_folder(root: Path) -> Iterator[tuple[str, Read]]:
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            name = path.relative_to(root).as_posix()
            yield name, partial(_read_in_folder, root, name)


def _read_in_folder(root: Path, name: str) -> bytes:
    path = (root / name).resolve(strict=True)
    if not any(path.is_relative_to(allowed) for allowed in (root, DVC_CACHE.resolve())):
        raise OSError("links out of the source; put a copy of the file in the link's place")
    _refuse_special(path.stat().st_mode)
    with path.open("rb") as file:
        return _read(file)


def _in_zip(file: BufferedIOBase, size: int) -> Iterator[tuple[str, Read]]:
    bounded: Any = _Bounded(file, MAX_ZIP_INDEX_BYTES)
    packed = zipfile.ZipFile(bounded)
    entries = packed.infolist()
    if sum(entry.compress_size for entry in entries) > size:
        raise OSError("its files overlap, so that it unpacks to far more than it holds")
    _refuse_growth(sum(entry.file_size for entry in entries), size)
    for entry in entries:
        name = entry.filename.replace("\\", "/")  # as some programs on Windows pack
        if not name.endswith("/"):
            yield name, partial(_read_in_zip, packed, entry)


def _read_in_zip(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    _refuse_special(entry.external_attr >> 16)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise OSError("is packed by another method than deflate")  # Python unpacks these unbounded
    with packed.open(entry) as file:
        return _read(file)


def _in_tar(file: BufferedIOBase, size: int) -> Iterator[tuple[str, Read]]:
    bounded: Any = _Bounded(file, MAX_TAR_HEADER_BYTES)
    try:
        tape = tarfile.TarFile(fileobj=bounded)
    except tarfile.ReadError:
        raise OSError("not a folder, .zip, .tar or .tar.gz") from None
    unpacked = 0
    for member in tape:  # the next header is sought, and so unpacked to, only after these checks
        unpacked += member.size
        _refuse_growth(max(unpacked, member.offset_data), size)
        if not member.isdir():
            yield member.name, partial(_read_in_tar, file, member)
    file.seek(tape.offset)
    if file.read(tarfile.BLOCKSIZE).strip(b"\0"):  # tarfile takes a damaged header for the end
        raise OSError("a header within it is damaged")


def _read_in_tar(file: BufferedIOBase, member: tarfile.TarInfo) -> bytes:
    if not member.isreg() or member.issparse():
        raise OSError("is a link or a device, not a regular file")
    file.seek(member.offset_data)
    return _read(file, member.size)


class _Bounded:
    """A file whose `read` refuses to fill the memory because a header says so."""

    def __init__(self, file: BufferedIOBase, most: int) -> None:
        self._file = file
        self._most = most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        if size > self._most:
            raise OSError(f"a header of {size:,} bytes")
        return self._file.read(size)


def _read(file: IO[bytes] | BufferedIOBase, size: int = MAX_FILE_BYTES + 1) -> bytes:
    content = file.read(min(size, MAX_FILE_BYTES + 1))
    if len(content) > MAX_FILE_BYTES:
        raise OSError(f"is larger than {MAX_FILE_BYTES:,} bytes")
    return content


def _refuse_special(mode: int) -> None:
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):  # a zip from Windows says nothing: 0
        raise OSError("is a link, folder or device, not a regular file")


def _refuse_growth(unpacked: int, size: int) -> None:
    most = max(MAX_UNPACKED_BYTES, MAX_GROWTH * size)
    if unpacked > most:
        raise OSError(f"unpacks to more than {most:,} bytes, from {size:,}")
