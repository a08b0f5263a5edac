"""Writing of outputs, whole or not at all, and hashes of code."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from facemask.errors import NO_ROOM, UserError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise a `UserError` that names `path` if the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        reason = os.strerror(error.errno)  # the message of h5py is too long
        raise UserError(f"{path}: cannot be written: {reason}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path, and rename it to `path` at the end of the block.

    The block makes a file or a folder at the temporary path. If the block fails, this is removed
    and `path` does not change. If the process is killed, the next call removes it.

    Args:
        path: the output. Its parent folder is made if it is missing.

    Yields:
        `tmp-NAME` in the same folder, so that the rename stays in one file system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"tmp-{path.name}")
    remove(temporary)
    try:
        with writing(path):
            yield temporary
    except BaseException:
        remove(temporary)
        raise
    if temporary.is_dir():
        remove(path)
    temporary.replace(path)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Yield the absolute path of an empty folder, and remove the folder after the block.

    If the process is killed, the next call removes the folder.
    """
    remove(folder)
    folder.mkdir(parents=True)
    try:
        with writing(folder):
            yield folder.absolute()
    finally:
        remove(folder)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def code_version(*modules: ModuleType) -> str:
    """Return a hash of modules, which changes with their code.

    It uses `__version__` if a module has one, and the source otherwise. The source of a package
    includes all its modules.
    """
    state = hashlib.sha256()
    for module in modules:
        release = getattr(module, "__version__", None)
        if release:
            state.update(str(release).encode())
            continue
        file = Path(module.__file__ or "")
        files = file.parent.rglob("*.py") if hasattr(module, "__path__") else [file]
        for source in sorted(files):
            state.update(source.read_bytes())
    return state.hexdigest()


def write_json(values: Mapping[str, Any], path: Path) -> None:
    """Write values as indented JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(
                values,
                indent=2,
                allow_nan=False,
            )
            + "\n",
            encoding="utf-8",
        )


def read_json(folder: Path, *names: str) -> dict[str, Any]:
    """Return the contents of the files `NAME.json` in a folder, by name."""
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in names}
