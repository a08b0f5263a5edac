"""What a `.tflite` file says of itself: how to feed it, what it answers, where it came from.

The contract and the labels are associated files, as the TFLite metadata standard has it: a zip
archive of uncompressed entries behind the model, so `unzip -p facemask.tflite contract.json` shows
it.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass
from typing import Any

from facemask.errors import UserError

CONTRACT, LABELS = "contract.json", "labels.txt"


@dataclass(frozen=True)
class Contract:
    """All that who uses the file has to know.

    Attributes:
        name: of the model.
        version: of this form of contract.
        author: of the model.
        labels: the two classes; the model gives the probability of the second.
        input: its side in pixels, its numbers, and how a photo of any size becomes it.
        output: its numbers.
        threshold: the probability from which the second class is decided on.
        training_data: SHA-256 of the table of all images with their sides of the split.
        git_commit: of the code, empty where it was not under Git.
        dvc_lock: SHA-256 of what `dvc.lock` says that the stages before the export depended on.
        sha256: of the model, that is of all bytes before the archive.
    """

    name: str
    version: str
    author: str
    labels: list[str]
    input: dict[str, Any]
    output: dict[str, Any]
    threshold: float
    training_data: str
    git_commit: str
    dvc_lock: str
    sha256: str = ""


def describe(
    *,
    author: str,
    labels: list[str],
    side: int,
    threshold: float,
    training_data: str,
    git_commit: str,
    dvc_lock: str,
) -> Contract:
    """Say how every model of this pipeline is fed, and what is this one's own; see `Contract`."""
    resize = {"filter": "bilinear", "antialiased": True, "aspect_ratio": "stretched"}
    return Contract(
        name="facemask",
        version="1",
        author=author,
        labels=labels,
        input={"side": side, "colour": "RGB", "type": "uint8", "range": [0, 255], "resize": resize},
        output={"probability_of": labels[1], "type": "float32", "range": [0, 1]},
        threshold=threshold,
        training_data=training_data,
        git_commit=git_commit,
        dvc_lock=dvc_lock,
    )


def seal(model: bytes, contract: Contract) -> bytes:
    """Put contract and labels behind a model; the same give the same bytes."""
    values = asdict(contract) | {"sha256": hashlib.sha256(model).hexdigest()}
    file = io.BytesIO()
    file.write(model)
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in (
            (LABELS, "".join(f"{label}\n" for label in contract.labels)),
            (CONTRACT, json.dumps(values, indent=2)),
        ):
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3  # Unix, on every system
            archive.writestr(entry, text)
    return file.getvalue()


def read(content: bytes, name: str) -> tuple[bytes, Contract]:
    """Give the model and the contract of a file that `seal` made.

    Args:
        content: of the file.
        name: of the file, for the error.

    Raises:
        UserError: it is another kind of file, or a byte of it is not as it was.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            start = min(entry.header_offset for entry in archive.infolist())
            contract = Contract(**json.loads(archive.read(CONTRACT)))
    except Exception as error:  # a damaged archive fails in many ways
        raise UserError(f"{name}: is no model of this pipeline, or is damaged: {error}") from error
    if seal(content[:start], contract) != content:
        raise UserError(
            f"{name}: is damaged: its bytes are not those that its contract was made for"
        )
    return content[:start], contract
