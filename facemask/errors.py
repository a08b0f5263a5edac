"""Errors that end a program with a message of one line instead of a traceback."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers if the disk is full, the quota is used up, or a file is too large."""

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


class UserError(Exception):
    """An error that the user can fix. The message tells the reason and what is allowed.

    Examples are wrong parameters, unreadable sources, a full disk and a file in use. A program ends
    with this message in one line; see `one_line_errors`.
    """


@contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """End the program with the line `PROGRAM: message` on standard error if the block fails.

    The exit status is 1 for a `UserError` or a full disk, and 130 for Ctrl-C. If standard output is
    a closed pipe, as with `| head`, the program ends without a message. Other errors pass.
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
    """Print one line for Ctrl-C, and a traceback for other exceptions; a `sys.excepthook`."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)  # type: ignore[arg-type]


def _discard_output() -> None:
    """Discard the rest of standard output, so that the flush at exit does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
