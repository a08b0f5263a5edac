"""Advice about annotations in formats that this project does not read."""

from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from facemask.sources.source import Source

FILES = 20
"""Largest number of files of each ending that are searched for marks."""

BEGINNING = 100_000
"""Bytes of a file that are searched for marks."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: of the format.
        suffix: ending of the files.
        marks: texts that all files of the kind contain near their beginning.
        advice: what the owner of such a file can do.
    """

    name: str
    suffix: str
    marks: tuple[bytes, ...]
    advice: str


EXPORT = "export Pascal VOC, YOLO or COCO"
EXPORT_IMAGES = "export images in two folders, or with annotations"
UNPACK = "unpack it"

KINDS = (
    Kind(
        name="CVAT XML",
        suffix=".xml",
        marks=(b"<annotations", b"<image "),
        advice=f"{EXPORT} from CVAT",
    ),
    Kind(
        name="LabelMe JSON",
        suffix=".json",
        marks=(b'"shapes"', b'"imagePath"'),
        advice="convert it to COCO",
    ),
    Kind(
        name="VGG Image Annotator JSON",
        suffix=".json",
        marks=(b'"regions"', b'"filename"'),
        advice=f"{EXPORT} from it",
    ),
    Kind(
        name="Label Studio JSON",
        suffix=".json",
        marks=(b'"from_name"',),
        advice=f"{EXPORT} from Label Studio",
    ),
    Kind(
        name="CreateML JSON",
        suffix=".json",
        marks=(b'"coordinates"', b'"label"'),
        advice=EXPORT,
    ),
    Kind(
        name="Hugging Face JSON lines",
        suffix=".jsonl",
        marks=(b'"file_name"',),
        advice="save it as metadata.csv",
    ),
    Kind(name="TFRecord", suffix=".tfrecord", marks=(), advice=EXPORT_IMAGES),
    Kind(name="Parquet", suffix=".parquet", marks=(), advice=EXPORT_IMAGES),
    Kind(name="NumPy data", suffix=".npz", marks=(), advice=EXPORT_IMAGES),
    Kind(name="MATLAB data", suffix=".mat", marks=(), advice=EXPORT_IMAGES),
    Kind(name="an archive", suffix=".rar", marks=(), advice=UNPACK),
    Kind(name="an archive", suffix=".7z", marks=(), advice=UNPACK),
    Kind(name="an archive in a deeper folder", suffix=".zip", marks=(), advice=UNPACK),
)

UNNAMED = "is a YOLO annotation without names of the classes: add classes.txt, a name a line"


def advice(source: Source) -> str:
    """Return advice about the first file of a known kind in a source; empty if there is none."""
    suffixes = {kind.suffix for kind in KINDS} | {".txt"}
    for suffix in sorted(suffixes):
        names = (name for name in source.names if PurePosixPath(name).suffix.lower() == suffix)
        for entry in source.read(list(islice(names, FILES))):
            text = _advice(suffix, entry.content[:BEGINNING])
            if text:
                return f"{entry.path} {text}"
    return ""


def _advice(suffix: str, beginning: bytes) -> str:
    if suffix == ".txt" and _is_yolo(beginning):
        return UNNAMED
    for kind in KINDS:
        if kind.suffix == suffix and all(mark in beginning for mark in kind.marks):
            return f"is {kind.name}, which is not read: {kind.advice}"
    return ""


def _is_yolo(content: bytes) -> bool:
    """Return whether a text begins with a class's number and a box."""
    fields = content.partition(b"\n")[0].split()
    numbers = [field.replace(b".", b"", 1).isdigit() for field in fields]
    return len(fields) >= 5 and fields[0].isdigit() and all(numbers)
