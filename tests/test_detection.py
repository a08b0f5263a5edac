"""Faces found in photos put together from generated ones."""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from facemask.inference.detection import NETWORK, SETTINGS, Face, FaceDetector, crop
from tests.helpers import PLACES, SIDE, drawn_faces, photo

MARGINS = {"scale": 1.19, "up": 0.09}


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def faces() -> list[Image.Image]:
    return drawn_faces()


def area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def within(box: Sequence[float], place: tuple[int, int]) -> bool:
    """Tell whether a box's centre lies in a pasted face, and the box is about as large."""
    centre = (np.array(box[:2]) + box[2:]) / 2 - place
    return bool((abs(centre - SIDE / 2) < SIDE / 3).all() and 0.3 < (box[2] - box[0]) / SIDE < 1.3)


def test_finds_each_face_once(detector: FaceDetector, faces: list[Image.Image]) -> None:
    found = detector.find(photo(faces))
    assert len(found) == len(faces)
    for place in PLACES:
        assert sum(within(face.box, place) for face in found) == 1
    areas = [area(face.box) for face in found]
    assert areas == sorted(areas, reverse=True)


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
    left, top = PLACES[0]
    cut = photo(faces[-1:]).crop((left + SIDE // 4, top + SIDE // 4, left + SIDE, top + SIDE))
    [found] = detector.find(cut)
    box = crop(found, MARGINS, cut.size)
    assert min(box) >= 0
    assert max(box) <= cut.width


def test_crop_has_the_margins_of_the_contract() -> None:
    face = Face((100.0, 100.0, 200.0, 200.0), 0.9)
    assert crop(face, {"scale": 1.5, "up": 0.1}, (400, 400)) == (75, 60, 225, 210)
    assert crop(face, {"scale": 1.5, "up": 0.1}, (150, 150)) == (75, 60, 150, 150)
    outside = Face((-90.0, -90.0, -10.0, -10.0), 0.9)
    assert crop(outside, {"scale": 1.0, "up": 0.0}, (50, 50)) == (0, 0, 1, 1)


def test_a_lower_score_finds_no_less(detector: FaceDetector, faces: list[Image.Image]) -> None:
    picture = photo(faces)
    found = {score: FaceDetector(min_score=score).find(picture) for score in (0.2, 0.6, 0.9999)}
    assert len(found[0.2]) >= len(detector.find(picture)) >= len(found[0.6]) > 0
    assert found[0.9999] == []
    assert all(face.score >= 0.6 for face in found[0.6])


def test_a_face_that_fills_the_photo_is_found_once(
    detector: FaceDetector, faces: list[Image.Image]
) -> None:
    face = photo(faces[:1]).crop((20, 20, 260, 260)).resize((900, 900))
    [found] = detector.find(face)
    assert area(found.box) > 0.1 * 900 * 900


def test_the_network_is_a_small_file_whose_inputs_are_the_squares_that_are_looked_at() -> None:
    assert NETWORK.stat().st_size <= 4_000_000
    for side in SETTINGS["sides"]:
        answers = FaceDetector().run(np.zeros((side, side, 3), np.uint8))
        assert answers.shape == (side // 4, side // 4, 5)
        assert (answers[..., 0] < 0.1).all()
