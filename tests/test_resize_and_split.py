import io
import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageOps

from facemask.data import images
from facemask.data.pixels import Pixels
from tests.conftest import Run
from tests.helpers import draw, set_params
from tools.generated import generated

FACES = Path("data/faces")


def counted() -> dict[str, Any]:
    return dict(json.loads(Path("details/split.json").read_text()))


def split_of(run: Run) -> pd.DataFrame:
    run("ingest")
    run("split")
    return pd.read_csv("data/split.csv")


@pytest.mark.usefixtures("project")
def test_every_image_gets_the_networks_size(run: Run) -> None:
    draw(FACES / "WithMask/large", 2, side=90, seed=5)
    shutil.copy(FACES / "WithMask/0.png", FACES / "WithMask/again.png")
    run("ingest")
    run("resize")
    run("split")
    table, resized = pd.read_csv("data/split.csv"), Pixels(Path("data/resized/collection"))
    assert len(table) == len(resized) == 23
    for row in table.to_dict("records"):
        with Image.open(FACES / row["path"]) as image:
            expected = np.asarray(images.resize(image, 24))
        np.testing.assert_array_equal(resized[[row["row"]]][0], expected)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("stage", "most"), [("ingest", 20_000), ("resize", 1_000)])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    run: Run, complaint: Callable[[str], str], stage: str, most: int
) -> None:
    run("ingest")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        assert "cannot be written: File too large" in complaint(stage)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(Path("data").rglob("tmp-*")) == []


def test_the_share_is_kept_in_each_class(project: Path, run: Run) -> None:
    draw(FACES / "WithMask", 30)
    set_params(project, {"split.validation": 0.3})
    table = split_of(run)
    counts = table.groupby(["label", "split"]).size()
    assert counts["WithMask", "validation"] == 9
    assert counts["WithoutMask", "validation"] == 3
    assert counted() == {
        "strategy": "grouped",
        "classes": {
            "WithMask": {"images": 30, "groups": 30, "largest_group": 1},
            "WithoutMask": {"images": 10, "groups": 10, "largest_group": 1},
        },
        "groups_of_both_classes": 0,
        "train": {
            "images": 28,
            "groups": 28,
            "images_of_class": {"WithMask": 21, "WithoutMask": 7},
            "groups_of_class": {"WithMask": 21, "WithoutMask": 7},
        },
        "validation": {
            "images": 12,
            "groups": 12,
            "images_of_class": {"WithMask": 9, "WithoutMask": 3},
            "groups_of_class": {"WithMask": 9, "WithoutMask": 3},
            "train_overlap": 0,
        },
        "in_train_start": 0,
        "external": {},
    }


def test_the_split_follows_from_the_seed_and_the_pictures_alone(project: Path, run: Run) -> None:
    draw(FACES / "WithMask", 40)
    before = split_of(run)
    for number, file in enumerate(sorted(FACES.rglob("*.png"))):
        file.rename(file.with_name(f"{977 * (number + 1) % 1000}-renamed.png"))
    renamed = split_of(run)
    by_content = before.set_index("sha256")["split"].sort_index()
    pd.testing.assert_series_equal(
        renamed.set_index("sha256")["split"].sort_index(), by_content, check_names=False
    )
    set_params(project, {"seed": 7})
    assert not split_of(run).set_index("sha256")["split"].sort_index().equals(by_content)


@pytest.mark.usefixtures("project")
def test_copies_of_a_file_stay_on_one_side(run: Run) -> None:
    for number in range(10):
        for copy in range(3):
            shutil.copy(FACES / f"WithMask/{number}.png", FACES / f"WithMask/{copy}-{number}.png")
    table = split_of(run)
    assert table.groupby("sha256")["split"].nunique().max() == 1
    masked = table[table["label"] == "WithMask"]
    assert masked["split"].value_counts().to_dict() == {"train": 32, "validation": 8}


@pytest.mark.usefixtures("project")
def test_a_class_with_one_distinct_image_is_one_line(
    run: Run, complaint: Callable[[str], str]
) -> None:
    for number in range(1, 10):
        shutil.copy(FACES / "WithMask/0.png", FACES / f"WithMask/{number}.png")
    run("ingest")
    message = complaint("split")
    assert (
        "class WithMask has 1 distinct image(s) or group(s) that train.start has not seen; 2 are"
        in message
    )


@pytest.mark.usefixtures("project")
def test_every_class_is_on_both_sides_however_small(run: Run) -> None:
    for number in range(2, 10):
        (FACES / f"WithMask/{number}.png").unlink()
    table = split_of(run)
    masked = table[table["label"] == "WithMask"]
    assert sorted(masked["split"]) == ["train", "validation"]


