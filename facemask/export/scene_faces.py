"""How well a shipped file finds and judges the annotated faces of scenes with several people."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from PIL import Image

from facemask import overlap, pictures
from facemask.export.end_to_end import EDGES
from facemask.store import images, shards

SIZES = (20, 40, 80, 160)
"""Pixels of the shorter side of an annotated face, from which it counts, and where a next range of
sizes begins."""

COLUMNS = ["path", "sha256", "annotated", "label", "predicted", "probability", *EDGES]

SHOWN = 48
"""Most rows that are drawn by `beside`."""


def compare(faces: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Match annotated faces with the rows that are answered about the same scenes.

    Args:
        faces: a row for each annotated face: path and sha256 of its scene, label (empty where that
            is neither of the two) and its box.
        answers: from `end_to_end.ask`.

    Returns:
        A row for each annotated face, with predicted and probability of the row at it, empty where
        there is none; and a row for each answer beside all annotated faces, which has no label.
    """
    compared = []
    for path, annotated in faces.groupby("path", sort=False):
        rows = answers[answers["sha256"] == annotated["sha256"].iloc[0]]
        boxes = annotated[EDGES].to_numpy().tolist()
        found = rows[EDGES].to_numpy().tolist()
        matches = overlap.match(boxes, found)
        answered = rows[["predicted", "probability"]].iloc[list(matches.values())]
        answered.index = pd.Index(matches.keys(), dtype=int)
        own = annotated.reset_index(drop=True).join(answered).assign(annotated=True)
        is_beside = [not any(overlap.is_at(row, box) for box in boxes) for row in found]
        others = rows[is_beside].assign(path=path, annotated=False, label="")
        compared += [own, others]
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
        scenes and rows_beside, numbers; found_of_class and right_of_class, the shares (0-1) of the
        annotated faces of at least `SIZES[0]` pixels that have a row, and whose row is right; and
        by_size, for each range of sizes (its first pixel) and class: faces, a number, and the same
        shares. Empty where there is no scene.
    """
    if compared.empty:
        return {}
    annotated = compared[compared["annotated"]]
    sides = annotated[["right", "bottom"]].to_numpy() - annotated[["left", "top"]].to_numpy()
    counted = annotated.assign(side=sides.min(axis=1))
    counted = counted[(counted["side"] >= SIZES[0]) & (counted["label"] != "")]
    counted["found"] = counted["predicted"] != ""
    counted["right_label"] = counted["predicted"] == counted["label"]
    by_class = counted.groupby("label")
    ranges = pd.cut(counted["side"], [*SIZES, float("inf")], right=False, labels=SIZES)
    return {
        "scenes": compared["sha256"].nunique(),
        "rows_beside": int((~compared["annotated"]).sum()),
        "found_of_class": by_class["found"].mean().to_dict(),
        "right_of_class": by_class["right_label"].mean().to_dict(),
        "by_size": {
            str(size): {
                str(label): {
                    "faces": len(faces),
                    "found": float(faces["found"].mean()),
                    "right": float(faces["right_label"].mean()),
                }
                for label, faces in of_size.groupby("label")
            }
            for size, of_size in counted.groupby(ranges, observed=True)
        },
    }


def headline(compared: pd.DataFrame) -> dict[str, float]:
    """Return the mean of the two shares of faces that are found and right, if there is a scene."""
    measured = measure(compared)
    if not measured:
        return {}
    shares = measured["right_of_class"].values()
    return {"scenes": sum(shares) / len(shares)}


def beside(compared: pd.DataFrame, contents: shards.Contents) -> Image.Image:
    """Draw rows beside all annotated faces: things, or people whom nobody annotated.

    Args:
        compared: from `compare`.
        contents: of the scenes.
    """
    rows = compared[~compared["annotated"]]
    some = rows.nlargest(SHOWN, "probability")
    scenes = dict(contents(set(some["sha256"])))
    tiles = [_tile(row, scenes[row["sha256"]]) for row in some.to_dict("records")]
    title = f"{len(tiles)} of {len(rows)} rows beside all annotated faces"
    return pictures.sheet(title, tiles)


def _tile(row: Mapping[Hashable, Any], content: bytes) -> Image.Image:
    """Return the surroundings of a row's box, twice as wide and as high as the box."""
    width = row["right"] - row["left"]
    height = row["bottom"] - row["top"]
    around = (
        int(row["left"] - width / 2),
        int(row["top"] - height / 2),
        int(row["right"] + width / 2),
        int(row["bottom"] + height / 2),
    )
    part = pictures.thumbnail(images.open_rgb(content).crop(around))
    return pictures.captioned(part, [f"{row['predicted']} {row['probability']:.2f}", row["path"]])
