"""What the pipeline makes of the embedded faces."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from scipy import special

from tests.helpers import ALL_STAGES, details, dvc


def test_six_stages_turn_the_embedded_faces_into_a_model(demo: Path) -> None:
    found = details(demo)
    assert list(yaml.safe_load((demo / "dvc.lock").read_text())["stages"]) == ALL_STAGES
    assert found["ingest"]["quarantined"] == 0
    assert "generated" in found["ingest"]["description"].lower()
    assert found["train"]["parameters"] == 750_849
    split = found["split"]
    assert found["ingest"]["images"] == split["train"]["images"] + split["validation"]["images"]
    assert found["evaluate"]["validation"]["images"] == split["validation"]["images"]
    assert split["validation"]["train_overlap"] == 0
    assert split["classes"]["WithMask"]["groups"] < split["classes"]["WithMask"]["images"]
    external = found["evaluate"]["external"]
    excluded = split["external"]["external"]["excluded"]
    assert external["images"] + sum(excluded.values()) == 120
    assert external["images"] > 100  # some drawings of strangers are alike
    shipped = found["export_tflite"]["variants"][found["export_tflite"]["shipped"]]
    size = (demo / "models/facemask.tflite").stat().st_size
    assert shipped["kilobytes"] == size / 1000
    assert shipped["external"]["changed_decisions"] <= 0.1
    photos = found["export_tflite"]["photos"]
    assert photos["photos"] == 40
    assert photos["no_answer"] < 0.2
    scenes = found["export_tflite"]["scenes"]
    assert scenes["scenes"] == 12
    assert min(scenes["found_of_class"].values()) > 0.7
    headlines = list(demo.glob("metrics/**/*.json"))
    numbers = sum(len(json.loads(file.read_text())) for file in headlines)
    assert numbers <= 13  # a dozen, and the one of the scenes
    assert (demo / "models/labels.txt").read_text() == "WithMask\nWithoutMask\n"


def test_every_near_copy_among_the_embedded_faces_is_found(demo: Path) -> None:
    group = pd.read_csv(demo / "data/split.csv").set_index("path")["group"]
    for label, first in (("WithMask", 0), ("WithoutMask", 469)):
        originals = [first + 25 * kind for kind in range(16)]
        originals += [first + 25 * twin + 7 for twin in range(3)]
        for copy, original in enumerate(originals, first + 450):
            names = [f"{label}/face_{number:04d}.jpg" for number in (copy, original)]
            assert group[names[0]] == group[names[1]], names


def test_the_numbers_of_the_stages_agree(demo: Path) -> None:
    found = details(demo)
    history = pd.read_csv(demo / "plots/history.csv")
    assert list(history.columns) == [
        "epoch",
        "size",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
    ]
    assert list(history["epoch"]) == [1, 2]
    validated = found["evaluate"]["validation"]
    assert found["train"]["val_loss"] == pytest.approx(validated["log_loss"], abs=1e-4)
    assert found["train"]["val_accuracy"] == pytest.approx(validated["accuracy"], abs=1e-4)
    last, line = history.iloc[-1], found["train"]["calibration"]
    predicted = pd.read_csv(demo / "data/predictions.csv").query("split == 'validation'")
    logit = (special.logit(predicted["probability"]) - line["shift"]) / line["slope"]
    is_positive = (predicted["label"] == "WithoutMask").to_numpy()
    loss = np.logaddexp(0, np.where(is_positive, -logit, logit)).mean()
    assert loss == pytest.approx(last["val_loss"], abs=1e-3)
    assert ((logit > 0) == is_positive).mean() == pytest.approx(last["val_accuracy"], abs=1e-4)
    with Image.open(demo / "plots/validation_mistakes.png") as picture:
        assert picture.width > 200


def test_a_second_run_runs_nothing(demo: Path) -> None:
    assert "Data and pipelines are up to date." in dvc(demo, "repro").stdout
