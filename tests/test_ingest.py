import json
import shutil
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facemask.errors import UserError
from facemask.files import remove
from facemask.sources.classes import find_classes
from facemask.store import images
from tests.conftest import Run
from tests.helpers import CLASSES, draw, raw_table, set_params

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
    return dict(json.loads(Path("details/ingest.json").read_text()))


def quarantine() -> dict[str, tuple[str, str]]:
    table = pd.read_csv("data/quarantine.csv")
    assert list(table.columns) == ["set", "path", "reason", "detail"]
    assert set(table["set"]) <= {"collection"}
    return {path: (reason, detail) for _, path, reason, detail in table.to_numpy()}


def test_good_images_are_kept_as_they_are_with_a_row_each(project: Path, run: Run) -> None:
    run("ingest")
    table = raw_table()
    columns = ["image", "path", "source", "label", "sha256", "pixels", "width", "height"]
    assert list(table.columns) == [*columns, "given_group", "given_split", "split"]
    assert len(table) == 20
    for row in table.to_dict("records"):
        assert row["image"] == {"bytes": (FACES / row["path"]).read_bytes(), "path": row["path"]}
        assert (row["width"], row["height"]) == (32, 32)
        assert row["label"] == Path(row["path"]).parent.name
    assert set(table["source"]) == {"faces"}
    assert metrics()["images_of_class"] == {"WithMask": 10, "WithoutMask": 10}
    assert metrics()["quarantined"] == 0


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_gives_what_its_folder_gives(project: Path, run: Run, kind: str) -> None:
    run("ingest")
    from_folder = raw_table()
    set_params(project, {"ingest.source": pack(kind)})
    run("ingest")
    from_archive = raw_table()
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
    assert reasons["WithMask/short.png"][0] == "truncated"
    assert reasons["WithMask/notes.jpg"][0] == "not an image"
    assert reasons["WithMask/empty.png"][0] == "not an image"
    assert metrics()["quarantined"] == 3
    assert metrics()["quarantined_for"] == {"not an image": 2, "truncated": 1}
    assert metrics()["images"] == 20


