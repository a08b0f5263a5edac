"""Trainings that start from the weights of another one, and what keeps that honest."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facemask.model import network, training
from facemask.store import signature
from tests.conftest import Run
from tests.helpers import CLASSES, REPOSITORY, draw, run_stages, set_params, small_project

EARLY = ("ingest", "resize", "split")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = small_project(tmp_path_factory.mktemp("start"))
    set_params(project, {"train.min_steps": 30})
    run_stages(project, *EARLY, "train")
    shutil.move(project / "models/model.keras", project / "start.keras")
    shutil.move(project / "data/faces", project / "data/old")
    set_params(project, {"train.start": "start.keras", "train.min_steps": 0})
    return project


@pytest.fixture
def started(start: Path, copied: Callable[[Path], Path]) -> Path:
    """A project with a `start.keras` that was trained on its images, which are gone."""
    return copied(start)


def trained_on() -> dict[str, list[Path]]:
    """The old images that the start was trained on, by class."""
    table = pd.read_csv("data/split.csv")
    paths = table[table["split"] == "train"].groupby("label")["path"].apply(list)
    return {label: [Path("data/old") / path for path in paths[label]] for label in CLASSES}


def test_copies_of_what_the_start_saw_are_never_validated_on(started: Path, run: Run) -> None:
    copies = set()
    for label, files in trained_on().items():
        draw(started / "data/faces" / label, 10, seed=7)
        for number, file in enumerate(files[:4]):
            side = (32, 64, 24, 32)[number]
            copy = started / "data/faces" / label / f"copy{number}.jpg"
            Image.open(file).resize((side, side), Image.Resampling.BICUBIC).save(copy, quality=90)
            copies.add(f"{label}/{copy.name}")
    set_params(started, {"split.validation": 0.4, "split.test": 0.2})
    for stage in EARLY:
        run(stage)
    table = pd.read_csv("data/split.csv")
    assert set(table["path"]) > copies
    assert set(table[table["path"].isin(copies)]["split"]) == {"train"}
    assert table["split"].value_counts()["validation"] == 8
    assert json.loads(Path("details/split.json").read_text())["in_train_start"] == len(copies)


def test_external_copies_are_excluded(started: Path, run: Run) -> None:
    for label, files in trained_on().items():
        draw(started / "data/faces" / label, 6, seed=7)
        draw(started / "data/elsewhere" / label, 3, seed=8)
        shutil.copy(files[0], started / "data/elsewhere" / label / "copy.png")
    set_params(started, {"ingest.external": "data/elsewhere"})
    for stage in EARLY:
        run(stage)
    excluded = pd.read_csv("data/excluded.csv")
    assert set(excluded["path"]) == {f"{label}/copy.png" for label in CLASSES}
    assert set(excluded["reason"]) == {"train.start was trained on it"}


def test_a_collection_that_the_start_knows_is_refused(
    started: Path, run: Run, complaint: Callable[[str], str]
) -> None:
    for label, files in trained_on().items():
        (started / "data/faces" / label).mkdir(parents=True)
        for file in files:
            shutil.copy(file, started / "data/faces" / label)
    for stage in EARLY[:2]:
        run(stage)
    assert "class WithMask has 0 distinct image(s) or group(s) that train.start has not seen" in (
        complaint("split")
    )


def test_the_weights_are_the_start_and_the_signature_grows(started: Path, run: Run) -> None:
    for label in CLASSES:
        draw(started / "data/faces" / label, 10, seed=7)
    set_params(started, {"train.learning_rate": 1e-9})
    for stage in (*EARLY, "train"):
        run(stage)
    before, after = (
        network.load(Path(file)).get_weights() for file in ("start.keras", "models/model.keras")
    )
    for old, new in zip(before, after, strict=True):
        assert abs(old - new).max() < 1e-5
    old, new = signature.read("start.keras"), signature.read("models/model.keras")
    assert set(old) < set(new)
    assert len(new) == len(old) + 16


@pytest.mark.parametrize(("images", "share"), [(6, 0.25), (12, 1)])
def test_little_of_the_training_is_used_where_the_start_is_as_good_and_learned_from_more(
    started: Path, run: Run, images: int, share: float
) -> None:
    for label in CLASSES:
        draw(started / "data/faces" / label, images, seed=7)
    set_params(started, {"train.calibrate": False})
    for stage in (*EARLY, "train"):
        run(stage)
    assert json.loads(Path("details/train.json").read_text())["trained_share"] == share


def test_weights_between_two_others() -> None:
    before = [np.array([0.0, 4.0]), np.array([[8.0]])]
    after = [np.array([1.0, 0.0]), np.array([[0.0]])]
    first, second = training.average(before, after, 0.25)
    np.testing.assert_allclose(first, [0.25, 3])
    np.testing.assert_allclose(second, [[6]])


def test_more_of_the_training_is_kept_where_validation_is_better_for_it(
    started: Path, run: Run
) -> None:
    for label, other in zip(CLASSES, reversed(CLASSES), strict=True):
        draw(started / "data/drawn" / other, 6, seed=7)  # what the start takes for the other
        shutil.copytree(f"data/drawn/{other}", f"data/faces/{label}")
        draw(started / "data/drawn" / label, 6, seed=8)
        shutil.copytree(f"data/drawn/{label}", f"data/faces/{label}/more")
    set_params(started, {"train.epochs": 6, "train.learning_rate": 0.003, "split.validation": 0.4})
    for stage in (*EARLY, "train"):
        run(stage)
    assert json.loads(Path("details/train.json").read_text())["trained_share"] > 0.25


def test_a_start_with_the_classes_the_other_way_round_is_turned(started: Path, run: Run) -> None:
    for label, name in zip(CLASSES, ("masked", "bare"), strict=True):
        for file in draw(started / "data/drawn" / label, 10, seed=7):
            (started / "data/faces" / name).mkdir(parents=True, exist_ok=True)
            shutil.move(file, started / "data/faces" / name)
    set_params(started, {"train.learning_rate": 1e-9})
    for stage in (*EARLY, "train"):
        run(stage)
    before, after = (
        network.load(Path(file)).get_weights() for file in ("start.keras", "models/model.keras")
    )
    assert abs(before[-2] + after[-2]).max() < 1e-5
    assert abs(before[-3] - after[-3]).max() < 1e-5
    run("evaluate")
    found = measured()["validation"]["against_start"]
    assert found["accuracy"] > 0.5
    assert (found["difference"], found["interval_95"]) == (0, [0, 0])


def measured() -> dict[str, Any]:
    return dict(json.loads(Path("details/evaluate.json").read_text()))


def test_a_gain_over_the_start_is_measured_and_shown(started: Path, run: Run) -> None:
    for label in CLASSES:
        draw(started / "data/faces" / label, 30, seed=7)
        other = CLASSES[1 - CLASSES.index(label)]  # what the start takes for the other class
        draw(started / "data/drawn" / other, 30, seed=8)
        (started / "data/faces" / label / "odd").mkdir()
        for file in (started / "data/drawn" / other).iterdir():
            shutil.copy(file, started / "data/faces" / label / "odd")
    set_params(started, {"ingest.external": "data/elsewhere", "split.validation": 0.3})
    for label in CLASSES:
        draw(started / "data/elsewhere" / label, 6, seed=9)
    for stage in (*EARLY, "train", "evaluate", "export_tflite"):
        run(stage)
    found = measured()
    for name in ("validation", "external"):
        one = found[name]["against_start"]
        assert one["start"] == "start.keras"
        assert one["images"] == found[name]["images"]
        assert one["difference"] == pytest.approx(found[name]["accuracy"] - one["accuracy"])
        low, high = one["interval_95"]
        assert low <= one["difference"] <= high
        assert f"| {name} | {one['images']} | {one['accuracy']:.4f} | {one['difference']:+.4f}" in (
            Path("models/model_card.md").read_text()
        )
    assert 0.3 < found["validation"]["against_start"]["accuracy"] < 0.7
    headline = json.loads(Path("metrics/evaluate/accuracy_over_start.json").read_text())
    assert headline == {
        name: found[name]["against_start"]["difference"] for name in ("validation", "external")
    }


def test_from_scratch_the_published_model_is_compared_on_what_it_has_not_seen(
    started: Path, run: Run
) -> None:
    shutil.copytree("data/old", "data/faces")
    published = started / "results/published/model.keras"
    shutil.move("start.keras", published)
    changes = {"train.start": "scratch", "split.validation": 0.4, "seed": 2, "train.epochs": 1}
    set_params(started, changes)
    for stage in (*EARLY, "train", "evaluate"):
        run(stage)
    found = measured()["validation"]
    assert found["images"] == 8
    assert 0 < found["against_start"]["images"] < 8
    shutil.copy(REPOSITORY / published.relative_to(started), published)  # takes 96 pixels
    run("evaluate")
    assert "against_start" not in measured()["validation"]
    assert not Path("metrics/evaluate/accuracy_over_start.json").exists()


def test_another_network_is_refused_in_one_line(
    started: Path, run: Run, complaint: Callable[[str], str]
) -> None:
    for label in CLASSES:
        draw(started / "data/faces" / label, 10, seed=7)
    set_params(started, {"train.network.filters": [4, 9]})
    for stage in EARLY:
        run(stage)
    message = complaint("train")
    assert "train.start = 'start.keras': has filters [4, 8]" in message
    assert "train.network has filters [4, 9]" in message
    assert not Path("models/model.keras").exists()


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_not_a_model_is_refused_in_one_line(
    started: Path, run: Run, complaint: Callable[[str], str], content: bytes | None
) -> None:
    for label in CLASSES:
        draw(started / "data/faces" / label, 10, seed=7)
    for stage in EARLY:
        run(stage)
    Path("start.keras").unlink()
    if content is not None:
        Path("start.keras").write_bytes(content)
    assert "train.start = 'start.keras': cannot be read" in complaint("train")
