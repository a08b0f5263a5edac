"""Make a library of Android load where glibc is: python for_glibc.py FROM TO.

Its code stays as it is. Only what it asks of the loader changes: the names of Android's C libraries
go, but `liblog.so` (which is built of `bionic.c`, and brings glibc's along), the versions of
symbols go, which glibc's symbols do not have, and `sysconf` becomes that of `bionic.c`.
"""

import struct
import sys
from pathlib import Path

DYNAMIC = 2
"""Type of the program header that lists what the loader is asked for."""

NEEDED, STRTAB, DEBUG = 1, 5, 21
VERSIONS = (0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF)
"""Tags of dynamic entries; glibc ignores DEBUG in a library."""

KEPT = b"liblog.so"


def for_glibc(library: bytes) -> bytes:
    """Return a 64-bit little-endian ELF library that does not ask for Android's C libraries."""
    content = bytearray(library)
    (headers,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    entries = range(0)
    for at in range(headers, headers + size * count, size):
        kind, _, start, _, _, length = struct.unpack_from("<IIQQQQ", content, at)
        if kind == DYNAMIC:
            entries = range(start, start + length, 16)
    pairs = {at: struct.unpack_from("<QQ", content, at) for at in entries}
    strings = next(value for tag, value in pairs.values() if tag == STRTAB)
    for at, (tag, value) in pairs.items():
        start = strings + value
        is_foreign = tag == NEEDED and content[start : content.index(0, start)] != KEPT
        if is_foreign or tag in VERSIONS:
            struct.pack_into("<Q", content, at, DEBUG)
    return bytes(content).replace(b"\0sysconf\0", b"\0Sysconf\0", 1)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(for_glibc(Path(sys.argv[1]).read_bytes()))
