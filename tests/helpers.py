"""What several tests use: small projects, drawn pictures, files built by hand."""

import json
import os
import runpy
import shutil
import socket
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from PIL import Image

from facemask.files import remove
from facemask.store import images
from facemask.store.pixels import Pixels
from stages import paths
from tests import fork_server

REPOSITORY = Path(__file__).parents[1]
CLASSES = ("WithMask", "WithoutMask")
PIPELINE: dict[str, Any] = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())
ALL_STAGES = list(PIPELINE["stages"])
STAGES = ALL_STAGES[1:]
"""Without `check_params`."""

NOTEBOOK: dict[str, Any] = {
    key: yaml.safe_load(value)
    for key, _, value in (
        argument.partition("=")
        for argument in (REPOSITORY / "benchmarks/notebook.args").read_text().split()
        if argument != "-S"
    )
}
"""The notebook's recipe: plain, and learned in few steps."""

TINY: dict[str, Any] = NOTEBOOK | {
    "ingest.source": "data/faces",
    "ingest.max_quarantined_share": 0.5,
    "ingest.external": None,
    "ingest.photos": None,
    "resize.size": 24,
    "train.min_steps": 0,
    "train.epochs": 3,
    "train.network.filters": [4, 8],
    "train.network.dense": 8,
    "export_tflite.variants": ["float32", "dynamic_range"],
}


def draw(folder: Path, count: int, side: int = 32, seed: int = 0) -> list[Path]:
    """Write distinct pictures; those in a folder called WithMask are bright below."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, len(folder.name)])
    files = [folder / f"{number}.png" for number in range(count)]
    for file in files:
        pixels = rng.integers(0, 120, (side, side, 3), dtype=np.uint8)
        if folder.name == "WithMask":
            pixels[side // 2 :] += 100
        Image.fromarray(pixels).save(file)
    return files


SIDE = 200
PLACES = [(40, 40), (310, 60), (560, 30), (30, 330), (300, 340), (570, 320)]
"""Pixels of the faces in a `photo`, and where they lie."""


def embedded_faces(count: int) -> dict[str, list[bytes]]:
    """Return the first `count` JPEG files of each class in the embedded collection."""
    with zipfile.ZipFile(REPOSITORY / "data/demo.zip") as archive:
        names = archive.namelist()
        of_class = {label: [n for n in names if n.startswith(f"{label}/")] for label in CLASSES}
        return {label: [archive.read(n) for n in of_class[label][:count]] for label in CLASSES}


def drawn_faces() -> list[Image.Image]:
    """Return three embedded faces of each class; the face finder finds all of them in a `photo`."""
    return [images.open_rgb(file) for files in embedded_faces(3).values() for file in files]


def photo(faces: Sequence[Image.Image], size: tuple[int, int] = (800, 600)) -> Image.Image:
    """Lay up to six faces out on grey."""
    picture = Image.new("RGB", size, "slategrey")
    for face, place in zip(faces, PLACES, strict=False):
        picture.paste(face.resize((SIDE, SIDE)), place)
    return picture


def set_params(project: Path, changes: Mapping[str, Any]) -> None:
    """Change keys such as `train.epochs` in a project's params.yaml; None stays None."""
    file = project / "params.yaml"
    values = yaml.safe_load(file.read_text())
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = values
        for part in sections:
            section = section[part]
        section[name] = value
    file.write_text(yaml.safe_dump(values, sort_keys=False))


def small_project(folder: Path) -> Path:
    """Write small parameters, a source of 2 x 10 pictures, and the published model."""
    shutil.copy(REPOSITORY / "params.yaml", folder)
    published = folder / paths.PUBLISHED
    published.parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / paths.PUBLISHED, published)
    set_params(folder, TINY)
    for label in CLASSES:
        draw(folder / "data/faces" / label, 10)
    return folder


def run_stage(stage: str) -> None:
    """Run one stage as `python -m stages.NAME` does, in the working directory."""
    runpy.run_module(f"stages.{stage}", run_name="__main__")


