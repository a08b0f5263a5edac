"""Read the external test images at their original size."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facemask.store import images, shards, tables
from stages import paths


def read() -> tuple[list[Image.Image], NDArray[np.bool_]]:
    """Return the external images as RGB, and whether each is of the positive class."""
    rows = tables.read(paths.EXTERNAL)
    contents = dict(shards.contents(paths.RAW_EXTERNAL)(set(rows["sha256"])))
    faces = [images.open_rgb(contents[sha256]) for sha256 in rows["sha256"]]
    positive = tables.classes(tables.read(paths.SPLIT))[1]
    return faces, (rows["label"] == positive).to_numpy()
