"""Outputs appear whole or not at all."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; what the block leaves there becomes `path`.

    Works for a file and for a folder (which the block makes itself). If the block raises, the
    temporary is removed and `path` stays as it was; if the process is killed, the next call removes
    what it left.

    Args:
        path: the output, in a folder that is made when it is missing.

    Yields:
        `tmp-NAME` in the same folder, so that the last step is a rename within one file system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"tmp-{path.name}")
    remove(temporary)
    try:
        yield temporary
    except BaseException:
        remove(temporary)
        raise
    if temporary.is_dir():
        remove(path)
    temporary.replace(path)


def reuse(file: Path, target: Path) -> None:
    """Give an unchanged file a second name; where links are not to be had, a copy as old."""
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copy2(file, target)


def remove(path: Path) -> None:
    """Delete a file or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def code_version(*modules: ModuleType) -> str:
    """Return a hash of the state of modules: their `__version__`, of our own their source."""
    state = hashlib.sha256()
    for module in modules:
        release = getattr(module, "__version__", None)
        state.update(str(release).encode() if release else Path(module.__file__ or "").read_bytes())
    return state.hexdigest()
