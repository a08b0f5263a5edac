import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.conftest import Run, draw, set_params

FACES = Path("data/faces")


def split_of(run: Run) -> pd.DataFrame:
    run("ingest")
    run("split")
    return pd.read_csv("data/split.csv")


@pytest.mark.usefixtures("project")
def test_every_distinct_image_gets_the_networks_size(run: Run) -> None:
    draw(FACES / "WithMask/large", 2, side=90, seed=5)
    shutil.copy(FACES / "WithMask/0.png", FACES / "WithMask/again.png")
    run("ingest")
    run("resize")
    table = pd.read_csv("data/raw.csv")
    assert {file.stem for file in Path("data/resized").iterdir()} == set(table["sha256"])
    for file in Path("data/resized").iterdir():
        with Image.open(file) as image:
            assert (image.mode, image.size) == ("RGB", (24, 24))


def test_the_share_is_kept_in_each_class(project: Path, run: Run) -> None:
    draw(FACES / "WithMask", 30)
    set_params(project, {"split.validation": 0.3})
    table = split_of(run)
    counts = table.groupby(["label", "split"]).size()
    assert counts["WithMask", "validation"] == 9
    assert counts["WithoutMask", "validation"] == 3
    assert json.loads(Path("metrics/split.json").read_text()) == {
        "train": {"images": 28, "images_of_class": {"WithMask": 21, "WithoutMask": 7}},
        "validation": {"images": 12, "images_of_class": {"WithMask": 9, "WithoutMask": 3}},
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
    assert "class WithMask has one distinct image" in complaint("split")


@pytest.mark.usefixtures("project")
def test_every_class_is_on_both_sides_however_small(run: Run) -> None:
    for number in range(2, 10):
        (FACES / f"WithMask/{number}.png").unlink()
    table = split_of(run)
    masked = table[table["label"] == "WithMask"]
    assert sorted(masked["split"]) == ["train", "validation"]
