"""What `resize` writes."""

import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facemask.store import images
from facemask.store.pixels import Pixels
from tests.conftest import Run
from tests.helpers import draw

FACES = Path("data/faces")


@pytest.mark.usefixtures("project")
def test_every_image_gets_the_networks_size(run: Run) -> None:
    draw(FACES / "WithMask/large", 2, side=90, seed=5)
    shutil.copy(FACES / "WithMask/0.png", FACES / "WithMask/again.png")
    run("ingest")
    run("resize")
    run("split")
    table, resized = pd.read_csv("data/split.csv"), Pixels(Path("data/resized/collection"))
    assert len(table) == len(resized) == 23
    for row in table.to_dict("records"):
        with Image.open(FACES / row["path"]) as image:
            expected = np.asarray(images.resize(image, 24))
        np.testing.assert_array_equal(resized[[row["row"]]][0], expected)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("stage", "most"), [("ingest", 20_000), ("resize", 1_000)])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    run: Run, complaint: Callable[[str], str], stage: str, most: int
) -> None:
    run("ingest")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        assert "cannot be written: File too large" in complaint(stage)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(Path("data").rglob("tmp-*")) == []
