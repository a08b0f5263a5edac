"""What a `.tflite` file says about itself: its input, its output, and what it was trained on.

The contract and the labels are associated files of the TFLite metadata standard: uncompressed
entries of a zip archive behind the model. `unzip -p facemask.tflite contract.json` prints the
contract.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from facemask.errors import UserError

VERSION = "4"
CONTRACT = "contract.json"
LABELS = "labels.txt"


@dataclass(frozen=True)
class Contract:
    """What a program that runs the model has to know.

    Attributes:
        name: of the model.
        version: of the contract, `VERSION`.
        author: of the model.
        labels: the two classes; the second is the positive class.
        input: `side` in pixels, the kind of numbers, `resize`, and `crop`: how a face is cut out of
            a photo. The crop is a square. Its side is `scale` times the side of the face's box. Its
            centre lies above that of the box, by `up` times the side of the crop.
        output: the kind of numbers; there is a probability for each label, in the labels' order.
        threshold: the second label is predicted if its probability is at least this.
        training_data: SHA-256 of the table of all images with their subsets.
        data_description: the training data in words, or the name of its file or folder.
        minimum_runtime: the oldest TFLite runtime that has the model's operators.
        sha256: of the model, which is all bytes before the archive.
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
    """Return the contract of a model of this pipeline; see `Contract` for the arguments."""
    return Contract(
        name="facemask",
        version=VERSION,
        author=author,
        labels=labels,
        input=_input(side, crop),
        output={"probabilities_of": labels, "type": "float32", "range": [0, 1]},
        threshold=threshold,
        training_data=training_data,
        data_description=data_description,
    )


def _input(side: int, crop: Mapping[str, float]) -> dict[str, Any]:
    return {
        "side": side,
        "colour": "RGB",
        "type": "uint8",
        "range": [0, 255],
        "crop": {"scale": crop["scale"], "up": crop["up"]},
        "resize": {"filter": "bilinear", "antialiased": True, "aspect_ratio": "stretched"},
    }


def seal(model: bytes, contract: Contract) -> bytes:
    """Return the model followed by its labels and contract.

    Equal arguments give equal bytes.
    """
    values = asdict(contract) | {"sha256": hashlib.sha256(model).hexdigest()}
    texts = {
        LABELS: "".join(f"{label}\n" for label in contract.labels),
        CONTRACT: json.dumps(values, indent=2),
    }
    file = io.BytesIO()
    file.write(model)
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in texts.items():
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
        UserError: the file is of another kind or damaged. Or it has another version of the
            contract, or needs an input that this program does not prepare.
    """
    if name.endswith(".keras"):
        raise UserError(f"{name}: is a Keras model; take the .tflite file exported from it")
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
            f"{name}: has version {version} of the contract, and this program reads {VERSION}; "
            "export the model again: dvc repro export_tflite"
        )
    if seal(content[:start], contract) != content:
        raise UserError(f"{name}: is damaged: its bytes are not those that it was exported with")
    if not _is_prepared_here(contract.input):
        raise UserError(
            f"{name}: needs an input that this program does not prepare; "
            "export the model again: dvc repro export_tflite"
        )
    return content[:start], contract


def _is_prepared_here(values: dict[str, Any]) -> bool:
    try:
        return values == _input(values["side"], values["crop"])
    except (KeyError, TypeError):
        return False