def smeared(face: Image.Image, angle: float, zoom: float, shear: float) -> Image.Image:
    """Rotate about the centre, zoom and shear, with the border's pixels drawn out."""
    side = max(face.size)
    framed = ImageOps.pad(face, face.size)
    pixels = np.pad(np.asarray(framed), ((side, side), (side, side), (0, 0)), "edge")
    wide = Image.fromarray(pixels).rotate(angle, Image.Resampling.BILINEAR)
    middle = (wide.width / 2, wide.height / 2)
    matrix = (1 / zoom, shear, middle[0] * (1 - 1 / zoom - shear), 0, 1 / zoom)
    wide = wide.transform(
        wide.size,
        Image.Transform.AFFINE,
        (*matrix, middle[1] * (1 - 1 / zoom)),
        Image.Resampling.BILINEAR,
    )
    return wide.crop((side, side, side + face.width, side + face.height))


def saved_hard(face: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    face.save(buffer, "JPEG", quality=30)
    return Image.open(buffer)


NEAR_DUPLICATES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "same pixels": lambda face: face,
    "re-encoded": saved_hard,
    "smaller": lambda face: ImageOps.scale(face, 0.6),
    "mirrored": ImageOps.mirror,
    "brighter": lambda face: ImageEnhance.Brightness(face).enhance(1.25),
    "less contrast": lambda face: ImageEnhance.Contrast(face).enhance(0.6),
    "turned": lambda face: smeared(face, 30, 1, 0),
    "turned and mirrored": lambda face: ImageOps.mirror(smeared(face, -25, 1, 0)),
    "closer": lambda face: smeared(face, 0, 1.4, 0),
    "further": lambda face: smeared(face, 5, 0.7, 0),
    "sheared": lambda face: smeared(face, 10, 1.1, 0.2),
}


@pytest.mark.parametrize("change", NEAR_DUPLICATES)
@pytest.mark.usefixtures("project")
def test_images_of_one_picture_are_one_group_and_strangers_are_not(run: Run, change: str) -> None:
    shutil.rmtree(FACES / "WithMask")
    (FACES / "WithMask").mkdir()
    for number, pixels in enumerate(generated(30)):
        face = Image.fromarray(pixels)
        face.save(FACES / f"WithMask/{number}.png")
        NEAR_DUPLICATES[change](face).save(FACES / f"WithMask/{number}-changed.png")
    table = split_of(run)
    assert table.groupby("group")["split"].nunique().max() == 1
    masked = table[table["label"] == "WithMask"]
    name = masked["path"].str.extract(r"/(\d+)")[0]
    found = masked.groupby(name)["group"].nunique().eq(1).sum()
    assert found >= 27, f"{found} of 30 near-duplicates found"
    assert masked.groupby("group")["path"].count().max() == 2


def related_by_name() -> None:
    """Rename the ten masked images of a project so that their names make three groups."""
    for number in range(10):
        Path(FACES / f"WithMask/{number}.png").rename(
            FACES / f"WithMask/Augmented_{number % 3}_{number}.png"
        )


def test_names_say_what_belongs_together(project: Path, run: Run) -> None:
    related_by_name()
    masked = split_of(run).query("label == 'WithMask'")
    assert masked.groupby("group").size().sort_values().to_list() == [3, 3, 4]
    assert masked.groupby("group")["split"].nunique().max() == 1
    set_params(project, {"split.group_pattern": r"_\d_(\d)"})
    assert split_of(run).query("label == 'WithMask'")["group"].nunique() == 10
    set_params(project, {"split.group_pattern": None})
    assert split_of(run)["group"].nunique() == 20


@pytest.mark.usefixtures("project")
def test_a_table_in_the_source_says_what_belongs_together(run: Run) -> None:
    (FACES / "WithMask/groups.csv").write_text("path,group\n0.png,ann\n1.png,ann\n2.png,bob\n")
    group = split_of(run).set_index("path")["group"]
    assert group["WithMask/0.png"] == group["WithMask/1.png"]
    assert group.nunique() == 19


def test_random_reports_its_own_leak(project: Path, run: Run) -> None:
    related_by_name()
    set_params(project, {"split.strategy": "random", "split.validation": 0.5})
    table = split_of(run)
    masked = table[table["label"] == "WithMask"]
    trained_on = set(masked.query("split == 'train'")["group"])
    leaked = masked.query("split == 'validation'")["group"].isin(trained_on).sum()
    assert leaked > 0
    assert counted()["validation"]["train_overlap"] == leaked
    assert counted()["strategy"] == "random"


