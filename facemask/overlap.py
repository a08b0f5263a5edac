"""How boxes overlap, and which of them show the same face."""

from collections.abc import Sequence

Edges = Sequence[float]
"""Left, top, right and bottom in pixels."""

LEAST_SHARED = 0.15
"""Intersection over union from which a row may be at a face; its box is drawn otherwise."""


def match(faces: Sequence[Edges], rows: Sequence[Edges]) -> dict[int, int]:
    """Return for each face that has a row the index of its row; both belong to one pair at most.

    Args:
        faces: boxes of annotated faces.
        rows: boxes of rows about the same photo.
    """
    pairs = [
        (shared(face, row), -number, index)
        for number, face in enumerate(faces)
        for index, row in enumerate(rows)
        if is_at(row, face)
    ]
    matches: dict[int, int] = {}
    for _, number, index in sorted(pairs, reverse=True):
        if -number not in matches and index not in matches.values():
            matches[-number] = index
    return matches


def is_at(row: Edges, face: Edges) -> bool:
    """Return whether a row's box is at a face: it overlaps with it and contains its centre."""
    x = (face[0] + face[2]) / 2
    y = (face[1] + face[3]) / 2
    holds_centre = row[0] <= x <= row[2] and row[1] <= y <= row[3]
    return holds_centre and shared(row, face) > LEAST_SHARED


def shared(box: Edges, other: Edges) -> float:
    """Return the intersection over union of two boxes, 0-1."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    intersection = width * height
    return intersection / (area(box) + area(other) - intersection)


def area(box: Edges) -> float:
    """Return the area of a box in pixels."""
    return (box[2] - box[0]) * (box[3] - box[1])
