"""The faces from elsewhere that `evaluate` measured, at their own size."""

from pathlib import Path

import numpy as np
import pandas as pd
from facemask.source import Source
from numpy.typing import NDArray
from PIL import Image

from facemask import images, params
from stages import paths


def faces() -> tuple[list[Image.Image], NDArray[np.bool_]]:
    """Read them as RGB; tell which are of the second class."""
    rows = pd.read_csv(paths.PREDICTIONS, keep_default_na=False)
    label = rows[rows["part"] == "external"].set_index("path")["label"]
    source = Source(Path(params.load(paths.PARAMS).evaluate.external), key="evaluate.external")
    found = {entry.path: entry.content for entry in source if entry.path in label.index}
    shown = [images.open_rgb(found[path]) for path in label.index]
    return shown, (label == label.max()).to_numpy()
