"""How boxes overlap, and which of them show the same face."""

from collections.abc import Sequence
from itertools import product

Edges = Sequence[float]
"""Left, top, right and bottom in pixels."""

LEAST_SHARED = 0.15
"""Least intersection over union of boxes of the same face; annotators draw boxes in other ways."""


def match(faces: Sequence[Edges], rows: Sequence[Edges]) -> dict[int, int]:
    """Return the index of a row for each face that has a row at it. A row belongs to one face.

    Pairs that overlap most come first.

    Args:
        faces: boxes of annotated faces.
        rows: boxes of rows about the same photo.
    """
    pairs = []
    for face, row in product(range(len(faces)), range(len(rows))):
        if is_at(rows[row], faces[face]):
            overlap = shared(faces[face], rows[row])
            pairs.append((overlap, -face, row))
    matches: dict[int, int] = {}
    for _, negative, row in sorted(pairs, reverse=True):
        face = -negative
        if face not in matches and row not in matches.values():
            matches[face] = row
    return matches


def is_at(row: Edges, face: Edges) -> bool:
    """Return whether a row's box is at a face: it contains its centre and overlaps enough."""
    left, top, right, bottom = row
    x = (face[0] + face[2]) / 2
    y = (face[1] + face[3]) / 2
    has_centre = left <= x <= right and top <= y <= bottom
    return has_centre and shared(row, face) > LEAST_SHARED


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
