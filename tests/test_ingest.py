import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from facemask.errors import UserError
from facemask.source import find_classes
from tests.conftest import Run, draw, set_params

FACES = Path("data/faces")


def pack(kind: str) -> str:
    """Archive the pictures of a project under a folder of their own; give its path."""
    path = Path(f"data/faces.{kind}")
    files = sorted(FACES.rglob("*.png"), reverse=True)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            for file in files:
                packed.write(file, f"Face Set/{file.relative_to(FACES)}")
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as tape:
            for file in files:
                tape.add(file, f"./Face Set/{file.relative_to(FACES)}")
    return str(path)


def metrics() -> dict[str, object]:
    return dict(json.loads(Path("metrics/ingest.json").read_text()))


def quarantine() -> dict[str, str]:
    table = pd.read_csv("data/quarantine.csv")
    return dict(zip(table["path"], table["reason"], strict=True))


def test_good_images_are_kept_as_they_are_with_a_row_each(project: Path, run: Run) -> None:
    run("ingest")
    table = pd.read_csv("data/raw.csv")
    assert list(table.columns) == ["path", "label", "sha256", "width", "height"]
    assert len(table) == 20
    for row in table.to_dict("records"):
        kept = project / f"data/raw/{row['sha256']}"
        assert kept.read_bytes() == (FACES / row["path"]).read_bytes()
        assert (row["width"], row["height"]) == (32, 32)
        assert row["label"] == Path(row["path"]).parent.name
    assert len(list(Path("data/raw").iterdir())) == 20
    assert metrics()["images_of_class"] == {"WithMask": 10, "WithoutMask": 10}
    assert metrics()["quarantined"] == 0


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_gives_what_its_folder_gives(project: Path, run: Run, kind: str) -> None:
    run("ingest")
    from_folder = pd.read_csv("data/raw.csv")
    set_params(project, {"ingest.source": pack(kind)})
    run("ingest")
    from_archive = pd.read_csv("data/raw.csv")
    assert list(from_archive["path"]) == [f"Face Set/{path}" for path in from_folder["path"]]
    columns = ["label", "sha256", "width", "height"]
    pd.testing.assert_frame_equal(from_archive[columns], from_folder[columns])


