"""Find, crop and classify the faces in a photo.

`deploy/web` and `deploy/android` have the same steps.
"""

from typing import NamedTuple

from PIL import Image

from facemask.inference.classifier import Answer, Classifier
from facemask.inference.detection import SETTINGS, Box, Face, FaceDetector, crop

UNSURE = 0.7
"""An answer with a lower probability of its label is called unsure."""

LOOSE = 0.42
"""A picture is loose if the crop of its face has less than this share (0-1) of the picture's area.

The model did not learn from loose pictures. The crop is larger than the box of the face. With this
value, a picture is loose if the box fills less than about a third of it.
"""

TOO_SMALL = "too small"
"""The label of a face with too few pixels."""


class FaceAnswer(NamedTuple):
    """A face in a photo.

    Attributes:
        box: left, top, right and bottom, in pixels, of the part of the photo that was classified.
        score: of the face finder (0-1); None if the picture is a crop in which it finds no face.
        answer: of the classifier.
        too_small: whether the face has too few pixels for a reliable answer.
    """

    box: Box
    score: float | None
    answer: Answer
    too_small: bool = False

    @property
    def label(self) -> str:
        """Return the label, or `TOO_SMALL`."""
        return TOO_SMALL if self.too_small else self.answer.label

    @property
    def unsure(self) -> bool:
        """Return whether the probability of the label is below `UNSURE`."""
        return not self.too_small and self.answer.probability < UNSURE


def answer(
    image: Image.Image,
    classifier: Classifier,
    detector: FaceDetector,
    threshold: float | None = None,
) -> list[FaceAnswer]:
    """Find, crop and classify the faces in a photo.

    Args:
        image: RGB, upright, of any size.
        classifier: its contract says how a face is cropped.
        detector: finds the faces.
        threshold: as in `Classifier.classify`.

    Returns:
        The faces, the largest first.
    """
    rows = []
    for face in detector.find(image):
        box = crop(face, classifier.contract.input["crop"], image.size)
        classified = classifier.classify(image.crop(box), threshold)
        too_small = shorter_side(face) < SETTINGS["smallest_face"]
        rows.append(FaceAnswer(box, face.score, classified, too_small))
    return rows


def shorter_side(face: Face) -> float:
    """Return the shorter side of a face's box in pixels."""
    left, top, right, bottom = face.box
    return min(right - left, bottom - top)


def answer_crop(
    image: Image.Image,
    classifier: Classifier,
    detector: FaceDetector,
    threshold: float | None = None,
) -> tuple[FaceAnswer, float]:
    """Classify a picture that is a crop of one face already.

    Args:
        image: RGB, upright, of any size.
        classifier: classifies the picture.
        detector: finds the face in the picture, only to measure its size.
        threshold: as in `Classifier.classify`.

    Returns:
        The answer about the whole picture, and the area of the crop of its largest face as a share
        (0-1) of the picture. With a share below `LOOSE`, the answer is not reliable. The share is 1
        if no face is found.
    """
    frame = (0, 0, *image.size)
    classified = classifier.classify(image, threshold)
    faces = detector.find(image)
    if not faces:
        return FaceAnswer(frame, None, classified), 1.0
    largest = faces[0]
    box = crop(largest, classifier.contract.input["crop"], image.size)
    return FaceAnswer(frame, largest.score, classified), _area(box) / _area(frame)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
