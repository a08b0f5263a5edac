"""Kinds of annotation that are not read -> what they are, and what to do about them."""

from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from facemask.sources.source import Source

LOOKED_AT = 20
"""Files of each ending whose beginning is looked at."""

BEGINNING = 100_000
"""Bytes of a file that are searched for marks."""


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, its ending, texts that it contains, and what its owner can do."""

    name: str
    suffix: str
    marks: tuple[bytes, ...]
    advice: str


EXPORT = "export Pascal VOC, YOLO or COCO"
KINDS = (
    Kind("CVAT XML", ".xml", (b"<annotations", b"<image "), f"{EXPORT} from CVAT"),
    Kind("LabelMe JSON", ".json", (b'"shapes"', b'"imagePath"'), "convert it to COCO"),
    Kind("VGG Image Annotator JSON", ".json", (b'"regions"', b'"filename"'), f"{EXPORT} from it"),
    Kind("Label Studio JSON", ".json", (b'"from_name"',), f"{EXPORT} from Label Studio"),
    Kind("CreateML JSON", ".json", (b'"coordinates"', b'"label"'), EXPORT),
    Kind("Hugging Face JSON lines", ".jsonl", (b'"file_name"',), "save it as metadata.csv"),
    Kind("TFRecord", ".tfrecord", (), "export images in two folders, or with annotations"),
    Kind("Parquet", ".parquet", (), "export images in two folders, or with annotations"),
    Kind("NumPy data", ".npz", (), "export images in two folders"),
    Kind("MATLAB data", ".mat", (), "export images in two folders, or with annotations"),
)

UNNAMED = "is a YOLO annotation without names of the classes: add classes.txt, a name a line"


def advice(source: Source) -> str:
    """Return what a file of the source is and what to do about it; empty where none is known."""
    suffixes = {kind.suffix for kind in KINDS} | {".txt"}
    for suffix in sorted(suffixes):
        names = (name for name in source.names if PurePosixPath(name).suffix.lower() == suffix)
        chosen = list(islice(names, LOOKED_AT))
        for entry in source.read(chosen):
            beginning = entry.content[:BEGINNING]
            if suffix == ".txt" and _is_yolo(beginning):
                return f"{entry.path} {UNNAMED}"
            for kind in KINDS:
                if kind.suffix == suffix and all(mark in beginning for mark in kind.marks):
                    return f"{entry.path} is {kind.name}, which is not read: {kind.advice}"
    return ""


def _is_yolo(content: bytes) -> bool:
    """Return whether a text begins with a class's number and a box."""
    fields = content.partition(b"\n")[0].split()
    numbers = [field.replace(b".", b"", 1).isdigit() for field in fields]
    return len(fields) >= 5 and fields[0].isdigit() and all(numbers)
