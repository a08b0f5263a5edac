"""Advice about files in formats that this project does not read."""

from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from facemask.sources.source import Source

FILES = 20
"""Largest number of files of each ending that are searched for `Kind.marks`."""

BEGINNING = 100_000
"""Number of bytes at the beginning of a file that are searched for marks."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: of the format.
        suffixes: endings of the files.
        advice: what the owner of such a file can do.
        marks: texts that all files of the kind contain near their beginning.
    """

    name: str
    suffixes: tuple[str, ...]
    advice: str
    marks: tuple[bytes, ...] = ()


EXPORT = "export Pascal VOC, YOLO or COCO"
EXPORT_IMAGES = "export images in two folders, or with annotations"
UNPACK = "unpack it"

KINDS = (
    Kind(
        name="CVAT XML",
        suffixes=(".xml",),
        marks=(b"<annotations", b"<image "),
        advice=f"{EXPORT} from CVAT",
    ),
    Kind(
        name="LabelMe JSON",
        suffixes=(".json",),
        marks=(b'"shapes"', b'"imagePath"'),
        advice="convert it to COCO",
    ),
    Kind(
        name="VGG Image Annotator JSON",
        suffixes=(".json",),
        marks=(b'"regions"', b'"filename"'),
        advice=f"{EXPORT} from the annotator",
    ),
    Kind(
        name="Label Studio JSON",
        suffixes=(".json",),
        marks=(b'"from_name"',),
        advice=f"{EXPORT} from Label Studio",
    ),
    Kind(
        name="CreateML JSON",
        suffixes=(".json",),
        marks=(b'"coordinates"', b'"label"'),
        advice=EXPORT,
    ),
    Kind(
        name="Hugging Face JSON lines",
        suffixes=(".jsonl",),
        marks=(b'"file_name"',),
        advice="save it as metadata.csv",
    ),
    Kind(
        name="TFRecord",
        suffixes=(".tfrecord", ".tfrecords", ".record"),
        advice=EXPORT_IMAGES,
    ),
    Kind(name="Parquet", suffixes=(".parquet",), advice=EXPORT_IMAGES),
    Kind(name="Arrow data", suffixes=(".arrow",), advice=EXPORT_IMAGES),
    Kind(name="HDF5 data", suffixes=(".h5", ".hdf5"), advice=EXPORT_IMAGES),
    Kind(name="NumPy data", suffixes=(".npz", ".npy"), advice=EXPORT_IMAGES),
    Kind(name="a Python pickle", suffixes=(".pkl", ".pickle"), advice=EXPORT_IMAGES),
    Kind(name="MATLAB data", suffixes=(".mat",), advice=EXPORT_IMAGES),
    Kind(name="an LMDB database", suffixes=(".mdb", ".lmdb"), advice=EXPORT_IMAGES),
    Kind(
        name="a video",
        suffixes=(".mp4", ".mov", ".avi", ".mkv", ".webm"),
        advice="save its frames as images, for example with ffmpeg",
    ),
    Kind(name="an archive", suffixes=(".rar", ".7z"), advice=UNPACK),
    Kind(
        name="an archive in a deeper folder",
        suffixes=(".zip", ".tar", ".tgz", ".gz"),
        advice=UNPACK,
    ),
)

UNNAMED = (
    "is a YOLO annotation without names of the classes: add classes.txt with one name on each line"
)


def advice(source: Source) -> str:
    """Return advice about the first file of a known kind in a source; empty if there is none."""
    suffixes = {suffix for kind in KINDS for suffix in kind.suffixes} | {".txt"}
    for suffix in sorted(suffixes):
        names = (name for name in source.names if _suffix(name) == suffix)
        for entry in source.read(list(islice(names, FILES))):
            text = _advice(suffix, entry.content[:BEGINNING])
            if text:
                return f"{entry.path} {text}"
    return ""


def _suffix(name: str) -> str:
    """Return the ending of a name; of `faces.tfrecord-00000-of-00010` it is `.tfrecord`."""
    return PurePosixPath(name).suffix.lower().partition("-")[0]


def _advice(suffix: str, beginning: bytes) -> str:
    if suffix == ".txt" and _is_yolo(beginning):
        return UNNAMED
    for kind in KINDS:
        if suffix in kind.suffixes and all(mark in beginning for mark in kind.marks):
            return f"is {kind.name}, which is not read: {kind.advice}"
    return ""


def _is_yolo(content: bytes) -> bool:
    """Return whether a text begins with a class's number and a box."""
    fields = content.partition(b"\n")[0].split()
    numbers = [field.replace(b".", b"", 1).isdigit() for field in fields]
    return len(fields) >= 5 and fields[0].isdigit() and all(numbers)
