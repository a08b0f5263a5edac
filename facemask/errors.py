"""A user's mistake ends in one line, never in a traceback."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a failed write: the disk or quota is full, or the file is too large."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as in a shell."""


class UserError(Exception):
    """The user's input cannot be used. The message says why, and what is allowed, in one line.

    It is raised for wrong parameters and sources, a full disk, a file in use, and the like. A
    program ends with this line instead of a traceback; see `one_line_errors`.
    """


@contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """End the program with one line on standard error, `PROGRAM: message`, if the block fails.

    This is so for a `UserError`, a full disk (exit status 1) and Ctrl-C (exit status 130). If the
    reader of standard output stops early, as `head` does, the program ends silently.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except UserError as error:
        sys.exit(f"{program}: {' '.join(str(error).split())}")
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        _discard_output()
        sys.exit(f"{program}: cannot write: {os.strerror(error.errno)}")


def interrupted_in_one_line(
    kind: type[BaseException],
    error: BaseException,
    trace: object,
) -> None:
    """Handle an uncaught exception as Python does, but Ctrl-C in one line; for `sys.excepthook`."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)  # type: ignore[arg-type]


def _discard_output() -> None:
    """Discard the rest of standard output, which Python flushes once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
