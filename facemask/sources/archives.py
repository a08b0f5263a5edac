"""List the files in a folder, zip or tar, and read each of them.

Nothing is written to disk. The names, sizes and links in an archive may be false. A small archive
may unpack to a very large size. So every read has a bound, and raises `OSError` beyond it.
"""

import gzip
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any

from facemask.sources.encodings import encoding_of

Read = Callable[[], bytes]
"""Returns the bytes of one file; raises any exception when they are damaged or refused."""

ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz)$", re.IGNORECASE)
"""Matches the end of an archive's name."""

MAX_FILE_BYTES = 100_000_000
"""Largest unpacked size of one file. A photograph has about a tenth of it."""

MAX_UNPACKED_BYTES = 1_000_000_000
"""An archive of any size may unpack to this many bytes."""

MAX_GROWTH = 100
"""An archive may also unpack to this many times its size. Images hardly shrink when packed."""

MAX_ZIP_INDEX_BYTES = 128_000_000
"""Largest table of contents of a zip: a million names of 80 letters."""

MAX_TAR_HEADER_BYTES = 64_000
"""Largest header of a tar: a long name, or a set of attributes."""

DVC_CACHE = Path(".dvc/cache")
"""The project's DVC cache. DVC may replace the files of a folder by links into it."""

UTF8_NAME = 0x800
"""Bit in the flags of a zip's entry. It says that the entry's name is UTF-8."""


def files(path: Path, stack: ExitStack) -> Iterator[tuple[str, Read]]:
    """List the files of a folder, `.zip`, `.tar` or `.tar.gz`.

    An archive at the top of the folder is listed like a folder with the archive's name.

    Args:
        path: the folder or archive. The first bytes of an archive tell its kind.
        stack: keeps archives open for the reads.

    Yields:
        The stored name of each file, with `/` between folders, and a function that reads it.

    Raises:
        OSError: the archive is of another kind, or is too large when unpacked.
        Exception: the archive is damaged; its readers raise many kinds.
    """
    if not path.is_dir():
        yield from _in_archive(path, stack)
        return
    root = path.resolve()
    for name, read in _in_folder(root):
        file = root / name
        is_archive = file.parent == root and ARCHIVE.search(name) and file.is_file()
        if is_archive and _is_inside(root, file):
            yield from _in_inner_archive(file, stack)
        else:
            yield name, read


def _in_inner_archive(path: Path, stack: ExitStack) -> Iterator[tuple[str, Read]]:
    """Yield the files of an archive in a folder. An error names the archive."""
    folder = ARCHIVE.sub("", path.name)
    try:
        for name, read in _in_archive(path, stack):
            yield f"{folder}/{name}", read
    except Exception as error:  # archive readers raise many kinds
        raise OSError(f"{path.name}: {error}") from error


def _in_archive(path: Path, stack: ExitStack) -> Iterator[tuple[str, Read]]:
    """List the files of a zip or tar."""
    if not path.is_file():  # opening a pipe would wait for ever
        raise OSError("is not a folder or a regular file")
    size = path.stat().st_size
    file: BufferedIOBase = stack.enter_context(path.open("rb"))
    beginning = file.read(4)
    file.seek(0)
    if beginning in (b"PK\x03\x04", b"PK\x05\x06"):
        return _in_zip(file, size)
    if beginning.startswith(b"\x1f\x8b"):
        file = stack.enter_context(gzip.GzipFile(fileobj=file))
    return _in_tar(file, size)


def _in_folder(root: Path) -> Iterator[tuple[str, Read]]:
    for above, folders, names in os.walk(root):
        folder = Path(above)
        folders.sort()  # os.walk follows this order
        links = [name for name in folders if (folder / name).is_symlink()]  # not walked into
        for name in sorted([*names, *links]):
            path = (folder / name).relative_to(root).as_posix()
            yield path, partial(_read_in_folder, root, path)


