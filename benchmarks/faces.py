"""Measure the face finder on annotated scenes.

Run `python -m benchmarks.faces data/kaggle-853.zip data/ilc-scenes.zip` with sources of scenes
that have a box at each face. It takes five minutes on one core for 1,610 scenes. It writes
`benchmarks/faces.csv`. For each source and class, and by the shorter side of the annotated box in
pixels, this has the number of faces and the share that is found. It also has the number of boxes
of the face finder, and the share that shows a face.

Many boxes outside of all annotated boxes show people without an annotation.
`benchmarks/face_rows.csv` says for each such box that a person looked at whether it shows a face,
`yes` or `no`. Other boxes count as no face. They are drawn into `data/boxes-*.png`, with their
numbers in `data/boxes.csv`: fill in the column `face`, and append the rows to
`benchmarks/face_rows.csv`.
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
"""Intersection over union from which a box counts as one that a person looked at."""

TILES = 96
"""Number of boxes on a sheet."""


@dataclass
class AnnotatedFace:
    """A face with a box, in pixels, and whether the face finder finds it."""

    label: str
    edges: crops.Edges
    found: bool = False

    @property
    def side(self) -> int:
        """The length of the shorter side of the box."""
        left, top, right, bottom = self.edges
        return min(right - left, bottom - top)


def look(
    detector: FaceDetector, scene: tuple[Entry, Annotation]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a row for each annotated face of a scene, and a row for each found box."""
    entry, annotation = scene
    assert not annotation.fault, annotation.fault
    image = images.open_rgb(entry.content)
    faces = []
    for box in annotation.boxes:
        with suppress(BadAnnotationError):  # the box is empty or outside of the image
            faces.append(AnnotatedFace(box.label, box.in_pixels(image.size)))
    found = [face.box for face in detector.find(image)]
    for number in overlap.match([face.edges for face in faces], found):
        faces[number].found = True
    rows = [
        {
            "path": entry.path,
            **dict(zip(EDGES, map(round, box), strict=True)),
            "annotated": any(overlap.is_at(box, face.edges) for face in faces),
        }
        for box in found
    ]
    return [{"label": f.label, "side": f.side, "found": f.found} for f in faces], rows


def scenes(source: Source) -> Iterator[tuple[Entry, Annotation]]:
    """Yield the annotated images of a source with their boxes."""
    annotations = boxes.read(source)
    for entry in source.read(sorted(annotations)):
        yield entry, annotations[entry.path]


def shows_face(name: str, row: Any, judged: pd.DataFrame) -> bool | None:
    """Return whether a box shows a face; None if nobody has looked at it."""
    if row["annotated"]:
        return True
    of_scene = judged[(judged["set"] == name) & (judged["path"] == row["path"])]
    for seen in of_scene.to_dict("records"):
        if overlap.shared([row[edge] for edge in EDGES], [seen[e] for e in EDGES]) >= SAME_BOX:
            return bool(seen["face"] == "yes")
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
    share = rows["face"].eq(True).mean()
    measured.append({"what": "boxes at a face", "number": len(rows), "share": share})
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
        looked = list(parallel.run(work, scenes(source), "scenes", "scene", local=True))
        faces = pd.DataFrame([face for of_scene, _ in looked for face in of_scene])
        rows = pd.DataFrame([row for _, of_scene in looked for row in of_scene])
        rows["face"] = [shows_face(source.name, row, judged) for _, row in rows.iterrows()]
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
