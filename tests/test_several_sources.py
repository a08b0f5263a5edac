"""Several sources in one run: each with its own layout and annotation."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.conftest import Run
from tests.helpers import draw, drawn_faces, photo, raw_table, set_params, split_of

SOURCES = Path("data/sources")
CLASSES = {
    "WithMask": ["with_mask", "mask"],
    "WithoutMask": ["without_mask", "no_mask"],
    "ignore": ["worn_wrong"],
}
VOC = """<annotation><object><name>{}</name><bndbox>
<xmin>2</xmin><ymin>2</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object></annotation>"""


@pytest.fixture
def sources(project: Path) -> Path:
    """A project of an archive of class folders, photos with boxes, and a table of labels."""
    set_params(project, {"ingest.source": str(SOURCES), "ingest.classes": CLASSES})
    SOURCES.mkdir()
    shutil.make_archive(str(SOURCES / "faces"), "zip", "data/faces")
    names = ["with_mask", "without_mask", "worn_wrong", "with_mask"]
    for file, name in zip(draw(SOURCES / "scenes/images", 4, seed=1), names, strict=True):
        annotation = SOURCES / "scenes/annotations" / f"{file.stem}.xml"
        annotation.parent.mkdir(exist_ok=True)
        annotation.write_text(VOC.format(name))
    draw(SOURCES / "listed/all", 3, seed=2)
    table = "path,label\nall/0.png,mask\nall/1.png,no_mask\nall/2.png,worn_wrong\n"
    (SOURCES / "listed/labels.csv").write_text(table)
    (SOURCES / "listed/README.txt").write_text("Drawn for a test.\n")
    (SOURCES / "faces.zip.dvc").write_text("outs: []")
    return project


def counted() -> dict[str, Any]:
    return dict(json.loads(Path("details/ingest.json").read_text()))


def test_each_source_keeps_its_own_layout_and_names(sources: Path, run: Run) -> None:
    run("ingest")
    table = raw_table()
    counts = table.groupby(["source", "label"]).size().to_dict()
    assert counts == {
        ("faces", "WithMask"): 10,
        ("faces", "WithoutMask"): 10,
        ("listed", "WithMask"): 1,
        ("listed", "WithoutMask"): 1,
        ("scenes", "WithMask"): 2,
        ("scenes", "WithoutMask"): 1,
    }
    paths = set(table["path"])
    assert {"faces/WithMask/0.png", "listed/all/0.png", "scenes/images/0.png#1"} <= paths
    groups = table.set_index("path")["given_group"]
    assert groups["scenes/images/0.png#1"] == "scenes/images/0.png"
    quarantined = pd.read_csv("data/quarantine.csv").set_index("path")["reason"]
    assert quarantined["listed/all/2.png"] == "in no class"
    assert quarantined["scenes/images/2.png#1"] == "in no class"
    summary = counted()
    assert summary["images_of_class"] == {"WithMask": 13, "WithoutMask": 12}
    assert summary["sources"]["scenes"]["images"] == 3
    assert summary["description"] == "faces; Drawn for a test.; scenes"


def test_copies_in_two_sources_are_one_group(sources: Path, run: Run) -> None:
    shutil.copytree("data/faces/WithMask", SOURCES / "copies/with_mask")
    table = split_of(run).set_index("path")
    for number in range(10):
        copies = [f"faces/WithMask/{number}.png", f"copies/with_mask/{number}.png"]
        assert table.loc[copies, "group"].nunique() == 1
        assert table.loc[copies, "split"].nunique() == 1


def test_a_picture_under_both_labels_in_two_sources_is_out(sources: Path, run: Run) -> None:
    (SOURCES / "wrong/with_mask").mkdir(parents=True)
    shutil.copy("data/faces/WithoutMask/0.png", SOURCES / "wrong/with_mask/0.png")
    shutil.copy("data/faces/WithMask/0.png", SOURCES / "wrong/with_mask/1.png")
    run("ingest")
    table = pd.read_csv("data/quarantine.csv").query("reason == 'under both labels'")
    assert set(table["path"]) == {"faces/WithoutMask/0.png", "wrong/with_mask/0.png"}


def test_sources_of_whole_photos_are_cropped_by_name(
    sources: Path, run: Run, complaint: Callable[[str], str]
) -> None:
    (SOURCES / "photos/mask").mkdir(parents=True)
    photo(drawn_faces()[:1]).save(SOURCES / "photos/mask/0.png")
    set_params(sources, {"ingest.crop_faces": ["photos"]})
    run("ingest")
    widths = raw_table().set_index("path")["width"].to_dict()
    assert widths["photos/mask/0.png"] < 400
    assert counted()["sources"]["faces"]["images"] == 20
    set_params(sources, {"ingest.crop_faces": ["photo"]})
    allowed = "faces, listed, photos, scenes"
    assert f"ingest.crop_faces: no source is called photo; there are {allowed}" in complaint(
        "ingest"
    )


@pytest.mark.usefixtures("sources")
def test_a_source_that_cannot_be_used_is_one_line(complaint: Callable[[str], str]) -> None:
    (SOURCES / "broken.zip").write_bytes(b"no archive")
    assert "ingest.source = 'data/sources/broken.zip': cannot be read" in complaint("ingest")
    (SOURCES / "broken.zip").unlink()
    (SOURCES / "a b/mask").mkdir(parents=True)
    assert "the set 'a b' should have a name of its own" in complaint("ingest")
