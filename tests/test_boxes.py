"""Classes that annotation files give: Pascal VOC and YOLO boxes."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from facemask.inference import detection
from tests.conftest import Run
from tests.helpers import drawn_faces, photo, raw_table, set_params

SET = Path("data/set")
NAMES = ("with_mask", "without_mask", "mask_weared_incorrect")
Boxes = Sequence[tuple[str, tuple[int, int, int, int]]]
BOXES: Boxes = [("with_mask", (10, 12, 50, 62)), ("without_mask", (60, 20, 100, 80))]
WIDTH, HEIGHT = 120, 90


def counted() -> dict[str, Any]:
    return dict(json.loads(Path("details/ingest.json").read_text()))


def quarantine() -> dict[str, tuple[str, str]]:
    table = pd.read_csv("data/quarantine.csv")
    return {path: (reason, detail) for _, path, reason, detail in table.to_numpy()}


def voc(boxes: Boxes, size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>"
        f"<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
        for name, box in boxes
    )
    width, height = size
    sized = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>{sized}{objects}</annotation>"


def yolo(boxes: Boxes) -> str:
    lines = []
    for name, (left, top, right, bottom) in boxes:
        x, y = (left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT
        shares = (x, y, (right - left) / WIDTH, (bottom - top) / HEIGHT)
        lines.append(" ".join([str(NAMES.index(name)), *(f"{share:.6f}" for share in shares)]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def photos(project: Path) -> Path:
    """A project whose source is six photos in `images/`, as yet without annotations."""
    set_params(project, {"ingest.source": str(SET)})
    (SET / "images").mkdir(parents=True)
    rng = np.random.default_rng(3)
    for number in range(6):
        pixels = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(SET / f"images/{number}.png")
    return project


def annotate(kind: str, boxes: Boxes = BOXES, folder: str = "") -> None:
    place = SET / (folder or {"voc": "annotations", "yolo": "labels"}[kind])
    place.mkdir(exist_ok=True)
    for number in range(6):
        if kind == "voc":
            (place / f"{number}.xml").write_text(voc(boxes))
        else:
            (place / f"{number}.txt").write_text(yolo(boxes))


def around(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return the crop of a face in this box."""
    margins = yaml.safe_load(Path("params.yaml").read_text())["crop"]
    return detection.crop(detection.Face(box, score=1), margins, (WIDTH, HEIGHT))


@pytest.mark.parametrize("folder", ["images", ""])
@pytest.mark.parametrize(
    ("kind", "file", "names"),
    [
        ("voc", "", ""),
        ("yolo", "classes.txt", "\n".join(NAMES)),
        ("yolo", "obj.names", "\r\n".join(NAMES) + "\r\n"),
        ("yolo", "data.yaml", f"nc: 3\nnames: {json.dumps(NAMES)}\n"),
        ("yolo", "data.yaml", "names:\n" + "".join(f"  {n}: {x}\n" for n, x in enumerate(NAMES))),
    ],
)
@pytest.mark.usefixtures("photos")
def test_each_box_becomes_an_image_of_its_class(
    run: Run, folder: str, kind: str, file: str, names: str
) -> None:
    annotate(kind, folder=folder)
    if file:
        (SET / file).write_text(names)
    run("ingest")
    assert counted()["images_of_class"] == {"with_mask": 6, "without_mask": 6}
    table = raw_table()
    assert list(table["path"][:3]) == ["images/0.png#1", "images/0.png#2", "images/1.png#1"]
    for row, (label, box) in zip(table.to_dict("records"), BOXES, strict=False):
        assert row["label"] == label
        Path("part.png").write_bytes(row["image"]["bytes"])
        with Image.open("part.png") as part, Image.open(SET / "images/0.png") as photo:
            np.testing.assert_array_equal(np.asarray(part), np.asarray(photo.crop(around(box))))
    assert set(counted()["quarantined_for"]) <= {"in no class"}  # the annotations themselves
    run("split")
    rows = pd.read_csv("data/split.csv")
    assert rows.groupby(rows["path"].str[:12])["group"].nunique().max() == 1
    assert rows.groupby("split")["label"].nunique().to_dict() == {"train": 2, "validation": 2}


@pytest.mark.usefixtures("photos")
def test_a_third_class_is_narrowed_away(
    run: Run, photos: Path, complaint: Callable[[str], str]
) -> None:
    annotate("voc", [*BOXES, ("mask_weared_incorrect", (0, 0, 30, 30))])
    found = "found 3: mask_weared_incorrect, with_mask, without_mask"
    assert f"{found}; name two of them in ingest.classes" in complaint("ingest")
    set_params(photos, {"ingest.classes": ["with_mask", "without_mask"]})
    run("ingest")
    assert counted()["images_of_class"] == {"with_mask": 6, "without_mask": 6}
    assert quarantine()["images/0.png#3"][0] == "in no class"
    set_params(photos, {"ingest.classes": ["with_mask", "bare"]})
    assert "gives the class bare to a good image" in complaint("ingest")


