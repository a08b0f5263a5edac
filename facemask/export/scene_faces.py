"""How well a shipped file finds and classifies the annotated faces of scenes of several people."""

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
"""Where ranges of sizes begin, in pixels of the shorter side of an annotated face.

Smaller faces do not count.
"""

COLUMNS = ["path", "sha256", "annotated", "label", "predicted", "probability", *EDGES]

DRAWN = 48
"""Largest number of rows that `beside` draws."""


def compare(faces: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Match annotated faces with the answers about the same scenes.

    Args:
        faces: a row for each annotated face: path and sha256 of its scene, label (empty if it is
            neither of the two) and its box.
        answers: from `end_to_end.ask`.

    Returns:
        A row for each annotated face, with predicted and probability of the answer at it, empty
        without an answer; and a row without label for each answer beside all annotated faces.
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

        is_beside = [
            not any(overlap.is_at(answered_box, box) for box in boxes)
            for answered_box in answered_boxes
        ]
        beside_all = rows[is_beside].assign(path=path, label="")
        compared += [
            matched.assign(annotated=True),
            beside_all.assign(annotated=False),
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
        `scenes` and `rows_beside` are numbers. `found_of_class` and `right_of_class` are shares
        (0-1) of the annotated faces of at least `SIZES[0]` pixels: those that are found, and those
        that are found and classified correctly. `by_size` has the number of `faces` and the same
        shares for each range of sizes (by its first pixel) and class. Empty without scenes.
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


def beside(compared: pd.DataFrame, contents: shards.Contents) -> Image.Image:
    """Draw answers beside all annotated faces: objects, or people whom nobody annotated.

    Args:
        compared: from `compare`.
        contents: of the scenes.
    """
    rows = compared[~compared["annotated"]]
    surest = rows.nlargest(DRAWN, "probability")
    scenes = dict(contents(set(surest["sha256"])))
    tiles = [_tile(row, scenes[row["sha256"]]) for row in surest.to_dict("records")]
    title = f"{len(tiles)} of {len(rows)} rows beside all annotated faces"
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
