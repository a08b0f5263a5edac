"""Outputs appear whole or not at all."""

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
    """Turn the `OSError` of a full disk into a `UserError` that names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        reason = os.strerror(error.errno)  # h5py's own message is a paragraph
        raise UserError(f"{path}: cannot be written: {reason}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path, which becomes `path` at the end of the block.

    It may be a file, or a folder that the block makes. If the block raises, the temporary is
    removed and `path` stays as it was. If the process is killed, the next call removes it.

    Args:
        path: the output; its folder is made when it is missing.

    Yields:
        `tmp-NAME` in the same folder, so that the last step is a rename within one file system.
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
    """Yield an empty folder, absolute, which is removed at the end of the block.

    If the process is killed, the next call removes it.
    """
    remove(folder)
    folder.mkdir(parents=True)
    try:
        with writing(folder):
            yield folder.absolute()
    finally:
        remove(folder)


def remove(path: Path) -> None:
    """Delete a file or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def code_version(*modules: ModuleType) -> str:
    """Return a hash of the `__version__` of modules, or of the source of those without a version.

    The source of a package is the source of all its modules.
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
    """Write metrics as indented JSON, whole or not at all."""
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
    """Return the content of `NAME.json` in a folder, by name."""
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in names}
