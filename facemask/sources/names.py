"""Tell which file names are litter, and print any name in one line."""

import re
from pathlib import PurePath

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
"""Line ends, control characters, invalid UTF-8, and the backslash, which escapes them."""

LITTER = {"__MACOSX", "Thumbs.db", "@eaDir", "desktop.ini"}
"""Names of what operating systems and network drives leave beside pictures."""


def is_litter(path: PurePath) -> bool:
    """Return whether a file or a folder above it is hidden (`._*`) or has a name in `LITTER`.

    Args:
        path: relative to the source or folder that is read.
    """
    return any(part.startswith(".") or part in LITTER for part in path.parts)


def printable(text: str) -> str:
    r"""Return a text with its unprintable characters escaped, as in `\n` and `\x1b`."""
    return UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
