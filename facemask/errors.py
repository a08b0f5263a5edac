"""A user's mistake ends in one line, never in a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """What the user gave cannot be used; the message says what, and what would do, in one line."""


@contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """Turn a `UserError` into `program: message` on standard error and exit status 1.

    A reader of standard output that has enough of it, such as `head`, ends the program in silence.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes at its end
    except UserError as error:
        sys.exit(f"{program}: {' '.join(str(error).split())}")
