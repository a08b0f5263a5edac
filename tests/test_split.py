"""How `split` draws train, validation and test."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Run
from tests.helpers import details, draw, set_params, split_of

FACES = Path("data/faces")


def test_the_share_is_kept_in_each_class(project: Path, run: Run) -> None:
    draw(FACES / "WithMask", 30)
    set_params(project, {"split.validation": 0.3})
    table = split_of(run)
    counts = table.groupby(["label", "split"]).size()
    assert counts["WithMask", "validation"] == 9
    assert counts["WithoutMask", "validation"] == 3
    assert details(Path())["split"] == {
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
def test_a_class_with_one_distinct_image_is_one_line(
    run: Run, complaint: Callable[[str], str]
) -> None:
    for number in range(1, 10):
        shutil.copy(FACES / "WithMask/0.png", FACES / f"WithMask/{number}.png")
    run("ingest")
    message = complaint("split")
    assert (
        "class WithMask has 1 distinct image(s) or group(s) that train.start has not seen; "
        "at least 2 are needed" in message
    )


@pytest.mark.usefixtures("project")
def test_every_class_is_on_both_sides_however_small(run: Run) -> None:
    for number in range(2, 10):
        (FACES / f"WithMask/{number}.png").unlink()
    table = split_of(run)
    masked = table[table["label"] == "WithMask"]
    assert sorted(masked["split"]) == ["train", "validation"]


def test_a_third_part_is_held_out(project: Path, run: Run) -> None:
    draw(FACES / "WithMask", 40)
    set_params(project, {"split.test": 0.3, "split.validation": 0.1})
    table = split_of(run)
    sides = {label: dict(rows["split"].value_counts()) for label, rows in table.groupby("label")}
    assert sides["WithMask"] == {"test": 12, "train": 24, "validation": 4}
    assert sides["WithoutMask"] == {"test": 3, "train": 6, "validation": 1}
    assert details(Path())["split"]["test"]["train_overlap"] == 0


def test_each_image_is_validated_in_one_fold_and_groups_stay_whole(project: Path, run: Run) -> None:
    draw(FACES / "WithMask", 40)
    for number in range(0, 40, 4):
        shutil.copy(FACES / f"WithMask/{number}.png", FACES / f"WithMask/{number}-copy.png")
    set_params(project, {"split.folds": 4, "split.test": 0.2})
    run("ingest")
    folds = []
    for fold in range(4):
        set_params(project, {"split.fold": fold})
        run("split")
        folds.append(pd.read_csv("data/split.csv"))
        shares = folds[-1].groupby("label")["split"].value_counts(normalize=True)
        assert shares["WithMask", "validation"] == pytest.approx(0.2, abs=0.03)
        assert shares["WithoutMask", "validation"] == pytest.approx(0.2)
        assert details(Path())["split"]["validation"]["train_overlap"] == 0
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