@pytest.mark.usefixtures("project")
def test_what_cannot_be_decoded_is_quarantined_and_the_run_goes_on(run: Run) -> None:
    whole = (FACES / "WithMask/0.png").read_bytes()
    (FACES / "WithMask/short.png").write_bytes(whole[: len(whole) // 2])
    (FACES / "WithMask/notes.jpg").write_text("not a picture")
    (FACES / "WithMask/empty.png").touch()
    run("ingest")
    reasons = quarantine()
    assert reasons.keys() == {"WithMask/short.png", "WithMask/notes.jpg", "WithMask/empty.png"}
    assert "truncated" in reasons["WithMask/short.png"]
    assert "not an image" in reasons["WithMask/notes.jpg"]
    assert metrics()["quarantined"] == 3
    assert metrics()["images"] == 20


def test_a_damaged_member_of_an_archive_is_quarantined(project: Path, run: Run) -> None:
    path = Path(pack("zip"))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as packed:
        first = packed.infolist()[0]
    content[first.header_offset + 200] ^= 0xFF
    path.write_bytes(content)
    set_params(project, {"ingest.source": str(path)})
    run("ingest")
    assert list(quarantine()) == [first.filename]
    assert "CRC" in quarantine()[first.filename]


@pytest.mark.usefixtures("project")
def test_what_operating_systems_leave_behind_is_passed_over(run: Run) -> None:
    for name in ("WithMask/.DS_Store", "WithMask/Thumbs.db", "__MACOSX/WithMask/._0.png"):
        file = FACES / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"litter")
    run("ingest")
    assert quarantine() == {}


@pytest.mark.usefixtures("project")
def test_the_first_line_of_a_readme_in_the_source_describes_it(run: Run) -> None:
    (FACES / "README.txt").write_text("Drawn for a test.\nMore of it.\n")
    run("ingest")
    assert metrics()["description"] == "Drawn for a test."
    assert quarantine() == {}


def test_named_classes_choose_among_the_folders(project: Path, run: Run) -> None:
    draw(FACES / "Unsure", 3)
    set_params(project, {"ingest.classes": ["WithoutMask", "WithMask"]})
    run("ingest")
    assert metrics()["images_of_class"] == {"WithMask": 10, "WithoutMask": 10}
    assert len(quarantine()) == 3
    assert set(quarantine().values()) == {"in no folder named WithoutMask or WithMask"}


@pytest.mark.parametrize(
    ("paths", "classes"),
    [
        (["a/1", "b/1"], ("a", "b")),
        (["Set/b/1", "Set/a/1"], ("a", "b")),
        (["a/phone/1", "a/web/1", "b/2"], ("a", "b")),
        (["a/phone/1", "b/web/1"], ("a", "b")),
        (["Train/a/1", "Train/b/1", "Test/a/1", "Test/b/1"], ("a", "b")),
        (["a/train/1", "b/train/1", "a/val/1"], ("a", "b")),
        (["home/a/1", "home/b/1", "street/a/1", "garden/b/1"], ("a", "b")),
    ],
)
def test_the_class_is_a_folder_at_any_depth(paths: list[str], classes: tuple[str, str]) -> None:
    assert find_classes(paths) == classes


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a/1"], "found 1: a"),
        (["a/1", "b/1", "c/1"], "found 3: a, b, c"),
        (["train/a/1", "train/b/1", "val/c/1"], "found 3: a, b, c"),
        (["1", "2"], r"found 1: \(no folder\)"),
        (["x/a/1", "x/b/1", "y/a/1", "y/b/1"], "name two of them"),
    ],
)
def test_folders_that_are_not_two_classes_are_an_error(paths: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_classes(paths)


def test_a_source_that_cannot_be_used_is_one_line(
    project: Path, complaint: Callable[[str], str]
) -> None:
    set_params(project, {"ingest.source": "data/nowhere.zip"})
    assert "'data/nowhere.zip': not found" in complaint("ingest")

    Path("data/nothing").mkdir()
    set_params(project, {"ingest.source": "data/nothing"})
    assert "'data/nothing': is empty" in complaint("ingest")

    Path("data/notes.txt").write_text("text")
    set_params(project, {"ingest.source": "data/notes.txt"})
    assert "no folder, .zip, .tar or .tar.gz" in complaint("ingest")

    whole = Path(pack("tar.gz")).read_bytes()
    Path("data/half.tar.gz").write_bytes(whole[: len(whole) // 2])
    set_params(project, {"ingest.source": "data/half.tar.gz"})
    assert "'data/half.tar.gz': cannot be read" in complaint("ingest")


@pytest.mark.usefixtures("project")
def test_too_few_or_too_many_classes_are_one_line_and_leave_nothing(
    complaint: Callable[[str], str],
) -> None:
    draw(FACES / "Third", 2)
    assert "found 3: Third, WithMask, WithoutMask" in complaint("ingest")
    shutil.rmtree(FACES / "Third")
    shutil.rmtree(FACES / "WithMask")
    assert "found 1: WithoutMask" in complaint("ingest")
    assert {path.name for path in Path("data").iterdir()} == {"faces"}


def test_a_source_without_one_image_of_a_class_is_one_line(
    project: Path, complaint: Callable[[str], str]
) -> None:
    set_params(project, {"ingest.classes": ["WithMask", "Bare"]})
    assert "no image in a folder named Bare" in complaint("ingest")
    for file in FACES.rglob("*.png"):
        file.write_text("no picture")
    set_params(project, {"ingest.classes": None})
    assert "none of 20 files is an image" in complaint("ingest")
