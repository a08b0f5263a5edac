from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides

from facemask import params
from tests.helpers import REPOSITORY, set_params


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("train.epoch", 5, ["train.epoch = 5", "unknown key", "epochs"]),
        ("trian", 5, ["trian = 5", "unknown key", "train"]),
        ("train.network.kernel", 5, ["train.network.kernel = 5", "filters, batch_norm, dropout"]),
        ("resize.size", 0, ["resize.size = 0", "greater than or equal to 1"]),
        ("resize.size", 9, ["resize.size = 9", "at least 10 for the 2 blocks"]),
        ("split.validation", 1.5, ["split.validation = 1.5", "less than 1"]),
        ("split.validation", 0, ["split.validation = 0", "greater than 0"]),
        ("train.epochs", "ten", ["train.epochs = 'ten'", "valid integer"]),
        ("train.epochs", True, ["train.epochs = True", "valid integer"]),
        ("train.network.filters", [8, -1], ["train.network.filters.1 = -1", "greater than"]),
        ("train.augmentation.zoom", 1, ["train.augmentation.zoom = 1", "less than 1"]),
        ("evaluate.threshold", None, ["evaluate.threshold = None", "valid number"]),
        ("ingest.classes", ["a"], ["ingest.classes = ['a']", "exactly two different classes"]),
        ("ingest.classes", ["a", 1], ["ingest.classes = ['a', 1]", "exactly two different"]),
        ("ingest.classes", ["=a", "b"], ["ingest.classes.=a = '=a'", "pattern"]),
        ("ingest.classes", ["a", "a"], ["ingest.classes = ['a', 'a']", "two different"]),
        ("ingest.classes", {"a": ["x"], "ignore": ["y"]}, ["ingest.classes", "exactly two"]),
        ("ingest.classes", {"a": ["x"], "b": ["x"]}, ["ingest.classes", "the name 'x' once"]),
        ("ingest.classes", {"a": "x", "b": []}, ["ingest.classes.a = 'x'", "valid list"]),
        ("ingest.classes", 3, ["ingest.classes = 3", "valid dictionary"]),
        ("split.group_pattern", "(a{99999999999999})", ["split.group_pattern", "not a regular"]),
        ("ingest.sha256", "0" * 63, ["ingest.sha256 = '000", "pattern"]),
        ("ingest.sha256", "0" * 64, ["ingest.sha256", "https://", "data/faces"]),
        ("ingest.min_side", 0, ["ingest.min_side = 0", "greater than or equal to 1"]),
        ("crop.scale", 0, ["crop.scale = 0", "greater than 0"]),
        ("crop.up", 2, ["crop.up = 2", "less than or equal to 1"]),
        ("ingest.max_quarantined_share", 2, ["ingest.max_quarantined_share = 2", "equal to 1"]),
        ("split.strategy", "best", ["split.strategy = 'best'", "'grouped', 'random' or 'pre"]),
        ("split.test", 0.8, ["split.test = 0.8", "split.validation = 0.2"]),
        ("split.folds", 1, ["split.folds = 1", "greater than or equal to 2"]),
        ("split.fold", 1, ["split.fold = 1", "below split.folds = null"]),
        ("split.group_pattern", "a(", ["split.group_pattern = 'a('", "not a regular expression"]),
        ("split.group_pattern", "a", ["split.group_pattern = 'a'", "one capture"]),
        (
            "train.progressive_resizing",
            0.5,
            ["train.progressive_resizing = 0.5", "train.network.head = flatten"],
        ),
        ("train.calibrate", 1, ["train.calibrate = 1", "valid boolean"]),
        ("train.augmentation.light", 3, ["train.augmentation.light = 3", "equal to 2"]),
        ("train.augmentation.hue", 3, ["train.augmentation.hue = 3", "unknown key", "colour"]),
        ("export_tflite.variants", ["int4"], ["export_tflite.variants.0 = 'int4'", "'int8'"]),
        ("export_tflite.variants", ["int8", "int8"], ["export_tflite.variants", "once"]),
        ("export_tflite.ship", "int4", ["export_tflite.ship", "smallest"]),
        ("ingest.crop_faces", "yes", ["ingest.crop_faces = 'yes'", "valid boolean"]),
        ("ingest.external", "", ["ingest.external = ''", "at least 1"]),
        ("ingest.photos", "", ["ingest.photos = ''", "at least 1"]),
    ],
)
def test_a_bad_parameter_is_named_with_its_value_and_what_is_allowed(
    project: Path, complaint: Callable[[str], str], key: str, value: Any, parts: list[str]
) -> None:
    set_params(project, {key: value})
    message = complaint("ingest")
    assert "params.yaml" in message
    assert all(part in message for part in parts), message


