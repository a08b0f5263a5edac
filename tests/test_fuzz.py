"""Thousands of damaged archives and images: none may end in a traceback or write a file."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facemask.errors import UserError
from facemask.sources.source import Entry, Source
from facemask.store import images

RUN = settings(max_examples=1000, deadline=None, derandomize=True, database=None)

PIXELS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8))


def encoded(kind: str, image: Image.Image = PIXELS, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


IMAGES = {kind: encoded(kind) for kind in images.FORMATS} | {
    "MPO": encoded("MPO", save_all=True, append_images=[PIXELS]),
    "APNG": encoded("PNG", save_all=True, append_images=[PIXELS.rotate(180)]),
    "lossless WEBP": encoded("WEBP", lossless=True),
    "animated WEBP": encoded("WEBP", save_all=True, append_images=[PIXELS.rotate(180)]),
    "packed TIFF": encoded("TIFF", compression="tiff_lzw"),
    "JPEG in TIFF": encoded("TIFF", compression="jpeg"),
    "CMYK": encoded("JPEG", PIXELS.convert("CMYK")),
    "palette": encoded("PNG", PIXELS.convert("P"), transparency=1),
}

NAMES = st.text(
    st.sampled_from("ab./\\:=+-@ \n\r\t\x00\x1b\x7f\x85\u2028\udc80é😷")
    | st.characters(codec="utf-8"),
    max_size=40,
) | st.sampled_from(
    ["a/1.png", "../1.png", "/1.png", "C:\\1.png", "README.txt", "x" * 300, ".", ""]
)

CONTENTS = st.sampled_from([b"", b"1", *IMAGES.values()])

Damage = list[tuple[str, float, bytes]]

DAMAGE = st.lists(
    st.tuples(
        st.sampled_from(["change", "insert", "cut", "repeat", "end"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=8) | st.sampled_from([b"\0" * 8, b"\xff" * 8]),
    ),
    max_size=4,
)
"""What happens to bytes, where (as a share of their length) and with which bytes."""


def damaged(content: bytes, damage: Damage) -> bytes:
    for kind, share, new in damage:
        start = int(share * len(content))
        end = start + len(new)
        match kind:
            case "change":
                content = content[:start] + new + content[end:]
            case "insert":
                content = content[:start] + new + content[start:]
            case "cut":
                content = content[:start] + content[end:]
            case "repeat":
                content = content[:end] + content[start:]
            case "end":
                content = content[:start]
    return content


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for number, (name, content) in enumerate(files.items()):
            method = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[number % 2]
            info = zipfile.ZipInfo()
            info.filename = name.encode(errors="replace").decode() or "0"  # else corrected
            packed.writestr(info, content, method)
    return buffer.getvalue()


def taped(
    files: Mapping[str, bytes], layout: int = tarfile.PAX_FORMAT, packed: bool = False
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz" if packed else "w", format=layout) as tape:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("\0", "0"))
            member.size = len(content)
            tape.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


KINDS: Mapping[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "zip": zipped,
    "tar": taped,
    "gnu tar": lambda files: taped(files, tarfile.GNU_FORMAT),
    "tar.gz": lambda files: taped(files, packed=True),
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "data"


@RUN
@given(
    kind=st.sampled_from(sorted(KINDS)),
    files=st.dictionaries(NAMES, CONTENTS, max_size=4),
    damage=DAMAGE,
)
@pytest.mark.filterwarnings("ignore")
def test_no_archive_ends_in_a_traceback_or_writes_a_file(
    folder: Path, kind: str, files: dict[str, bytes], damage: Damage
) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / "source"
    path.write_bytes(damaged(KINDS[kind](files), damage))
    try:
        source = Source(path)
        entries = list(source)
    except UserError as error:
        assert str(error).startswith("ingest.source = ")
    else:
        assert [entry.path for entry in entries] == source.names
        assert len(source) == len(set(source.names))
        for entry in entries:
            check(entry)
    assert list(folder.parent.rglob("*")) == [folder, path]


def check(entry: Entry) -> None:
    """Hold an entry against what its users rely on."""
    assert not entry.path.startswith(("/", "=", "+", "-", "@"))
    assert ".." not in PurePosixPath(entry.path).parts
    assert (entry.path + entry.fault).encode()
    assert len((entry.path + entry.fault).splitlines()) == 1
    assert not (entry.fault and entry.content)


@RUN
@given(kind=st.sampled_from(sorted(IMAGES)), damage=DAMAGE)
@pytest.mark.filterwarnings("ignore")
def test_no_image_ends_in_a_traceback_or_comes_back_as_less_than_one(
    kind: str, damage: Damage
) -> None:
    content = damaged(IMAGES[kind], damage)
    try:
        image = images.open_rgb(content)
    except images.BadImageError as error:
        assert error.reason in ("not an image", "truncated", "undecodable", "too many pixels")
        assert str(error)
    else:
        assert image.mode == "RGB"
        assert len(image.tobytes()) == 3 * image.width * image.height > 0
