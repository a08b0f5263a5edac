"""A user's mistake ends in one line, never in a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """The user's input cannot be used. The message says why, and what is allowed, in one line.

    It is raised for wrong parameters and sources, a full disk, a file in use, and the like. A
    program ends with this line instead of a traceback; see `one_line_errors`.
    """


@contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """Turn a `UserError` into `program: message` on standard error, and exit status 1.

    The program ends silently when the reader of its output, such as `head`, has closed the pipe.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes at exit
    except UserError as error:
        sys.exit(f"{program}: {' '.join(str(error).split())}")
