"""Faces from elsewhere, measured by the same code and never trained on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.conftest import CLASSES, Run, draw, set_params

ELSEWHERE = Path("data/elsewhere")


@pytest.fixture
def trained(project: Path, run: Run) -> Path:
    """A project whose network has been trained, with faces from elsewhere beside it."""
    set_params(project, {"train.epochs": 1, "evaluate.external": str(ELSEWHERE), "split.test": 0.2})
    for label in CLASSES:
        draw(ELSEWHERE / label, 6, side=50, seed=9)
    for stage in ("ingest", "resize", "split", "train"):
        run(stage)
    return project


def measured() -> dict[str, Any]:
    return dict(json.loads(Path("metrics/evaluate.json").read_text()))


@pytest.mark.usefixtures("trained")
def test_each_part_is_measured_beside_the_others(run: Run) -> None:
    run("evaluate")
    found = measured()
    assert list(found) == ["threshold", "validation", "test", "external"]
    assert found["validation"]["train_overlap"] == 0
    assert found["validation"]["images"] == found["test"]["images"] == 4
    assert found["external"]["images"] == 12
    assert found["external"]["source"] == str(ELSEWHERE)
    predictions = pd.read_csv("data/predictions.csv")
    assert predictions["part"].value_counts().to_dict() == {
        "external": 12,
        "validation": 4,
        "test": 4,
    }
    for part in ("validation", "test", "external"):
        rows = predictions[predictions["part"] == part]
        assert found[part]["accuracy"] == pytest.approx((rows.label == rows.predicted).mean())
    confusion = pd.read_csv("plots/external_confusion.csv")
    assert confusion["actual"].value_counts().to_dict() == {"WithMask": 6, "WithoutMask": 6}
    assert Path("plots/external_mistakes.png").exists()


@pytest.mark.usefixtures("trained")
def test_what_the_model_may_have_seen_is_counted_and_left_out(run: Run) -> None:
    shutil.copy("data/faces/WithMask/1.png", ELSEWHERE / "WithMask/copy.png")
    with Image.open("data/faces/WithoutMask/2.png") as image:
        image.save(ELSEWHERE / "WithoutMask/saved-again.bmp")
        image.resize((64, 64), Image.Resampling.BICUBIC).save(ELSEWHERE / "WithoutMask/large.png")
        image.rotate(5).save(ELSEWHERE / "WithoutMask/turned.png")  # nearer to one another
        image.rotate(6).save(ELSEWHERE / "WithoutMask/turned-more.png")  # than to what is known
    (ELSEWHERE / "WithMask/notes.jpg").write_text("no picture")
    run("evaluate")
    assert measured()["external"]["left_out"] == {
        "related to the collection": 5,
        "not an image": 1,
    }
    assert measured()["external"]["images"] == 12


def test_without_faces_from_elsewhere_the_rest_is_measured(trained: Path, run: Run) -> None:
    run("evaluate")
    assert list(Path("data/external").iterdir())
    set_params(trained, {"evaluate.external": "data/none"})
    run("evaluate")
    assert not list(Path("data/external").iterdir())
    assert list(measured()) == ["threshold", "validation", "test"]
    assert pd.read_csv("plots/external_confusion.csv").empty


def test_faces_from_elsewhere_that_cannot_be_used_are_one_line(
    trained: Path, complaint: Callable[[str], str]
) -> None:
    set_params(trained, {"evaluate.external": "data/nowhere.zip"})
    assert "evaluate.external = 'data/nowhere.zip': not found" in complaint("evaluate")
    set_params(trained, {"evaluate.external": "data/other"})
    draw(Path("data/other/bare"), 2)
    draw(Path("data/other/masked"), 2)
    message = complaint("evaluate")
    assert "data/other: none of 4 files is an image to learn from" in message
    assert "WithMask or WithoutMask" in message


def test_a_leak_is_repeated_beside_the_accuracy(trained: Path, run: Run) -> None:
    for number in range(10):
        file = Path(f"data/faces/WithMask/{number}.png")
        file.rename(file.with_name(f"Augmented_{number % 2}_{number}.png"))
    set_params(trained, {"split.strategy": "random"})
    for stage in ("ingest", "split", "evaluate"):
        run(stage)
    split = json.loads(Path("metrics/split.json").read_text())
    assert split["validation"]["train_overlap"] > 0
    for part in ("validation", "test"):
        related = split[part]["train_overlap"]
        assert measured()[part]["train_overlap"] == related


def test_faces_from_elsewhere_of_one_class_and_of_none_are_still_reported(
    trained: Path, run: Run
) -> None:
    shutil.rmtree(ELSEWHERE / "WithMask")
    run("evaluate")
    assert measured()["external"]["images"] == 6
    assert measured()["external"]["roc_auc"] is None
    shutil.rmtree(ELSEWHERE)
    shutil.copytree("data/faces", ELSEWHERE)
    run("evaluate")
    left_out = {"related to the collection": 20}
    assert measured()["external"] == {
        "source": str(ELSEWHERE),
        "left_out": left_out,
        "images": 0,
    }
    listed = pd.read_csv("data/external_left_out.csv")
    assert listed["reason"].value_counts().to_dict() == left_out


@pytest.mark.usefixtures("trained")
def test_headline_figures_have_intervals_and_every_change_is_measured(run: Run) -> None:
    run("evaluate")
    for part in ("validation", "external"):
        found = measured()[part]
        low, high = found["interval_95"]["accuracy"]
        assert low <= found["accuracy"] <= high
        assert len(found["decisions_changed_by"]) == 12
        assert all(0 <= share <= 1 for share in found["decisions_changed_by"].values())
        assert 0 <= found["attention_in_lower_half"] <= 1
        chart = pd.read_csv(f"plots/{part}_invariances.csv")
        changed = dict(zip(chart["change"], chart["share"], strict=True))
        assert changed == pytest.approx(found["decisions_changed_by"], abs=1e-5)
        assert Path(f"plots/{part}_attention.png").exists()
    assert set(pd.read_csv("plots/reliability.csv")) == {"probability", "share", "images"}


def test_a_wanted_recall_chooses_the_threshold_on_validation(trained: Path, run: Run) -> None:
    for recall in (0.5, 1.0):
        set_params(trained, {"evaluate.recall": recall})
        run("evaluate")
        assert measured()["validation"]["recall"] >= recall
    predictions = pd.read_csv("data/predictions.csv")
    rows = predictions[(predictions.part == "validation") & (predictions.label == "WithoutMask")]
    second = rows.probability.where(rows.predicted == "WithoutMask", 1 - rows.probability)
    assert measured()["threshold"] == pytest.approx(second.min(), abs=1e-5)