def test_a_face_that_the_finder_finds_is_cropped_as_it_finds_it_too(run: Run, photos: Path) -> None:
    shutil.rmtree(SET / "images")
    (SET / "images").mkdir()
    (SET / "annotations").mkdir()
    picture = photo(drawn_faces()[:2])
    picture.save(SET / "images/0.png")
    faces = detection.FaceDetector().find(picture)
    assert len(faces) == 2
    boxes = [("without_mask", (0, 0, 100, 100))]  # a corner of a face, where none is found
    for name, face in zip(NAMES, faces, strict=False):
        left, top, right, bottom = (round(edge) + 9 for edge in face.box)
        boxes.append((name, (left, top, right, bottom)))
    (SET / "annotations/0.xml").write_text(voc(boxes, picture.size))
    run("ingest")
    table = raw_table().set_index("path")
    names = ["#2", "#2-finder", "#3", "#3-finder"]
    assert list(table.index) == ["images/0.png#1", *(f"images/0.png{name}" for name in names)]
    assert set(table["given_group"]) == {"images/0.png"}
    margins = yaml.safe_load(Path("params.yaml").read_text())["crop"]
    for number, face in enumerate(faces, 2):
        row = table.loc[f"images/0.png#{number}-finder"]
        assert row["label"] == NAMES[number - 2]
        Path("part.png").write_bytes(row["image"]["bytes"])
        with Image.open("part.png") as part:
            expected = picture.crop(detection.crop(face, margins, picture.size))
            np.testing.assert_array_equal(np.asarray(part), np.asarray(expected))


def test_an_external_set_may_have_boxes_where_the_collection_has_folders(
    photos: Path, run: Run
) -> None:
    annotate("voc", [(name, box) for name, (_, box) in zip(("WithMask", "x"), BOXES, strict=True)])
    set_params(photos, {"ingest.source": "data/faces", "ingest.external": str(SET)})
    run("ingest")
    assert counted()["images"] == 20
    assert counted()["external"]["external"]["images_of_class"] == {"WithMask": 6}


def test_small_faces_are_left_out_and_do_not_count_as_quarantined(photos: Path, run: Run) -> None:
    small = [("with_mask", (5 * x, 70, 5 * x + 5, 75)) for x in range(20)]
    annotate("voc", [*BOXES, *small])
    set_params(photos, {"ingest.max_quarantined_share": 0.0})
    run("ingest")
    assert counted()["images_of_class"] == {"with_mask": 6, "without_mask": 6}
    assert counted()["quarantined_for"]["small face"] == 120


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb">]><annotation><name>&b;</name></annotation>'


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("<annotation><object>", "annotations/0.xml: is not well-formed XML"),
        ("", "is not well-formed XML"),
        ("\0", "is not well-formed XML"),
        ('<?xml version="1.0" encoding="none"?><annotation/>', "is not well-formed XML"),
        ("<html/>", "its root is not 'annotation'"),
        (BOMB, "has a DOCTYPE"),
        (BOMB.encode("utf-16"), "has a DOCTYPE"),
        ("<a>" * 100_000, "is not well-formed XML"),
        ("<annotation>" + " " * 1_000_000, "is larger than 1,000,000 bytes"),
        (voc([("=1+1", (0, 0, 30, 30))]), "class '=1+1': should begin with a letter"),
        (voc([("with_mask", (0, 0, 30, 30))]).replace("30", "3O"), "'3O' should be a number"),
        (voc([("with_mask", (0, 0, 30, 30))]).replace("30", "nan"), "'nan' should be a number"),
        (voc([("with_mask", (0, 0, 30, 30))], (60, 45)), "boxes for 60 x 45 pixels, the image has"),
        (voc([("with_mask", (0, 0, 122, 30))]), "0, 0, 122, 30: empty, or outside of 120 x 90"),
        (voc([("with_mask", (30, 0, 30, 30))]), "30, 0, 30, 30: empty, or outside of 120 x 90"),
        (voc([("with_mask", (-9, 0, 30, 30))]), "-9, 0, 30, 30: empty, or outside of 120 x 90"),
    ],
)
@pytest.mark.usefixtures("photos")
def test_a_bad_voc_annotation_quarantines_its_image_alone(
    run: Run, content: str | bytes, detail: str
) -> None:
    annotate("voc")
    raw = content if isinstance(content, bytes) else content.encode()
    (SET / "annotations/0.xml").write_bytes(raw)
    run("ingest")
    [found] = [one for path, one in quarantine().items() if path.startswith("images/")]
    assert found[0] == "bad annotation"
    assert detail in found[1]
    assert counted()["images"] == 10


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("0 0.5 0.5 0.2", "line 1: should be a class's number and four shares"),
        ("0 0.5 0.5 0.2 0.2\n\n1 1 1 1 0 0 0 0", "line 3: should be a class's number"),
        ("7 0.5 0.5 0.2 0.2", "line 1: class 7 has no name; there are 3"),
        ("with_mask 0.5 0.5 0.2 0.2", "line 1: should be a class's number"),
        ("0 0.5 inf 0.2 0.2", "'inf' should be a number"),
        ("0 0.5 0.5 1.2 0.2", "-12, 36, 132, 54: empty, or outside of 120 x 90 pixels"),
        ("9" * 5000 + " 0.5 0.5 0.2 0.2", "labels/0.txt: "),
        (b"\xff\xfe\x00", "labels/0.txt: "),
    ],
)
@pytest.mark.usefixtures("photos")
def test_a_bad_yolo_annotation_quarantines_its_image_alone(
    run: Run, content: str | bytes, detail: str
) -> None:
    annotate("yolo")
    (SET / "classes.txt").write_text("\n".join(NAMES))
    raw = content if isinstance(content, bytes) else content.encode()
    (SET / "labels/0.txt").write_bytes(raw)
    run("ingest")
    [found] = [one for path, one in quarantine().items() if path.startswith("images/")]
    assert found[0] == "bad annotation"
    assert detail in found[1]
    assert counted()["images"] == 10