@pytest.mark.usefixtures("project")
def test_heic_is_quarantined_with_advice(run: Run) -> None:
    (FACES / "WithMask/IMG_0001.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    run("ingest")
    reason, detail = quarantine()["WithMask/IMG_0001.HEIC"]
    if images.UNREAD_HEIF:
        assert reason == "not an image"
        assert detail.endswith("; for HEIC pip install pillow-heif, or export JPEG")


@pytest.mark.usefixtures("project")
def test_a_format_that_is_read_since_the_last_run_is_read(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.effect_noise((32, 32), 90).save(FACES / "WithMask/new.gif")
    with monkeypatch.context() as before:
        before.setattr(images, "FORMATS", ("PNG",))
        run("ingest")
    assert quarantine().keys() == {"WithMask/new.gif"}
    run("ingest")
    assert quarantine() == {}


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
    assert quarantine()[first.filename][0] == "unreadable"
    assert "CRC" in quarantine()[first.filename][1]


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
    assert {reason for reason, _ in quarantine().values()} == {"in no class"}


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
        (["1", "2"], "found 0; 2 of 2 images are in no class folder; put the images of each class"),
        (["a/1", "2"], "found 1: a; 1 of 2 images are in no class folder; put the images"),
        (["a/1", "b/1", "2"], "found 2: a, b; 1 of 3 images are in no class folder; name two"),
        (["x/a/1", "x/b/1", "y/a/1", "y/b/1"], "name two in ingest.classes"),
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
    assert "not a folder, .zip, .tar or .tar.gz" in complaint("ingest")

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
    assert {path.name for path in Path("data").iterdir()} == {"faces", "cache.sqlite"}


def test_a_source_without_one_image_of_a_class_is_one_line(
    project: Path, complaint: Callable[[str], str]
) -> None:
    set_params(project, {"ingest.classes": ["WithMask", "Bare"]})
    assert "gives the class Bare to a good image" in complaint("ingest")
    for file in FACES.rglob("*.png"):
        file.write_text("no picture")
    set_params(project, {"ingest.classes": None})
    assert "none of 20 files is an image" in complaint("ingest")


def save(name: str, pixels: np.ndarray, kind: str = "PNG") -> None:
    Image.fromarray(pixels.astype(np.uint8)).save(FACES / name, kind)


NOISE = np.random.default_rng(5).integers(0, 255, (40, 200, 3))
FLAT = np.full((40, 40, 3), 90)


@pytest.mark.parametrize(
    ("name", "pixels", "kind", "reason", "detail"),
    [
        ("flat.png", FLAT, "PNG", "constant", "0.00"),
        ("flat.png", FLAT + NOISE[:, :40] % 4, "PNG", "constant", "below 2"),
        ("wide.png", NOISE, "PNG", "extreme aspect ratio", "200:40"),
        ("high.png", NOISE.transpose(1, 0, 2), "PNG", "extreme aspect ratio", "200:40"),
        ("small.png", NOISE[:15, :20], "PNG", "too small", "15 pixels"),
    ],
)
@pytest.mark.usefixtures("project")
def test_an_image_that_nothing_can_be_learned_from_is_quarantined(
    run: Run, name: str, pixels: np.ndarray, kind: str, reason: str, detail: str
) -> None:
    save(f"WithMask/{name}", pixels, kind)
    run("ingest")
    [(path, found)] = quarantine().items()
    assert path == f"WithMask/{name}"
    assert found[0] == reason
    assert detail in found[1]
    assert metrics()["images"] == 20
    assert len(raw_table()) == 20


def test_the_least_side_is_a_parameter(project: Path, run: Run) -> None:
    save("WithMask/small.png", NOISE[:15, :20])
    set_params(project, {"ingest.min_side": 15})
    run("ingest")
    assert quarantine() == {}


@pytest.mark.usefixtures("project")
def test_a_picture_under_both_labels_is_out_on_both_sides_and_each_names_the_other(
    run: Run,
) -> None:
    shutil.copy(FACES / "WithMask/0.png", FACES / "WithoutMask/copy.png")
    with Image.open(FACES / "WithMask/1.png") as image:
        image.save(FACES / "WithoutMask/saved-again.bmp")
    run("ingest")
    found = quarantine()
    assert {reason for reason, _ in found.values()} == {"under both labels"}
    assert {path: detail.split()[-1] for path, (_, detail) in found.items()} == {
        "WithMask/0.png": "WithoutMask/copy.png",
        "WithoutMask/copy.png": "WithMask/0.png",
        "WithMask/1.png": "WithoutMask/saved-again.bmp",
        "WithoutMask/saved-again.bmp": "WithMask/1.png",
    }
    assert metrics()["images"] == 18


def test_too_much_quarantine_ends_the_stage_and_says_where_to_look(
    project: Path, run: Run, complaint: Callable[[str], str]
) -> None:
    for number in range(3):
        (FACES / f"WithMask/{number}.png").write_text("no picture")
    set_params(project, {"ingest.max_quarantined_share": 0.1})
    message = complaint("ingest")
    assert "ingest.max_quarantined_share = 0.1: 0.150 of the files" in message
    assert "'not an image'" in message
    assert "data/quarantine.csv" in message
    assert len(quarantine()) == 3
    assert not Path("data/raw/collection").exists()
    set_params(project, {"ingest.max_quarantined_share": 0.15})
    run("ingest")
    assert metrics()["images"] == 17


def test_what_was_not_asked_for_does_not_count_as_quarantine(project: Path, run: Run) -> None:
    draw(FACES / "Unsure", 30)
    set_params(project, {"ingest.classes": ["WithMask", "WithoutMask"]})
    run("ingest")
    assert metrics()["quarantined_for"] == {"in no class": 30}


@pytest.mark.parametrize(
    ("table", "part"),
    [
        ("path,group\nWithMask/none.png,a\n", "path = 'WithMask/none.png': the source has no"),
        ("file,group\nWithMask/0.png,a\n", "should be CSV with path,group"),
        ("", "should be CSV with path,group"),
        ("path,group\nWithMask/0.png,=1+1\n", "group = '=1+1': should begin with a letter"),
        ('path,group\n"', "should be CSV with path,group"),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_wrong_table_of_groups_is_one_line(
    complaint: Callable[[str], str], table: str, part: str
) -> None:
    (FACES / "groups.csv").write_text(table)
    message = complaint("ingest")
    assert "groups.csv" in message
    assert part in message


@pytest.mark.usefixtures("project")
def test_the_classes_and_the_quarantined_are_pictured_and_sizes_counted(run: Run) -> None:
    (FACES / "WithMask/notes.jpg").write_text("not a picture")
    save("WithMask/large.png", NOISE[:, :80])
    run("ingest")
    for name in ("classes", "quarantine"):
        with Image.open(f"plots/{name}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 20
    sizes = pd.read_csv("plots/image_size.csv")
    assert sizes.to_dict("list") == {"shorter_side": ["32-63"], "images": [21]}


@pytest.mark.usefixtures("project")
def test_a_second_run_with_new_images_equals_a_run_from_nothing(run: Run) -> None:
    def state() -> dict[str, bytes]:
        files = [*Path("data").glob("*.csv"), *Path("data").glob("r*/*/*"), *Path().glob("*s/*")]
        return {str(file): file.read_bytes() for file in files if file.is_file()}

    stages = ("ingest", "resize", "split")
    for stage in stages:
        run(stage)
    before = state()
    draw(FACES / "WithMask/more", 5, seed=8)
    (FACES / "WithoutMask/3.png").unlink()
    for stage in stages:
        run(stage)
    again = state()
    assert again != before
    for path in [*Path("data").glob("*.sqlite*"), *Path("data").glob("cache*")]:
        remove(path)
    for stage in stages:
        run(stage)
    assert state() == again


@pytest.mark.usefixtures("project")
def test_a_cache_that_is_not_one_is_begun_anew(run: Run) -> None:
    run("ingest")
    table = raw_table()
    Path("data/cache.sqlite").write_bytes(b"no database at all" * 100)
    run("ingest")
    pd.testing.assert_frame_equal(raw_table(), table)


@pytest.mark.usefixtures("project")
def test_a_cache_in_use_is_one_line_and_left_alone(
    run: Run, complaint: Callable[[str], str]
) -> None:
    run("ingest")
    with closing(sqlite3.connect("data/cache.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "data/cache.sqlite: database is locked" in complaint("ingest")
        other.execute("ROLLBACK")
    run("ingest")


@pytest.mark.usefixtures("project")
def test_groups_of_two_tables_are_not_one(run: Run) -> None:
    for label in ("WithMask", "WithoutMask"):
        (FACES / label / "groups.csv").write_text("path,group\n0.png,1\n1.png,1\n")
    run("ingest")
    groups = raw_table().set_index("path")["given_group"]
    assert groups[groups != ""].to_dict() == {
        "WithMask/0.png": "WithMask/1",
        "WithMask/1.png": "WithMask/1",
        "WithoutMask/0.png": "WithoutMask/1",
        "WithoutMask/1.png": "WithoutMask/1",
    }


@pytest.mark.usefixtures("project")
def test_a_table_names_paths_as_they_are_on_disk(run: Run) -> None:
    draw(FACES / "WithMask/od\\d", 2, seed=4)
    (FACES / "WithMask/od\\d/=3.png").write_bytes((FACES / "WithMask/od\\d/1.png").read_bytes())
    table = "path,group\n0.png,1\n=3.png,1\n"
    (FACES / "WithMask/od\\d/groups.csv").write_text(table)
    run("ingest")
    assert (raw_table()["given_group"] != "").sum() == 2


@pytest.mark.usefixtures("project")
def test_a_photo_of_two_frames_is_a_jpeg_by_both_its_names(run: Run) -> None:
    frames = [Image.fromarray(NOISE[:, start : start + 40].astype(np.uint8)) for start in (0, 40)]
    for name in ("two.mpo", "two.jpg"):
        frames[0].save(FACES / "WithMask" / name, "MPO", save_all=True, append_images=frames[1:])
    run("ingest")
    assert quarantine() == {}


@pytest.mark.usefixtures("project")
def test_pictures_that_are_all_under_both_labels_are_one_line(
    complaint: Callable[[str], str],
) -> None:
    shutil.rmtree(FACES / "WithoutMask")
    shutil.copytree(FACES / "WithMask", FACES / "WithoutMask")
    assert "none of 20 files is an image to learn from" in complaint("ingest")


def test_an_image_under_a_wrong_ending_and_side_files_do_no_harm(run: Run, project: Path) -> None:
    set_params(project, {"ingest.max_quarantined_share": 0.0})
    save("WithMask/png.jpg", NOISE[:, :40])
    for name in ("0.txt", "0.xml", "0.json", "classes.csv", "data.yaml"):
        (FACES / "WithMask" / name).write_text("0 0.5 0.5 0.2 0.2")
    run("ingest")
    assert "WithMask/png.jpg" in set(raw_table()["path"])
    assert metrics()["quarantined_for"] == {"side file": 5}


def test_a_table_may_give_the_labels(run: Run, project: Path) -> None:
    files = [*draw(project / "data/flat", 8), *draw(project / "data/flat/more", 4, seed=3)]
    lines = [f"{file.name},{'bare' if number % 2 else 'mask'}" for number, file in enumerate(files)]
    lines[8:] = [f"more\\{line}" for line in lines[8:]]
    (project / "data/flat/labels.csv").write_text("\n".join(["path,label", *lines[:11]]) + "\n")
    set_params(project, {"ingest.source": "data/flat"})
    run("ingest")
    assert metrics()["images_of_class"] == {"bare": 5, "mask": 6}
    assert metrics()["quarantined_for"] == {"not listed": 1}


def test_three_labels_of_a_table_are_one_line(
    project: Path, complaint: Callable[[str], str]
) -> None:
    draw(project / "data/flat", 3)
    (project / "data/flat/labels.csv").write_text("path,label\n0.png,a\n1.png,b\n2.png,c\n")
    set_params(project, {"ingest.source": "data/flat"})
    assert "found 3: a, b, c; name two of them in ingest.classes" in complaint("ingest")


def test_folders_that_are_hardly_meant_as_classes_are_one_line(
    project: Path, complaint: Callable[[str], str]
) -> None:
    shutil.move(project / "data/faces", project / "data/all/dataset")
    draw(project / "data/all/docs", 3)
    set_params(project, {"ingest.source": "data/all"})
    message = complaint("ingest")
    assert "dataset (20 images) and docs (3), or the folders in dataset: " in message
    assert "WithMask and WithoutMask; name two" in message
    with pytest.raises(UserError, match="are too unequal; name the classes"):
        find_classes([*(f"a/{number}" for number in range(400)), "b/1"])


def test_names_of_macos_are_those_of_the_parameters(run: Run, project: Path) -> None:
    shutil.move(FACES / "WithMask", FACES / "Visage masque\u0301")
    (FACES / "groups.csv").write_text("path,group\nVisage masqu\u00e9/0.png,a\n")
    set_params(project, {"ingest.classes": ["Visage masque\u0301", "WithoutMask"]})
    run("ingest")
    assert set(raw_table()["label"]) == {"Visage masqu\u00e9", "WithoutMask"}
    assert (raw_table()["given_group"] != "").sum() == 1


def test_links_of_dvc_into_its_cache_are_followed(run: Run, project: Path) -> None:
    for number, file in enumerate(sorted(FACES.rglob("*.png"))):
        cached = project / ".dvc/cache/files/md5" / f"{number:02}"
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, cached)
        file.symlink_to(cached)
    run("ingest")
    assert metrics()["images"] == 20


def test_others_open_the_data_too(project: Path, run: Run, tmp_path: Path) -> None:
    duckdb, datasets = pytest.importorskip("duckdb"), pytest.importorskip("datasets")
    run("ingest")
    files = "data/raw/collection/*.parquet"
    counted = duckdb.sql(f"select label, count(*) from '{files}' group by label").fetchall()
    assert sorted(counted) == [(label, 10) for label in CLASSES]
    options = {"data_files": files, "split": "train", "cache_dir": str(tmp_path / "cache")}
    loaded = datasets.load_dataset("parquet", **options)
    paths = raw_table()["path"].tolist()
    assert sorted(loaded["path"]) == sorted(paths)
    assert loaded[0]["image"].size == (32, 32)