def test_a_third_part_is_held_out(project: Path, run: Run) -> None:
    draw(FACES / "WithMask", 40)
    set_params(project, {"split.test": 0.3, "split.validation": 0.1})
    table = split_of(run)
    sides = {label: dict(rows["split"].value_counts()) for label, rows in table.groupby("label")}
    assert sides["WithMask"] == {"test": 12, "train": 24, "validation": 4}
    assert sides["WithoutMask"] == {"test": 3, "train": 6, "validation": 1}
    assert counted()["test"]["train_overlap"] == 0


def test_each_image_is_validated_in_one_fold_and_groups_stay_whole(project: Path, run: Run) -> None:
    draw(FACES / "WithMask", 40)
    for number in range(0, 40, 4):
        shutil.copy(FACES / f"WithMask/{number}.png", FACES / f"WithMask/{number}-copy.png")
    set_params(project, {"split.folds": 4, "split.test": 0.2})
    folds = []
    for fold in range(4):
        set_params(project, {"split.fold": fold})
        folds.append(split_of(run))
        shares = folds[-1].groupby("label")["split"].value_counts(normalize=True)
        assert shares["WithMask", "validation"] == pytest.approx(0.2, abs=0.03)
        assert shares["WithoutMask", "validation"] == pytest.approx(0.2)
        assert counted()["validation"]["train_overlap"] == 0
    sides = pd.concat([fold.set_index("path")["split"] for fold in folds], axis=1)
    tested = (sides == "test").sum(axis=1)
    assert set(tested) == {0, 4}
    assert ((sides == "validation").sum(axis=1) == (tested == 0)).all()


def test_a_class_with_fewer_images_than_folds_is_one_line(
    project: Path, run: Run, complaint: Callable[[str], str]
) -> None:
    set_params(project, {"split.folds": 11})
    run("ingest")
    assert "class WithMask has 10 distinct image(s)" in complaint("split")


def test_new_images_hardly_move_the_others(project: Path, run: Run) -> None:
    draw(FACES / "WithMask", 100)
    set_params(project, {"split.validation": 0.3})
    before = split_of(run).set_index("path")["split"]
    draw(FACES / "WithMask/more", 10, seed=3)
    after = split_of(run).set_index("path")["split"]
    assert (after[before.index] != before).sum() <= 5


@pytest.mark.parametrize("validation", ["val", "Valid", "validation"])
def test_folders_of_the_source_can_be_the_split(project: Path, run: Run, validation: str) -> None:
    shutil.rmtree(FACES)
    for side, count in (("Train", 6), (validation, 4), ("test", 2)):
        for label in ("WithMask", "WithoutMask"):
            draw(FACES / side / label, count, seed=len(side))
    set_params(project, {"split.strategy": "predefined"})
    assert split_of(run)["split"].value_counts().to_dict() == {
        "train": 12,
        "validation": 8,
        "test": 4,
    }


def test_a_table_of_the_source_can_be_the_split(
    project: Path, run: Run, complaint: Callable[[str], str]
) -> None:
    set_params(project, {"split.strategy": "predefined"})
    run("ingest")
    assert "does not say where 'WithMask/0.png' belongs" in complaint("split")
    paths = [f"{label}/{n}.png" for label in ("WithMask", "WithoutMask") for n in range(10)]
    lines = [f"{path},{'val' if int(path[-5]) > 7 else 'train'}\n" for path in paths]
    (FACES / "splits.csv").write_text("path,split\n" + "".join(lines))
    table = split_of(run)
    assert set(table.query("split == 'validation'")["path"].str[-5]) == {"8", "9"}
    (FACES / "splits.csv").write_text("path,split\n" + "".join(lines[:15]))
    run("ingest")
    assert "does not say where 'WithoutMask/5.png' belongs" in complaint("split")
    (FACES / "splits.csv").write_text("path,split\n" + "".join(lines).replace("val", "train"))
    run("ingest")
    assert "no WithMask image is for validation" in complaint("split")


@pytest.mark.usefixtures("project")
def test_the_largest_groups_are_pictured_and_counted(run: Run) -> None:
    related_by_name()
    split_of(run)
    with Image.open("plots/groups.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 20
    sizes = pd.read_csv("plots/group_size.csv")
    assert sizes.to_dict("list") == {
        "group_size": ["1", "2-3", "4-7"],
        "groups": [10, 2, 1],
        "images": [10, 6, 4],
    }


@pytest.mark.usefixtures("project")
def test_an_image_without_relatives_is_no_group_to_be_pictured(run: Run) -> None:
    split_of(run)
    with Image.open("plots/groups.png") as picture:
        assert picture.height < 50  # a line of text