@pytest.mark.usefixtures("photos")
def test_an_image_without_boxes_is_in_no_class_and_a_damaged_one_says_so(run: Run) -> None:
    annotate("voc")
    (SET / "annotations/0.xml").write_text(voc([]))
    (SET / "annotations/1.xml").unlink()
    content = (SET / "images/2.png").read_bytes()
    (SET / "images/2.png").write_bytes(content[: len(content) // 2])
    run("ingest")
    found = {path: reason for path, (reason, _) in quarantine().items()}
    assert found["images/0.png"] == found["images/1.png"] == "in no class"
    assert found["images/2.png"] == "truncated"
    assert counted()["images"] == 6


@pytest.mark.usefixtures("photos")
def test_names_that_differ_are_one_line(complaint: Callable[[str], str]) -> None:
    annotate("yolo")
    (SET / "classes.txt").write_text("\n".join(NAMES))
    (SET / "data.yaml").write_text("names: [a, b, c]")
    assert "classes.txt and data.yaml name different classes" in complaint("ingest")


@pytest.mark.usefixtures("photos")
def test_a_file_of_names_that_expands_is_not_read(complaint: Callable[[str], str]) -> None:
    annotate("yolo")
    lines = [
        "a: &a0 {x: 1}",
        *(f"b{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40)),
    ]
    (SET / "data.yaml").write_text("\n".join([*lines, f"names: {json.dumps(NAMES)}"]))
    assert "exactly 2 classes are needed" in complaint("ingest")


def test_boxes_of_one_class_do_not_outweigh_folders_nor_a_table(photos: Path, run: Run) -> None:
    for number, file in enumerate(sorted((SET / "images").iterdir())):
        folder = SET / ("a", "b")[number % 2]
        folder.mkdir(exist_ok=True)
        shutil.move(file, folder)
        (folder / f"{number}.xml").write_text(voc([("face", (10, 12, 50, 62))]))
    run("ingest")
    assert counted()["images_of_class"] == {"a": 3, "b": 3}
    for file in SET.rglob("*.xml"):
        file.write_text(voc(BOXES))
    rows = [f"{file.relative_to(SET)},{('c', 'd')[file.stem < '2']}" for file in SET.rglob("*.png")]
    (SET / "labels.csv").write_text("\n".join(["path,label", *rows]))
    run("ingest")
    assert counted()["images_of_class"] == {"c": 4, "d": 2}


@pytest.mark.usefixtures("photos")
def test_a_table_names_a_photo_for_all_its_boxes(run: Run) -> None:
    annotate("voc")
    (SET / "groups.csv").write_text("path,group\nimages/0.png,ann\nimages/1.png,ann\n")
    run("ingest")
    groups = raw_table().set_index("path")["given_group"]
    assert list(groups[:4]) == ["./ann"] * 4
