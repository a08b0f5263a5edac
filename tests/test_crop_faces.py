"""Whole photos of one person each as a source: cropped as the phone will crop them."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from facemask.inference.detection import FaceDetector
from tests.conftest import Run
from tests.helpers import CLASSES, SIDE, drawn_faces, photo, raw_table, set_params

SOURCE = Path("data/photos")


@pytest.fixture
def photos(project: Path) -> Path:
    """A project whose source is three photos of a face in each class, one of a wall, one of two."""
    set_params(project, {"ingest.source": str(SOURCE), "ingest.crop_faces": True})
    faces = drawn_faces()
    for label, own in zip(CLASSES, (faces[:3], faces[3:]), strict=True):
        (SOURCE / label).mkdir(parents=True)
        for number, face in enumerate(own):
            photo([face]).save(SOURCE / label / f"{number}.png")
    Image.linear_gradient("L").resize((640, 480)).save(SOURCE / "WithMask/wall.png")
    photo(faces[:2]).save(SOURCE / "WithMask/two.png")
    (SOURCE / "WithMask/notes.jpg").write_text("not a picture")
    return project


def counted() -> dict[str, Any]:
    return dict(json.loads(Path("details/ingest.json").read_text()))


@pytest.mark.usefixtures("photos")
def test_each_photo_is_cropped_to_its_face_as_the_contract_says(run: Run) -> None:
    run("ingest")
    margins = yaml.safe_load(Path("params.yaml").read_text())["crop"]
    table, detector = raw_table(), FaceDetector()
    names = [f"{label}/{number}.png" for label in CLASSES for number in range(3)]
    assert list(table["path"]) == names
    for row in table.to_dict("records"):
        assert max(row["width"], row["height"]) < 1.5 * SIDE
        with Image.open(SOURCE / row["path"]) as whole:
            [box] = detector.crops(whole.convert("RGB"), margins)
            expected = np.asarray(whole.crop(box))
        found = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
        np.testing.assert_array_equal(found, expected)
    quarantined = pd.read_csv("data/quarantine.csv").set_index("path")["reason"].to_dict()
    assert quarantined == {
        "WithMask/wall.png": "no face",
        "WithMask/two.png": "several faces",
        "WithMask/notes.jpg": "not an image",
    }


@pytest.mark.usefixtures("photos")
def test_a_photo_is_about_its_main_face_whoever_passes_in_the_background(run: Run) -> None:
    passer_by, face = drawn_faces()[:2]
    crowd = photo([face])
    crowd.paste(passer_by.resize((SIDE // 2, SIDE // 2)), (500, 100))
    crowd.save(SOURCE / "WithMask/two.png")
    crops = FaceDetector().crops(crowd, {"scale": 1, "up": 0})
    assert len(crops) == 2
    run("ingest")
    [row] = raw_table().query("path == 'WithMask/two.png'").to_dict("records")
    [alone] = raw_table().query("path == 'WithMask/1.png'").to_dict("records")
    assert abs(row["width"] - alone["width"]) <= 2


@pytest.mark.usefixtures("photos")
def test_a_photo_that_is_quarantined_for_its_faces_is_pictured(run: Run) -> None:
    wall, two = SOURCE / "WithMask/wall.png", SOURCE / "WithMask/two.png"
    for file in (wall, SOURCE / "WithMask/notes.jpg"):
        file.unlink()
    Image.new("RGB", (800, 600), "red").save(two)
    run("ingest")
    with Image.open("plots/quarantine.png") as picture:
        red = (np.asarray(picture.convert("RGB")) == (255, 0, 0)).all(axis=-1)
    assert red.sum() > 1000


def test_other_margins_crop_otherwise_and_a_second_run_equals_the_first(
    photos: Path, run: Run
) -> None:
    run("ingest")
    first, cache = raw_table(), Path("data/cache.sqlite")
    run("ingest")
    pd.testing.assert_frame_equal(raw_table(), first)
    cache.unlink()
    run("ingest")
    pd.testing.assert_frame_equal(raw_table(), first)
    set_params(photos, {"crop": {"scale": 1.5, "up": 0.0}})
    run("ingest")
    assert (raw_table()["width"] > first["width"]).all()


def test_external_photos_are_cropped_too_and_whole_ones_stay_whole(photos: Path, run: Run) -> None:
    set_params(photos, {"ingest.source": "data/faces", "ingest.external": str(SOURCE)})
    set_params(photos, {"ingest.crop_faces": False})
    run("ingest")
    assert counted()["external"]["external"]["images"] == 8
    set_params(photos, {"ingest.external": None, "ingest.source": str(SOURCE)})
    set_params(photos, {"ingest.external": str(SOURCE), "ingest.crop_faces": True})
    run("ingest")
    assert counted()["images"] == counted()["external"]["external"]["images"] == 6


def test_photos_without_any_face_are_one_line(
    photos: Path, complaint: Callable[[str], str]
) -> None:
    set_params(photos, {"ingest.source": "data/faces"})
    assert "none of 20 files is an image to learn from" in complaint("ingest")