def _read_in_folder(root: Path, name: str) -> bytes:
    path = (root / name).resolve(strict=True)
    if not _is_inside(root, path):
        raise OSError("links out of the source; put a copy of the file in the link's place")
    _refuse_special(path.stat().st_mode)
    with path.open("rb") as file:
        return _read(file)


def _is_inside(root: Path, path: Path) -> bool:
    """Return whether a link leads to a file of the folder, or of the project's DVC cache."""
    target = path.resolve()
    return target.is_relative_to(root) or target.is_relative_to(DVC_CACHE.resolve())


def _in_zip(file: BufferedIOBase, size: int) -> Iterator[tuple[str, Read]]:
    bounded: Any = _Bounded(file, MAX_ZIP_INDEX_BYTES)
    packed = zipfile.ZipFile(bounded)
    entries = packed.infolist()
    packed_size = sum(entry.compress_size for entry in entries)
    if packed_size > size:
        raise OSError("its files overlap, so that it unpacks to far more than it holds")
    unpacked_size = sum(entry.file_size for entry in entries)
    _refuse_growth(unpacked_size, size)
    raw_names = {
        entry: entry.filename.encode("cp437")  # zipfile has decoded it so
        for entry in entries
        if not entry.filename.isascii() and not _has_unicode_name(entry)
    }
    encoding = encoding_of(raw_names.values())
    for entry in entries:
        name = entry.filename
        if entry in raw_names:
            name = raw_names[entry].decode(encoding, errors="backslashreplace")
        name = name.replace("\\", "/")  # programs on Windows may write backslashes
        if not name.endswith("/"):
            yield name, partial(_read_in_zip, packed, entry)


def _has_unicode_name(entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry says that its name is UTF-8, by a bit or, since 3.12, by a field."""
    is_marked = bool(entry.flag_bits & UTF8_NAME)
    return is_marked or entry.filename != entry.orig_filename


def _read_in_zip(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    _refuse_special(entry.external_attr >> 16)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Python unpacks other methods without a bound.
        raise OSError("is packed by another method than deflate")
    with packed.open(entry) as file:
        return _read(file)


def _in_tar(file: BufferedIOBase, size: int) -> Iterator[tuple[str, Read]]:
    bounded: Any = _Bounded(file, MAX_TAR_HEADER_BYTES)
    try:
        tape = tarfile.TarFile(fileobj=bounded)
    except tarfile.ReadError:
        raise OSError("not a folder, .zip, .tar or .tar.gz") from None
    unpacked = 0
    for member in tape:  # the next header is unpacked only after these checks
        unpacked += member.size
        position = member.offset_data
        _refuse_growth(max(unpacked, position), size)
        if not member.isdir():
            yield member.name, partial(_read_in_tar, file, member)
    file.seek(tape.offset)
    end = file.read(tarfile.BLOCKSIZE)
    if end.strip(b"\0"):  # tarfile treats a damaged header as the end
        raise OSError("a header within it is damaged")


def _read_in_tar(file: BufferedIOBase, member: tarfile.TarInfo) -> bytes:
    if not member.isreg() or member.issparse():
        raise OSError("is a link or a device, not a regular file")
    file.seek(member.offset_data)
    return _read(file, member.size)


class _Bounded:
    """A file whose `read` refuses to read more bytes than a bound at once."""

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
    largest = min(size, MAX_FILE_BYTES + 1)
    content = file.read(largest)
    if len(content) > MAX_FILE_BYTES:
        raise OSError(f"is larger than {MAX_FILE_BYTES:,} bytes")
    return content


def _refuse_special(mode: int) -> None:
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):  # a zip from Windows has 0
        raise OSError("is a link, folder or device, not a regular file")


def _refuse_growth(unpacked: int, size: int) -> None:
    most = max(MAX_UNPACKED_BYTES, MAX_GROWTH * size)
    if unpacked > most:
        raise OSError(f"unpacks to more than {most:,} bytes, from {size:,}")
