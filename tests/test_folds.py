"""Cross-validation, as its users run it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.helpers import CLASSES, TINY, commit, copy_project, draw, set_params, shell


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A clone with few pictures and a small network."""
    project = copy_project(tmp_path)
    set_params(project, TINY | {"train.epochs": 1})
    for label in CLASSES:
        draw(project / "data/faces" / label, 8)
    commit(project)
    return project


def test_one_command_measures_every_fold(small: Path) -> None:
    before = yaml.safe_load((small / "params.yaml").read_text())
    shown = shell(small, "python", "-m", "benchmarks.folds", "2", "-S", "seed=3").stdout
    assert "evaluate.validation.accuracy" in shown
    table = pd.read_csv(small / "data/folds.csv", index_col="figure")
    assert {"fold_0", "fold_1", "mean", "standard_deviation"} == set(table)
    assert "evaluate.validation.log_loss" in table.index
    np.testing.assert_allclose(table["mean"], table[["fold_0", "fold_1"]].mean(axis=1), rtol=1e-4)
    assert yaml.safe_load((small / "params.yaml").read_text()) == before


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "folds = '': the first argument should be a number from 2 on"),
        (["1"], "folds = '1': the first argument should be a number from 2 on"),
        (["-S", "seed=3"], "folds = '-S'"),
    ],
)
def test_a_wrong_number_of_folds_is_one_line(
    tmp_path: Path, arguments: list[str], part: str
) -> None:
    project = copy_project(tmp_path)
    failed = shell(project, "python", "-m", "benchmarks.folds", *arguments, check=False)
    assert failed.returncode == 1
    [line] = failed.stderr.splitlines()
    assert line.startswith(f"folds: {part}")
