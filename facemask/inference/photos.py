"""A photo -> its faces, each with what the classifier says of it.

`deploy/web` and `deploy/android` do the same step by step.
"""

from typing import NamedTuple

from PIL import Image

from facemask.inference.classifier import Answer, Classifier
from facemask.inference.detection import FaceDetector, crop
from facemask.inference.views import Box

UNSURE = 0.7
"""Below this probability of its label, an answer is said to be unsure."""

LOOSE = 0.42
"""A crop of which the face's own crop would fill less is looser than what the model learned. Set so
that it holds of the photos whose face fills under a third, whichever face finder measures that."""


class Found(NamedTuple):
    """A face in a photo.

    Attributes:
        box: the part of the photo that was classified: left, top, right, bottom in pixels.
        score: how sure the face finder is (0-1); of a crop in which it finds no face, none.
        answer: what the classifier says.
    """

    box: Box
    score: float | None
    answer: Answer

    @property
    def unsure(self) -> bool:
        """Whether the classifier hardly prefers its label to the other."""
        return self.answer.probability < UNSURE


def answer(
    image: Image.Image,
    classifier: Classifier,
    detector: FaceDetector,
    threshold: float | None = None,
) -> list[Found]:
    """Find, crop and classify the faces in a photo.

    Args:
        image: RGB, upright, of any size.
        classifier: whose contract says how a face is cropped.
        detector: finds the faces.
        threshold: of the probability of the second class; the contract's if none.

    Returns:
        The faces, the surest first; none where no face is found.
    """
    found = []
    for face in detector.find(image):
        box = crop(face, classifier.contract.input["crop"], image.size)
        found.append(Found(box, face.score, classifier.classify(image.crop(box), threshold)))
    return found


def answer_crop(
    image: Image.Image,
    classifier: Classifier,
    detector: FaceDetector | None,
    threshold: float | None = None,
) -> tuple[Found, float]:
    """Classify a picture that is a crop of one face already.

    Args:
        image: RGB, upright, of any size.
        classifier: answers.
        detector: finds the face in the crop, only to measure it; without one, it is not measured.
        threshold: of the probability of the second class; the contract's if none.

    Returns:
        The answer about the full frame, and how much of the frame (0-1) a crop of the surest face
        in it would fill: below `LOOSE`, the model was not made for it. 1 where no face is found.
    """
    frame = (0, 0, *image.size)
    said = classifier.classify(image, threshold)
    faces = detector.find(image) if detector else []
    if not faces:
        return Found(frame, None, said), 1.0
    box = crop(faces[0], classifier.contract.input["crop"], image.size)
    return Found(frame, faces[0].score, said), _area(box) / _area(frame)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