def test_what_dvc_writes_arrives_as_given(project: Path, run: Callable[[str], None]) -> None:
    given = [
        "train.learning_rate=1e-5",
        "export_tflite.max_accuracy_loss=0.00001",
        "ingest.classes=[yes,no]",
        "export_tflite.author=No",
        "split.group_pattern='(12):30'",
        "ingest.external=null",
    ]
    apply_overrides(project / "params.yaml", given)
    run("check_params")
    values = params.load(project / "params.yaml")
    assert values.train.learning_rate == values.export_tflite.max_accuracy_loss == 1e-5
    assert values.ingest.classes == {"yes": [], "no": []}
    assert values.export_tflite.author == "No"
    assert values.split.group_pattern == "(12):30"
    assert values.ingest.external is None


def test_layers_that_do_not_fit_the_start_are_named_before_anything_runs(
    project: Path, run: Callable[[str], None], complaint: Callable[[str], str]
) -> None:
    start = REPOSITORY / "results/published/model.keras"
    published = {"filters": [32, 64, 128, 512], "dense": 128, "batch_norm": True}
    layers = {f"train.network.{key}": value for key, value in published.items()}
    set_params(project, layers | {"train.start": str(start), "train.network.standardize": True})
    set_params(project, {"resize.size": 96})
    run("check_params")
    set_params(project, {"train.network.filters": [16, 32]})
    message = complaint("check_params")
    assert "train.network.filters = [16, 32], the start has [32, 64, 128, 512]: set" in message
    assert "train.start=scratch" in message
    set_params(project, {"train.start": "nowhere.keras"})
    assert "train.start = 'nowhere.keras': cannot be read: " in complaint("check_params")


def test_all_bad_parameters_are_named_at_once(
    project: Path, complaint: Callable[[str], str]
) -> None:
    set_params(project, {"resize.size": -1, "train.epochs": 0})
    message = complaint("split")
    assert "resize.size = -1" in message
    assert "train.epochs = 0" in message


def test_folds_are_drawn_and_there_are_as_many_as_is_said(
    project: Path, complaint: Callable[[str], str]
) -> None:
    set_params(project, {"split.folds": 3, "split.fold": 3})
    assert "split.fold = 3: should be below split.folds = 3" in complaint("split")
    set_params(project, {"split.fold": 0, "split.strategy": "predefined"})
    assert "split.folds = 3: should be null for split.strategy = predefined" in complaint("split")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("seed: [1", "expected ',' or ']'"),
        ("seed: 1", "train: missing"),
        ("", "params.yaml"),
        ("- 1", "params.yaml"),
    ],
)
def test_a_file_that_is_no_set_of_parameters_is_one_line(
    project: Path, complaint: Callable[[str], str], text: str, part: str
) -> None:
    (project / "params.yaml").write_text(text)
    assert part in complaint("ingest")


def test_a_missing_file_is_one_line(project: Path, complaint: Callable[[str], str]) -> None:
    (project / "params.yaml").unlink()
    assert "params.yaml" in complaint("ingest")
