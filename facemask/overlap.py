"""Overlap of boxes, and matching of boxes that show the same face."""

from collections.abc import Sequence
from itertools import product

Edges = Sequence[float]
"""Left, top, right and bottom in pixels."""

LEAST_SHARED = 0.15
"""Smallest intersection over union of two boxes of the same face.

It is small because annotators draw boxes in different ways.
"""


def match(faces: Sequence[Edges], boxes: Sequence[Edges]) -> dict[int, int]:
    """Match annotated faces with other boxes of the same photo, such as detected faces.

    Pairs are matched in descending order of their overlap. No box is matched twice.

    Args:
        faces: boxes of the annotated faces.
        boxes: the other boxes.

    Returns:
        The index of the other box, by the index of the face. Faces without a match are missing.
    """
    pairs = []
    for face, box in product(range(len(faces)), range(len(boxes))):
        if is_at(boxes[box], faces[face]):
            overlap = shared(faces[face], boxes[box])
            pairs.append((overlap, -face, box))
    matches: dict[int, int] = {}
    for _, negative, box in sorted(pairs, reverse=True):
        face = -negative
        if face not in matches and box not in matches.values():
            matches[face] = box
    return matches


def is_at(box: Edges, face: Edges) -> bool:
    """Return whether a box contains the centre of a face and overlaps it enough."""
    left, top, right, bottom = box
    x = (face[0] + face[2]) / 2
    y = (face[1] + face[3]) / 2
    has_centre = left <= x <= right and top <= y <= bottom
    return has_centre and shared(box, face) > LEAST_SHARED


def shared(box: Edges, other: Edges) -> float:
    """Return the intersection over union of two boxes, 0-1."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    intersection = width * height
    union = area(box) + area(other) - intersection
    return intersection / union


def area(box: Edges) -> float:
    """Return the area of a box in pixels."""
    left, top, right, bottom = box
    return (right - left) * (bottom - top)
