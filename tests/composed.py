"""Generated faces, and photos of several of them, on which page, app and Python must agree."""

import io

import numpy as np

from benchmarks.composites import GRIDS, compose
from tests.helpers import CLASSES, embedded_faces

FACES = 100
PHOTOS = 40


def faces() -> list[tuple[str, bytes]]:
    """Return labels and JPEG files of faces of the embedded collection, both classes in turn."""
    of_class = embedded_faces(FACES // 2)
    return [(label, of_class[label][number]) for number in range(FACES // 2) for label in CLASSES]


def photos() -> list[bytes]:
    """Return JPEG files of photos of 1 to 16 faces. The faces of the last photo are too small."""
    rng = np.random.default_rng(0)
    all_faces = faces()
    grids = 3 * GRIDS[:-1] + GRIDS[-1:]  # few photos of 16 people: each face takes a quarter second
    files = []
    for number in range(PHOTOS):
        grid = grids[number % len(grids)]
        indices = rng.choice(FACES, grid[0] * grid[1], replace=False)
        photo, _ = compose([all_faces[index] for index in indices], grid, rng)
        if number == PHOTOS - 1:
            photo = photo.reduce(8)
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=95)
        files.append(file.getvalue())
    return files
