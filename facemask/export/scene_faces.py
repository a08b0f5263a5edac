"""Measure how well a file finds and classifies annotated faces in scenes.

A scene is a photo of several people.
"""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from facemask import overlap, pictures
from facemask.export.end_to_end import EDGES
from facemask.store import images, shards

SIZES = (20, 40, 80, 160)
"""Lower ends of the size ranges, in pixels of the shorter side of an annotated face.

Faces below the first range do not count.
"""

COLUMNS = ["path", "sha256", "annotated", "label", "predicted", "probability", *EDGES]

DRAWN = 48
"""Largest number of answers that `draw_outside` draws."""


def compare(faces: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Match annotated faces with the answers about the same scenes.

    Args:
        faces: a row for each annotated face: path and sha256 of its scene, its label, and its box.
            The label is empty if it is neither of the two classes.
        answers: from `end_to_end.classify`.

    Returns:
        A row for each annotated face. `predicted` and `probability` are those of the answer
        at this face; they are empty if there is none. Also a row for each answer outside of all
        annotated faces; its label is empty.
    """
    compared = []
    for path, annotated in faces.groupby("path", sort=False):
        sha256 = annotated["sha256"].iloc[0]
        rows = answers[answers["sha256"] == sha256]
        boxes = annotated[EDGES].to_numpy().tolist()
        answered_boxes = rows[EDGES].to_numpy().tolist()
        matches = overlap.match(boxes, answered_boxes)

        answered = rows[["predicted", "probability"]].iloc[list(matches.values())]
        answered.index = pd.Index(matches.keys(), dtype=int)
        matched = annotated.reset_index(drop=True).join(answered)

        is_outside = [
            not any(overlap.is_at(answered_box, box) for box in boxes)
            for answered_box in answered_boxes
        ]
        outside = rows[is_outside].assign(path=path, label="")
        compared += [
            matched.assign(annotated=True),
            outside.assign(annotated=False),
        ]
    if not compared:
        empty = pd.DataFrame(columns=COLUMNS)
        return empty.astype({"annotated": bool, "probability": float})
    table: pd.DataFrame = pd.concat(compared, ignore_index=True)
    table["predicted"] = table["predicted"].fillna("")
    return table[COLUMNS]


def measure(compared: pd.DataFrame) -> dict[str, Any]:
    """Measure answers about scenes.

    Args:
        compared: from `compare`.

    Returns:
        `scenes` is the number of scenes. `rows_beside` is the number of answers outside of all
        annotated faces. `found_of_class` is the share (0-1) of annotated faces that are found;
        `right_of_class` is the share that are found and classified correctly. Both leave out faces
        of less than `SIZES[0]` pixels. `by_size` has the number of `faces` and both shares by the
        lower end of the size range and by class. The result is empty without scenes.
    """
    if compared.empty:
        return {}
    annotated = compared[compared["annotated"]]
    width = annotated["right"] - annotated["left"]
    height = annotated["bottom"] - annotated["top"]
    faces = pd.DataFrame(
        {
            "side": np.minimum(width, height),
            "label": annotated["label"],
            "found": annotated["predicted"] != "",
            "right": annotated["predicted"] == annotated["label"],
        }
    )
    counted = faces[(faces["side"] >= SIZES[0]) & (faces["label"] != "")]
    by_class = counted.groupby("label")
    ranges = pd.cut(
        counted["side"],
        [*SIZES, math.inf],
        right=False,
        labels=SIZES,
    )
    by_size: dict[str, Any] = {}
    for (size, label), group in counted.groupby([ranges, "label"], observed=True):
        by_size.setdefault(str(size), {})[str(label)] = {
            "faces": len(group),
            "found": float(group["found"].mean()),
            "right": float(group["right"].mean()),
        }
    return {
        "scenes": compared["sha256"].nunique(),
        "rows_beside": int((~compared["annotated"]).sum()),
        "found_of_class": by_class["found"].mean().to_dict(),
        "right_of_class": by_class["right"].mean().to_dict(),
        "by_size": by_size,
    }


def headline(compared: pd.DataFrame) -> dict[str, float]:
    """Return the mean of `right_of_class` over the two classes, if there is a scene."""
    measured = measure(compared)
    if not measured:
        return {}
    shares = measured["right_of_class"].values()
    return {"scenes": sum(shares) / len(shares)}


def draw_outside(compared: pd.DataFrame, contents: shards.Contents) -> Image.Image:
    """Draw the answers outside of all annotated faces: objects, or people without annotation.

    Args:
        compared: from `compare`.
        contents: of the scenes.
    """
    rows = compared[~compared["annotated"]]
    surest = rows.nlargest(DRAWN, "probability")
    scenes = dict(contents(set(surest["sha256"])))
    tiles = [_tile(row, scenes[row["sha256"]]) for row in surest.to_dict("records")]
    title = f"{len(tiles)} of {len(rows)} answers outside of all annotated faces"
    return pictures.sheet(title, tiles)


def _tile(row: Mapping[Hashable, Any], content: bytes) -> Image.Image:
    part = surroundings(row, content)
    answer = f"{row['predicted']} {row['probability']:.2f}"
    return pictures.captioned(pictures.thumbnail(part), [answer, row["path"]])


def surroundings(row: Mapping[Hashable, Any], content: bytes) -> Image.Image:
    """Return the part of a photo around a row's box, twice as wide and as high as the box."""
    width = row["right"] - row["left"]
    height = row["bottom"] - row["top"]
    around = (
        int(row["left"] - width / 2),
        int(row["top"] - height / 2),
        int(row["right"] + width / 2),
        int(row["bottom"] + height / 2),
    )
    return images.open_rgb(content).crop(around)
