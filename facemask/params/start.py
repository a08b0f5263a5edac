"""Check of the layers in `train.start`, without the slow import of Keras."""

import json
import zipfile
from pathlib import Path
from typing import Any

from facemask.errors import UserError
from facemask.params.sections import SCRATCH, Train

CONFIG = "config.json"
"""Name of the configuration in a `.keras` file, which is a zip archive."""

LAYERS = ("filters", "dense", "batch_norm", "standardize")
"""Keys of `train.network` that determine which weights fit."""


def check(options: Train) -> None:
    """Check that `train.network` has the layers of the model in `train.start`.

    Raises:
        UserError: the layers differ, or the file cannot be read. The message names the keys that
            differ.
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
    """Return the values of `LAYERS` in a `.keras` file of this pipeline.

    Raises:
        UserError: the file cannot be read.
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
