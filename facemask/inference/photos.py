"""A photo -> its faces, each with what the classifier says of it.

`deploy/web` and `deploy/android` do the same step by step.
"""

from typing import NamedTuple

from PIL import Image

from facemask.inference.classifier import Answer, Classifier
from facemask.inference.detection import SETTINGS, Box, Face, FaceDetector, crop

UNSURE = 0.7
"""An answer with a lower probability of its label is called unsure."""

LOOSE = 0.42
"""A crop is called loose if the face's own crop would fill less of it: such crops are not what the
model learned from. Chosen so that it holds for photos whose face fills less than a third."""

TOO_SMALL = "too small"
"""What is said of a face instead of a class."""


class FaceAnswer(NamedTuple):
    """A face in a photo.

    Attributes:
        box: the part of the photo that was classified: left, top, right, bottom in pixels.
        score: how sure the face finder is (0-1); None for a crop in which it finds no face.
        answer: of the classifier.
        too_small: whether the face has too few pixels for the answer to be worth anything.
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
        """Return whether the classifier hardly prefers its label to the other."""
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
        threshold: of the probability of the second class; None: the contract's.

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
        classifier: answers.
        detector: finds the face in the crop, only to measure it.
        threshold: of the probability of the second class; None: the contract's.

    Returns:
        The answer about the full frame, and how much of the frame (0-1) a crop of the largest face
        in it would fill: below `LOOSE`, the model was not made for it. 1 where no face is found.
    """
    frame = (0, 0, *image.size)
    said = classifier.classify(image, threshold)
    faces = detector.find(image)
    if not faces:
        return FaceAnswer(frame, None, said), 1.0
    box = crop(faces[0], classifier.contract.input["crop"], image.size)
    return FaceAnswer(frame, faces[0].score, said), _area(box) / _area(frame)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
