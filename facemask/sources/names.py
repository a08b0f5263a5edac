"""Names of files: which files are litter, and how a name is printed in one line."""

import re
from pathlib import PurePath

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
"""What would end a line, steer a terminal or is no UTF-8; and the sign that it is written with."""

LITTER = {"__MACOSX", "Thumbs.db", "@eaDir", "desktop.ini"}
"""What operating systems and network drives leave beside pictures, apart from hidden files."""


def is_litter(path: PurePath) -> bool:
    """Return whether a path is hidden (`.ipynb_checkpoints`, `._*`) or in `LITTER`, or below such.

    Args:
        path: relative to the source or folder that is read.
    """
    return any(part.startswith(".") or part in LITTER for part in path.parts)


def printable(text: str) -> str:
    r"""Return a text in which `UNPRINTABLE` characters stand as `\n`, `\x1b` and the like."""
    return UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
