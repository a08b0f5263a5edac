"""Collect the annotated faces of photos that are not cropped in a table."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from facemask.sources.annotation import Annotation

FACE = ["source", "path", "sha256", "label", "left", "top", "right", "bottom"]
"""Columns of a face: its photo, its class (empty for other classes), and its box in pixels."""


def known_first(
    annotations: Mapping[str, Annotation], names: Mapping[str, str]
) -> dict[str, Annotation]:
    """Return annotations in which boxes of the two classes come first.

    The first box gives the photo its label.

    Args:
        annotations: by path of the photo.
        names: the class of each name; empty for names that are left out.
    """
    return {
        path: Annotation(
            boxes=sorted(annotation.boxes, key=lambda box: not names.get(box.label)),
            fault=annotation.fault,
        )
        for path, annotation in annotations.items()
    }


def faces(
    photos: pd.DataFrame, annotations: Mapping[str, Annotation], names: Mapping[str, str]
) -> pd.DataFrame:
    """Return a row for each annotated face, with the columns `FACE`.

    Args:
        photos: rows with source, path, sha256, width and height.
        annotations: by path of the photo.
        names: the class of each name; empty for names that are left out.
    """
    rows = [
        row
        for photo in photos.to_dict("records")
        for row in _rows(photo, annotations.get(photo["path"], Annotation()), names)
    ]
    return pd.DataFrame(rows, columns=FACE)


def _rows(
    photo: Mapping[Any, Any], annotation: Annotation, names: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    for box in annotation.boxes:
        try:
            left, top, right, bottom = box.in_pixels((photo["width"], photo["height"]))
        except ValueError:  # a bad box is not a face
            continue
        yield {
            "source": photo["source"],
            "path": photo["path"],
            "sha256": photo["sha256"],
            "label": names.get(box.label, ""),
            "left": left,
            "top": top,
            "right": right,
            "bottom": bottom,
        }
