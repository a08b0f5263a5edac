"""Measure the answers about photos of several people, with and without finding faces.

Run `python -m benchmarks.composites [MODEL]` in a clone after `dvc repro`; it takes half an hour
on one core. It pastes pictures of one to sixteen people on a drawn background. Then it finds, crops
and classifies the faces. The pictures are the external images, and validation images: one from each
group, and equally many of each class. One masked external image in ten shows a whole person or a
crowd. In such an image, only the first large box counts as the person; other boxes count as wrong.

It writes `benchmarks/composites.csv`. For each class, this has the share of people who are found,
the share who are found and classified correctly (recall), and the share of labels that are correct
(precision). For comparison, it also classifies the whole photo at the network's input size, as the
notebook's app does, and takes this label for each person.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFilter
from tqdm import tqdm

from facemask.inference import photos
from facemask.inference.classifier import Classifier
from facemask.inference.detection import Box, FaceDetector
from facemask.store import images, shards, tables
from stages import paths

WIDTH, HEIGHT = 1280, 960
GRIDS = ((1, 1), (2, 1), (3, 2), (4, 4))
"""Columns and rows of the people in a photo."""

MIN_SHARE = 0.4
MAX_SHARE = 0.9
"""Limits of the longer side of a picture, as a share of the shorter side of its cell."""

LAYOUTS = 3
"""How often each face is used, with other neighbours, another position and another size."""

RECTANGLES = 12
MODEL = Path("results/published/facemask.tflite")
RESULT = Path(__file__).with_suffix(".csv")

Labelled = tuple[str, bytes]


class Person(NamedTuple):
    """A picture of a face in a photo: its class and its box."""

    label: str
    box: Box


def compose(
    faces: Sequence[Labelled], grid: tuple[int, int], rng: np.random.Generator
) -> tuple[Image.Image, list[Person]]:
    """Place faces in front of a background, each somewhere in a cell of the grid."""
    photo = background(rng)
    people = []
    cell = (WIDTH // grid[0], HEIGHT // grid[1])
    for number, (label, content) in enumerate(faces):
        face = images.open_rgb(content)
        scale = min(cell) * rng.uniform(MIN_SHARE, MAX_SHARE) / max(face.size)
        face = face.resize((round(face.width * scale), round(face.height * scale)))
        row, column = divmod(number, grid[0])
        left = column * cell[0] + int(rng.integers(0, cell[0] - face.width + 1))
        top = row * cell[1] + int(rng.integers(0, cell[1] - face.height + 1))
        photo.paste(face, (left, top))
        people.append(Person(label, (left, top, left + face.width, top + face.height)))
    return photo, people


def background(rng: np.random.Generator) -> Image.Image:
    """Draw blurred rectangles that resemble walls and furniture."""
    colours = rng.integers(20, 236, (RECTANGLES + 1, 3)).tolist()
    photo = Image.new("RGB", (WIDTH, HEIGHT), tuple(colours.pop()))
    draw = ImageDraw.Draw(photo)
    for colour in colours:
        left, top = rng.integers(0, (WIDTH, HEIGHT)).tolist()
        right = left + rng.integers(30, WIDTH // 2)
        bottom = top + rng.integers(30, HEIGHT // 2)
        draw.rectangle((left, top, int(right), int(bottom)), tuple(colour))
    return photo.filter(ImageFilter.GaussianBlur(3))


def match(box: Box, people: Sequence[Person]) -> int | None:
    """Return the index of the person whom a box shows; None if it shows nobody.

    More than half of the box lies in the person's picture, and the box has more than 5 % of the
    picture's area.
    """
    for number, person in enumerate(people):
        left, top = np.maximum(box[:2], person.box[:2])
        right, bottom = np.minimum(box[2:], person.box[2:])
        shared = max(0, right - left) * max(0, bottom - top)
        if shared > 0.5 * _area(box) and _area(box) > 0.05 * _area(person.box):
            return number
    return None


def measure(
    composed: Iterator[tuple[Image.Image, list[Person]]],
    detector: FaceDetector,
    classifier: Classifier,
) -> pd.DataFrame:
    """Return the figures of photos with the same number of people, a row for each class."""
    counts: dict[str, Counter[str]] = {label: Counter() for label in classifier.contract.labels}
    for photo, people in composed:
        full_frame = classifier.classify(photo).label
        found_people: set[int] = set()
        for person in people:
            counts[person.label]["people"] += 1
            counts[full_frame]["full_frame_given"] += 1
            counts[full_frame]["full_frame_right"] += person.label == full_frame
        for face in photos.answer(photo, classifier, detector):
            if face.too_small:
                continue
            label = face.label
            number = match(face.box, people)
            counts[label]["given"] += 1
            if number is not None and number not in found_people:
                found_people.add(number)
                counts[people[number].label]["found"] += 1
                counts[label]["right"] += people[number].label == label
    table = pd.DataFrame(counts).T.fillna(0)
    return pd.DataFrame(
        {
            "people": table.people.astype(int),
            "found": table.found / table.people,
            "recall": table.right / table.people,
            "precision": table.right / table.given,
            "full_frame_recall": table.full_frame_right / table.people,
            "full_frame_precision": table.full_frame_right / table.full_frame_given,
        }
    ).rename_axis("label")


def laid_out(
    faces: Sequence[Labelled], grid: tuple[int, int], name: str
) -> Iterator[tuple[Image.Image, list[Person]]]:
    """Yield photos with a face in each cell of the grid, and show progress.

    Every face occurs once in each of `LAYOUTS`.
    """
    each = grid[0] * grid[1]
    starts = range(0, len(faces), each)
    description = f"{name}, {each} in a photo"
    with tqdm(None, description, LAYOUTS * len(starts), unit="photo", disable=None) as bar:
        for layout in range(LAYOUTS):
            rng = np.random.default_rng(layout)
            order = rng.permutation(len(faces))
            for start in starts:
                yield compose([faces[i] for i in order[start : start + each]], grid, rng)
                bar.update()


def read(rows: pd.DataFrame, folder: Path) -> list[Labelled]:
    """Return the labelled images of a table from their shards."""
    contents = dict(shards.contents(folder)(set(rows["sha256"])))
    return [
        (label, contents[sha256])
        for label, sha256 in zip(rows["label"], rows["sha256"], strict=True)
    ]


def main(model: Path = MODEL) -> None:
    """Measure photos of each size and write the table."""
    detector = FaceDetector()
    classifier = Classifier(model)
    validation = tables.subset(tables.read(paths.SPLIT), tables.VALIDATION)
    groups = validation.drop_duplicates("group").groupby("label")
    drawn = groups.sample(groups.size().min(), random_state=0)
    subsets = {
        "validation": read(drawn, paths.RAW),
        "external": read(tables.read(paths.EXTERNAL), paths.RAW_EXTERNAL),
    }
    measured = {
        (name, columns * rows): measure(
            laid_out(faces, (columns, rows), name), detector, classifier
        )
        for name, faces in subsets.items()
        for columns, rows in GRIDS
    }
    result = pd.concat(measured, names=["faces", "people_in_photo"]).round(4)
    tables.write(result.reset_index(), RESULT)
    print(result.to_string())


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
