"""Images of one picture are one group, and stay on one side of the split."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageOps

from tests.conftest import Run
from tests.helpers import details, set_params, split_of
from tools.generated import generated

FACES = Path("data/faces")


@pytest.mark.usefixtures("project")
def test_copies_of_a_file_stay_on_one_side(run: Run) -> None:
    for number in range(10):
        for copy in range(3):
            shutil.copy(FACES / f"WithMask/{number}.png", FACES / f"WithMask/{copy}-{number}.png")
    table = split_of(run)
    assert table.groupby("sha256")["split"].nunique().max() == 1
    masked = table[table["label"] == "WithMask"]
    assert masked["split"].value_counts().to_dict() == {"train": 32, "validation": 8}


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
        face.save(FACES / f"WithMask/{number}.png", compress_level=1)
        changed = NEAR_DUPLICATES[change](face)
        changed.save(FACES / f"WithMask/{number}-changed.png", compress_level=1)
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
    assert details(Path())["split"]["validation"]["train_overlap"] == leaked
    assert details(Path())["split"]["strategy"] == "random"


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
