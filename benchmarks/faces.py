"""Measure the face finder on annotated scenes.

Run `python -m benchmarks.faces data/kaggle-853.zip data/ilc-scenes.zip` with sources of photos
that have a box at each face. It takes five minutes on one core for 1,610 photos. It writes
`benchmarks/faces.csv`: the number of annotated faces and the share that is found, by source, class
and size. The size is the shorter side of the annotated box in pixels. The table also has the number
of boxes of the face finder, the share that shows a face, and the share that shows a head. These
shares are given for the boxes from 20 pixels, as for the faces, and for all boxes.

Many boxes outside of all annotated boxes show faces that nobody annotated. A person has looked at
such boxes. The column `face` of `benchmarks/face_rows.csv` is `yes` for a face, `head` for a head
that is turned away or too blurred to show a face, and `no` otherwise. Boxes that nobody has looked
at count as `no`. They are drawn into `data/boxes-*.png` and listed in `data/boxes.csv`.
Fill in the column `face`, and append the rows to `benchmarks/face_rows.csv`.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from facemask import overlap, parallel, pictures
from facemask.export.end_to_end import EDGES
from facemask.export.scene_faces import SIZES, surroundings
from facemask.inference.detection import FaceDetector
from facemask.sources import boxes, crops
from facemask.sources.annotation import Annotation, BadAnnotationError
from facemask.sources.source import Entry, Source
from facemask.store import images, tables

RESULT = Path(__file__).with_suffix(".csv")
LOOKED_AT = Path(__file__).with_name("face_rows.csv")
UNSEEN = Path("data/boxes.csv")
NAMES_OF_SIZES = ("20 to 40", "40 to 80", "80 to 160", "from 160")
SAME_BOX = 0.5
"""Smallest intersection over union of a box and a box of `face_rows.csv` at the same face."""

TILES = 96
"""Largest number of boxes on a contact sheet."""


@dataclass
class AnnotatedFace:
    """A face with a box, in pixels, and whether the face finder finds it."""

    label: str
    edges: crops.Edges
    found: bool = False


def shorter_side(box: Sequence[int]) -> int:
    """Return the shorter side of a box in pixels."""
    left, top, right, bottom = box
    return min(right - left, bottom - top)


def look(
    detector: FaceDetector, scene: tuple[Entry, Annotation]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of a scene's annotated faces, and the rows of the face finder's boxes."""
    entry, annotation = scene
    assert not annotation.fault, annotation.fault
    image = images.open_rgb(entry.content)
    faces = []
    for box in annotation.boxes:
        with suppress(BadAnnotationError):  # the box is empty or outside of the image
            faces.append(AnnotatedFace(box.label, box.in_pixels(image.size)))
    boxes_of_finder = [face.box for face in detector.find(image)]
    for number in overlap.match([face.edges for face in faces], boxes_of_finder):
        faces[number].found = True
    rows = [
        {
            "path": entry.path,
            **dict(zip(EDGES, map(round, box), strict=True)),
            "annotated": any(overlap.is_at(box, face.edges) for face in faces),
        }
        for box in boxes_of_finder
    ]
    rows_of_faces = [
        {"label": face.label, "side": shorter_side(face.edges), "found": face.found}
        for face in faces
    ]
    return rows_of_faces, rows


def scenes(source: Source) -> Iterator[tuple[Entry, Annotation]]:
    """Yield the annotated images of a source with their boxes."""
    annotations = boxes.read(source)
    for entry in source.read(sorted(annotations)):
        yield entry, annotations[entry.path]


def judgement(name: str, row: Any, judged: pd.DataFrame) -> str | None:
    """Return what a box shows: `yes`, `head` or `no`; None if nobody has looked at it."""
    if row["annotated"]:
        return "yes"
    of_scene = judged[(judged["set"] == name) & (judged["path"] == row["path"])]
    box = [row[edge] for edge in EDGES]
    for judged_row in of_scene.to_dict("records"):
        if overlap.shared(box, [judged_row[edge] for edge in EDGES]) >= SAME_BOX:
            return str(judged_row["face"])
    return None


def measure(name: str, faces: pd.DataFrame, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the figures of a source, a row each."""
    measured = []
    for label, of_class in faces[faces["side"] >= SIZES[0]].groupby("label"):
        ranges = {f"from {SIZES[0]} pixels": of_class}
        sizes = pd.cut(of_class["side"], [*SIZES, float("inf")], right=False, labels=NAMES_OF_SIZES)
        ranges |= dict(list(of_class.groupby(sizes, observed=True)))
        for size, part in ranges.items():
            share = part["found"].mean()
            measured.append({"what": f"{label}, {size}", "number": len(part), "share": share})
    sides = rows[list(EDGES)].apply(shorter_side, axis="columns")
    large = rows[sides >= SIZES[0]]
    for size, part in {f"from {SIZES[0]} pixels": large, "of any size": rows}.items():
        for what, judgements in {"face": ["yes"], "head": ["yes", "head"]}.items():
            share = part["face"].isin(judgements).mean()
            name_of_row = f"boxes at a {what}, {size}"
            measured.append({"what": name_of_row, "number": len(part), "share": share})
    return [{"set": name, **row} for row in measured]


def draw(rows: pd.DataFrame, sources: Sequence[Source]) -> None:
    """Draw the boxes that nobody has looked at, each with its surroundings."""
    by_name = {source.name: source for source in sources}
    tiles = []
    for number, row in enumerate(rows.to_dict("records")):
        [entry] = by_name[row["set"]].read([row["path"]])
        tile = pictures.thumbnail(surroundings(row, entry.content), 96)
        tiles.append(pictures.captioned(tile, [str(number)]))
    UNSEEN.parent.mkdir(exist_ok=True)
    for first in range(0, len(tiles), TILES):
        sheet = pictures.sheet(f"boxes from {first}", tiles[first : first + TILES], columns=12)
        pictures.write(sheet, UNSEEN.with_name(f"boxes-{first}.png"))


def main(*paths: str) -> None:
    """Measure the sources and write the table."""
    judged = tables.read(LOOKED_AT)
    sources = [Source(path) for path in paths]
    measured = []
    unseen = []
    for source in sources:
        work = partial(look, FaceDetector())
        results = list(parallel.run(work, scenes(source), "scenes", "scene", local=True))
        faces = pd.DataFrame([face for of_scene, _ in results for face in of_scene])
        rows = pd.DataFrame([row for _, of_scene in results for row in of_scene])
        rows["face"] = [judgement(source.name, row, judged) for _, row in rows.iterrows()]
        measured += measure(source.name, faces, rows)
        unseen.append(rows[rows["face"].isna()].assign(set=source.name))
    table = pd.DataFrame(measured).round(4)
    tables.write(table, RESULT)
    print(table.to_string(index=False))
    new = pd.concat(unseen, ignore_index=True)
    if len(new):
        draw(new, sources)
        tables.write(new[["set", "path", *EDGES, "face"]], UNSEEN)
        print(f"{len(new)} boxes that nobody has looked at: see {UNSEEN.parent}")


if __name__ == "__main__":
    main(*sys.argv[1:])
