"""The layers of `train.start`, read without Keras."""

import json
import zipfile
from pathlib import Path
from typing import Any

from facemask.errors import UserError
from facemask.params.sections import SCRATCH, Train

CONFIG = "config.json"
"""Of a `.keras` file, which is a zip archive."""

LAYERS = ("filters", "dense", "batch_norm", "standardize")
"""Keys of `train.network` that decide on the shapes of the weights."""


def check(options: Train) -> None:
    """Stop where the network has other layers than the file that its weights come from.

    Raises:
        UserError: it has, or the file cannot be read; names the keys that differ.
    """
    if options.start == SCRATCH:
        return
    network = options.network.model_dump()
    differences = [
        f"train.network.{key} = {network[key]}, the start has {value}"
        for key, value in layers(Path(options.start)).items()
        if network[key] != value
    ]
    if differences:
        raise UserError(
            f"{'; '.join(differences)}: set train.start=scratch, or take the layers of "
            f"train.start = '{options.start}'"
        )


def layers(start: Path) -> dict[str, Any]:
    """Return the `LAYERS` of a `.keras` file that this pipeline trained.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(start) as archive:
            config = json.loads(archive.read(CONFIG))
        parts = [(layer["class_name"], layer["config"]) for layer in config["config"]["layers"]]
        kinds = [kind for kind, _ in parts]
        return {
            "filters": [layer["filters"] for kind, layer in parts if kind == "Conv2D"],
            "dense": next(layer["units"] for kind, layer in parts if kind == "Dense"),
            "batch_norm": "BatchNormalization" in kinds,
            "standardize": "Rescaling" not in kinds,
        }
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        StopIteration,
        zipfile.BadZipFile,
    ) as error:
        raise UserError(f"train.start = '{start}': cannot be read: {error}") from error
