"""What a `.tflite` file says of itself: how to feed it, what it answers, what it learned from.

The contract and the labels are associated files, as the TFLite metadata standard has it: a zip
archive of uncompressed entries behind the model, so `unzip -p facemask.tflite contract.json` shows
it.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from facemask.errors import UserError

VERSION = "3"
CONTRACT, LABELS = "contract.json", "labels.txt"


@dataclass(frozen=True)
class Contract:
    """All that a user of the file has to know.

    Attributes:
        name: of the model.
        version: of this form of contract, `VERSION`.
        author: of the model.
        labels: the two classes; the model answers with the probability of the second.
        input: `side` in pixels, what its numbers are, how a face is cut out of a photo (`crop`: the
            side of the crop in sides of the face's box as `scale`, and as `up` how far its centre
            lies above the box's, in sides of the crop), and how the crop is resized.
        output: what its number is.
        threshold: the probability from which the second class is decided on.
        training_data: SHA-256 of the table of all images with their subsets.
        data_description: of the training data, in words; its file's or folder's name without any.
        minimum_runtime: the oldest version of the TFLite runtime that has the model's operators.
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
    data_description: str
    minimum_runtime: str = ""
    sha256: str = ""


def describe(
    *,
    author: str,
    labels: list[str],
    side: int,
    threshold: float,
    crop: Mapping[str, float],
    training_data: str,
    data_description: str = "",
) -> Contract:
    """Return the contract of a model: what all of this pipeline share, and what is its own.

    The arguments are explained at `Contract`; the same arguments make equal contracts.
    """
    resize = {"filter": "bilinear", "antialiased": True, "aspect_ratio": "stretched"}
    return Contract(
        name="facemask",
        version=VERSION,
        author=author,
        labels=labels,
        input={
            "side": side,
            "colour": "RGB",
            "type": "uint8",
            "range": [0, 255],
            "crop": {"scale": crop["scale"], "up": crop["up"]},
            "resize": resize,
        },
        output={"probability_of": labels[1], "type": "float32", "range": [0, 1]},
        threshold=threshold,
        training_data=training_data,
        data_description=data_description,
    )


def seal(model: bytes, contract: Contract) -> bytes:
    """Return a model with contract and labels behind it; equal arguments make equal bytes."""
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
    """Return the model and the contract of a file that `seal` made.

    Args:
        content: of the file.
        name: of the file, for the error.

    Raises:
        UserError: it is another kind of file, or has a contract of another version, or a byte of it
            is not as it was.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            start = min(entry.header_offset for entry in archive.infolist())
            values = json.loads(archive.read(CONTRACT))
            version = values["version"]
            contract = Contract(**values) if version == VERSION else None
    except Exception as error:  # a damaged archive fails in many ways
        raise UserError(
            f"{name}: is not a model of this pipeline, or is damaged: {error}"
        ) from error
    if contract is None:
        raise UserError(
            f"{name}: is of version {version} of the contract, not {VERSION}; "
            "export the model again: dvc repro export_tflite"
        )
    if seal(content[:start], contract) != content:
        raise UserError(
            f"{name}: is damaged: its bytes are not those that its contract was made for"
        )
    return content[:start], contract