def run_stages(project: Path, *stages: str) -> Path:
    """Run stages one after the other in a project; return it."""
    with chdir(project):
        for stage in stages:
            run_stage(stage)
    return project


def copy_project(to: Path, of: Path = REPOSITORY) -> Path:
    """Copy what a repository tracks, or would with what is new, as a clone brings it."""
    listing = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    listed = shell(of, *listing)
    for name in listed.stdout.splitlines():
        if not name.startswith("results/") or name.endswith(".keras"):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(of / name, to / name)
    return to


def shell(project: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in a project; `fork_server` starts `python -m` and `dvc`."""
    result = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True)
    assert not check or result.returncode == 0, result.stdout + result.stderr
    return result


def wait_for(port: int) -> None:
    """Wait until something listens on a port here."""
    for _ in range(300):
        with socket.socket() as tried:
            if not tried.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    raise AssertionError(f"nothing listens on {port}")


def environment(*, forked: bool = True) -> dict[str, str]:
    """Return the environment of a command in a project. Equal commits get equal names.

    Args:
        forked: whether `fork_server` starts `python -m` and `dvc`. It kills a process a moment
            after the program that was killed, so a test may want real processes.
    """
    folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if forked:
        folders.insert(0, str(fork_server.programs()))
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "1767225600 +0000")
    return os.environ | dates | {"PATH": os.pathsep.join(folders)}


def commit(project: Path) -> None:
    """Make the project's present state its Git HEAD."""
    shell(project, "git", "init", "--quiet")
    shell(project, "git", "config", "user.name", "test")
    shell(project, "git", "config", "user.email", "test@example.org")
    shell(project, "git", "add", "--all")
    shell(project, "git", "commit", "--quiet", "--allow-empty", "--message", "state")


def tiny_project(folder: Path) -> Path:
    """Make a project that runs in seconds, with enough files to be stopped among them."""
    project = copy_project(folder)
    for name in ("dvc.lock", "metrics", "plots", "models"):
        remove(project / name)  # they are of the embedded faces
    set_params(project, TINY)
    for label in CLASSES:
        draw(project / "data/faces" / label, 400)
    commit(project)
    return project


def split_of(run: Callable[[str], None]) -> pd.DataFrame:
    """Run `ingest` and `split` in the working directory; return the table."""
    run("ingest")
    run("split")
    return pd.read_csv("data/split.csv")


def details(project: Path) -> dict[str, Any]:
    """Return by stage all that it measured."""
    files = sorted((project / "details").glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def dvc(project: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a DVC command in a project."""
    return shell(project, "dvc", *arguments, check=check)


NETWORK: dict[str, Any] = {
    "filters": [2, 2, 2],
    "standardize": True,
    "batch_norm": True,
    "dropout": 0.0,
    "head": "average",
    "dense": 2,
    "initializer": "he_normal",
}
"""A small network with all that `params.yaml` has."""


def png(
    width: int, height: int, rows: bytes, *chunks: tuple[bytes, bytes], depth: int = 8
) -> bytes:
    """Build an RGB PNG by hand; each row begins with a byte that names its filter (0: none)."""
    header = struct.pack(">2L5B", width, height, depth, 2, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    coded = [
        struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))
        for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(coded)


def tiff(tags: Mapping[int, int], pixels: bytes, place: int = 273) -> bytes:
    """Build a TIFF by hand; the tag `place` says where its pixels are."""
    start = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = sorted({**tags, place: start}.items())
    coded = [struct.pack("<2H2L", tag, 4, 1, value) for tag, value in entries]
    head = b"II*\0" + struct.pack("<LH", 8, len(entries))
    return head + b"".join(coded) + bytes(4) + pixels


def raw_table() -> pd.DataFrame:
    """Read what `ingest` kept of the collection, the images too."""
    return pd.read_parquet("data/raw/collection").sort_values("path", ignore_index=True)


def pixels_of(folder: Path, images: NDArray[np.uint8]) -> Pixels:
    """Store images, (n, side, side, 3), as `resize` does."""
    np.save(folder / "00000-of-00001.npy", images)
    return Pixels(folder)
