import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.conftest import Run, set_params


@pytest.fixture
def prepared(project: Path, run: Run) -> Path:
    """A small project, ready to train."""
    for stage in ("ingest", "resize", "split"):
        run(stage)
    return project


def trained() -> dict[str, Any]:
    return dict(json.loads(Path("metrics/train.json").read_text()))


@pytest.mark.usefixtures("prepared")
def test_the_best_epoch_by_validation_loss_is_kept(run: Run) -> None:
    run("train")
    run("evaluate")
    history = pd.read_csv("plots/history.csv")
    assert len(history) == trained()["epochs"] == 3
    [best] = history.nsmallest(1, "val_loss").to_dict("records")
    assert trained()["best_epoch"] == best["epoch"]
    assert trained()["val_accuracy"] == pytest.approx(best["val_accuracy"], abs=1e-5)
    evaluated = json.loads(Path("metrics/evaluate.json").read_text())
    assert evaluated["validation"]["loss"] == pytest.approx(trained()["val_loss"], abs=1e-5)


def test_training_stops_when_both_accuracies_are_reached(prepared: Path, run: Run) -> None:
    set_params(prepared, {"train.stop_at_accuracy": 0.0})
    run("train")
    assert trained()["epochs"] == 1
    set_params(prepared, {"train.stop_at_accuracy": 1.0, "train.learning_rate": 1e-9})
    run("train")
    assert trained()["epochs"] == 3


def test_a_loss_that_is_no_number_is_one_line(
    prepared: Path, complaint: Callable[[str], str]
) -> None:
    set_params(prepared, {"train.learning_rate": 3e38})
    assert "train.learning_rate = 3e+38: " in complaint("train")
    assert list(Path("models").iterdir()) == []


def test_groups_can_weigh_as_much_as_one_image(prepared: Path, run: Run) -> None:
    table = pd.read_csv("data/split.csv")
    masked = table["label"] == "WithMask"
    table.loc[masked & (table["split"] == "train"), "group"] = table["group"][masked].iloc[0]
    table.to_csv("data/split.csv", index=False)
    run("train")
    alike = trained()["loss"]
    set_params(prepared, {"train.weight_by_group": True})
    run("train")
    assert trained()["loss"] == pytest.approx(alike)  # one group of a class weighs as the class
    table.loc[table[masked].index[0], "group"] = "alone"
    table.to_csv("data/split.csv", index=False)
    run("train")
    assert trained()["loss"] != pytest.approx(alike)
