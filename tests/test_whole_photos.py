"""Whole photos, which `ingest` stores as they are and the exported file is asked about."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from facemask.export import end_to_end
from facemask.inference import photos
from facemask.inference.classifier import Classifier
from facemask.inference.detection import FaceDetector
from facemask.store import images
from tests.conftest import Run
from tests.helpers import CLASSES, REPOSITORY, draw, drawn_faces, photo, set_params

SOURCE = Path("data/whole")


@pytest.fixture
def whole(project: Path) -> Path:
    """A project with photos of one face, two of two faces, and a wall; one is broken.

    Two are scenes, as they have boxes: of a face, and of a face and of nothing.
    """
    set_params(project, {"ingest.photos": str(SOURCE)})
    faces = drawn_faces()
    for label, own in zip(CLASSES, (faces[:3], faces[3:]), strict=True):
        (SOURCE / label).mkdir(parents=True)
        for number, face in enumerate(own):
            photo([face]).save(SOURCE / label / f"{number}.png")
    photo(faces[:2]).save(SOURCE / "WithMask/two.png")
    shutil.copy(SOURCE / "WithMask/two.png", SOURCE / "WithMask/twice.png")
    Image.linear_gradient("L").resize((640, 480)).save(SOURCE / "WithoutMask/wall.png")
    (SOURCE / "WithMask/broken.jpg").write_text("not a picture")
    (SOURCE / "people.csv").write_text(
        "path,hat\nWithoutMask/wall.png,red\nWithMask/two.png,blue\n"
    )
    box = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>"
    box += "<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
    at_face = box.format("WithMask", 60, 60, 220, 230)
    elsewhere = box.format("worn_wrong", 600, 400, 700, 500) + box.format(
        "WithoutMask", 600, 30, 650, 80
    )
    face_elsewhere = box.format("WithoutMask", 400, 400, 440, 440)
    for label, boxes in zip(CLASSES, (elsewhere + at_face, face_elsewhere), strict=True):
        (SOURCE / label / "0.xml").write_text(f"<annotation>{boxes}</annotation>")
    return project


def details(stage: str) -> dict[str, Any]:
    return dict(json.loads(Path(f"details/{stage}.json").read_text()))


@pytest.mark.usefixtures("whole")
def test_the_shipped_file_is_asked_about_each_photo_from_end_to_end(run: Run) -> None:
    for stage in ("ingest", "resize", "split", "train", "evaluate", "export_tflite"):
        run(stage)
    counted = details("ingest")["photos"]
    assert (counted["images"], counted["quarantined"]) == (9, 3)
    stored = pd.read_parquet("data/raw/photos")
    for row in stored.to_dict("records"):
        assert row["image"]["bytes"] == (SOURCE / row["path"]).read_bytes()
    quarantined = pd.read_csv("data/quarantine.csv")
    assert set(quarantined["set"]) == {"photos"}

    rows = pd.read_csv("data/photos.csv", keep_default_na=False).set_index("path")
    classifier, detector = Classifier(Path("models/facemask.tflite")), FaceDetector()
    for path, answered in rows.iterrows():
        found = photos.answer(
            images.open_rgb((SOURCE / str(path)).read_bytes()), classifier, detector
        )
        assert answered["faces"] == len(found)
        assert answered["predicted"] == (found[0].answer.label if found else "")
    assert rows.loc["WithoutMask/wall.png", "faces"] == 0
    assert rows.loc[["WithMask/two.png", "WithMask/twice.png"], "faces"].tolist() == [2, 2]
    measured = details("export_tflite")["photos"]
    assert measured["photos"] == 7
    assert measured["no_answer"] == pytest.approx(1 / 7)
    assert measured["extra"] == pytest.approx(2 / 7)
    assert measured["recall_of_class"]["WithoutMask"] <= 0.75
    headline = json.loads(Path("metrics/export_tflite/balanced_accuracy.json").read_text())
    scenes = details("export_tflite")["scenes"]
    assert headline == {
        "photos": measured["balanced_accuracy"],
        "scenes": sum(scenes["right_of_class"].values()) / 2,
    }
    assert (scenes["scenes"], scenes["rows_beside"]) == (2, 1)
    assert scenes["found_of_class"] == {"WithMask": 1, "WithoutMask": 0}
    assert scenes["by_size"]["40"]["WithoutMask"] == {"faces": 2, "found": 0, "right": 0}
    assert scenes["by_size"]["160"]["WithMask"]["faces"] == 1
    with Image.open("plots/rows_beside_faces.png") as sheet:
        assert sheet.height > 128
    card = Path("models/model_card.md").read_text()
    assert "on 7 photos of one person each" in card
    assert "| from 160 pixels | WithMask | 1 | 100.0% |" in card
    assert "not measured\non masks that are worn wrong. It is not" in card
    groups = {group["value"]: group for group in details("export_tflite")["people"]["groups"]}
    assert groups["red"]["errors"] == 1  # no face is found on the wall
    predicted = str(rows.loc["WithMask/two.png", "predicted"])
    assert groups["blue"]["errors"] == (predicted != "WithMask")
    assert "| photos | hat red | WithoutMask | 1 | 100.00% | 20.65% to 100.00% |" in card

    trained = Path("models/model.keras").read_bytes()
    split = Path("data/split.csv").read_bytes()
    set_params(Path(), {"ingest.photos": None})
    for stage in ("ingest", "export_tflite"):
        run(stage)
    assert "photos" not in details("ingest")
    assert details("export_tflite")["photos"] == details("export_tflite")["scenes"] == {}
    assert json.loads(Path("metrics/export_tflite/balanced_accuracy.json").read_text()) == {}
    assert pd.read_csv("data/photos.csv").empty
    card = Path("models/model_card.md").read_text()
    assert "not measured\non whole photos" in card
    assert "on masks that are worn wrong, nor by age, sex or skin" in card
    assert Path("models/model.keras").read_bytes() == trained
    assert Path("data/split.csv").read_bytes() == split


def test_figures_are_those_counted_by_hand() -> None:
    answers = [("a", "a", 1), ("a", "b", 1), ("a", "", 0), ("a", "a", 3), ("b", "b", 1)]
    rows = pd.DataFrame(answers, columns=["label", "predicted", "faces"])
    assert end_to_end.measure(rows) == {
        "photos": 5,
        "balanced_accuracy": 0.75,
        "recall_of_class": {"a": 0.5, "b": 1.0},
        "no_answer": 0.2,
        "extra": 0.2,
    }
    assert end_to_end.headline(rows) == {"photos": 0.75}
    assert end_to_end.measure(rows.head(0)) == end_to_end.headline(rows.head(0)) == {}


def test_photos_stay_whole_where_the_collection_is_cropped(whole: Path, run: Run) -> None:
    shutil.copytree(SOURCE, "data/cropped", ignore=shutil.ignore_patterns("*.xml", "tw*"))
    set_params(whole, {"ingest.source": "data/cropped", "ingest.crop_faces": True})
    run("ingest")
    assert details("ingest")["images"] == 6
    assert details("ingest")["photos"]["images"] == 9
    assert set(pd.read_parquet("data/raw/photos")["width"]) == {800, 640}


def test_photos_that_cannot_be_used_are_one_line(
    project: Path, complaint: Callable[[str], str]
) -> None:
    set_params(project, {"ingest.photos": "data/nowhere.zip"})
    assert "ingest.photos = 'data/nowhere.zip': not found" in complaint("ingest")
    draw(Path("data/other/bare"), 2)
    draw(Path("data/other/masked"), 2)
    set_params(project, {"ingest.photos": "data/other"})
    message = complaint("ingest")
    assert "ingest.photos = 'data/other': has bare, masked where the classes are" in message
    assert "called WithMask, WithoutMask" in message
    assert not Path("data/raw").exists()


def test_the_embedded_photos_are_small_and_as_many_of_each_class(project: Path, run: Run) -> None:
    archive = REPOSITORY / "data/demo-photos.zip"
    assert archive.stat().st_size < 1_000_000
    set_params(project, {"ingest.photos": str(archive)})
    run("ingest")
    counted = details("ingest")["photos"]
    assert counted["images"] == 40 + 12
    faces = pd.read_csv("data/faces.csv")
    assert faces["path"].nunique() == 12
    assert set(faces["label"]) == set(CLASSES)
    assert "generated" in counted["description"].lower()
