"""The README says what the published run measured."""

import json
import re
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.helpers import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
PUBLISHED = REPOSITORY / "results/face-mask-12k"
NOTEBOOK = REPOSITORY / "results/notebook-recipe"


def measured(name: str) -> dict[str, Any]:
    return dict(json.loads((PUBLISHED / f"{name}.json").read_text()))


def test_the_accuracies_are_the_means_over_the_seeds() -> None:
    seeds = pd.read_csv(REPOSITORY / "benchmarks/seeds.csv", index_col="figure")
    for part in ("validation", "external"):
        row = re.search(rf"\| {part}.*\|", README)
        assert row
        for name in ("accuracy", "recall_of_class.WithMask", "recall_of_class.WithoutMask"):
            figure = seeds.loc[f"evaluate.{part}.{name}"]
            assert f"{figure['mean']:.4f} ± {figure['standard_deviation']:.4f}" in row[0]
        assert f"{measured('details/evaluate')[part]['images']:,}" in row[0]
        accuracy = json.loads((NOTEBOOK / "details/evaluate.json").read_text())[part]["accuracy"]
        assert f"| {accuracy:.4f} |" in row[0]


def test_the_ablation_is_the_means_of_its_table() -> None:
    runs = pd.read_csv(REPOSITORY / "benchmarks/ablation.csv").drop(columns="seed")
    each = runs.groupby("without")
    assert (each.size() == 3).all()
    means, spreads = each.mean(), each.std()
    for part in means.index:
        row = re.search(rf"^\| {part} \|.*$", README, re.MULTILINE)
        assert row
        for side in ("validation", "external"):
            name = f"evaluate.{side}.accuracy"
            assert f"{means.loc[part, name]:.4f} ± {spreads.loc[part, name]:.4f}" in row[0]
        turned = means.loc[part, "evaluate.external.flip_rate.hue turned by 180 degrees"]
        assert f"| {turned:.1%} |" in row[0]


def test_the_published_run_is_one_of_the_seeds() -> None:
    seeds = pd.read_csv(REPOSITORY / "benchmarks/seeds.csv", index_col="figure")
    seed = yaml.safe_load((PUBLISHED / "params.yaml").read_text())["seed"]
    evaluated = measured("details/evaluate")
    for part in ("validation", "external"):
        accuracy = seeds.loc[f"evaluate.{part}.accuracy", f"seed_{seed}"]
        assert accuracy == pytest.approx(evaluated[part]["accuracy"], rel=1e-5)
        assert seeds.loc[f"evaluate.{part}.log_loss", f"seed_{seed}"] == pytest.approx(
            evaluated[part]["log_loss"], rel=1e-5
        )
    assert evaluated["validation"]["train_overlap"] == 0


def test_the_counts_are_those_of_the_published_run() -> None:
    assert f"{measured('details/ingest')['images']:,}" in README
    assert f"{measured('details/train')['parameters']:,}" in README
    for count in measured("details/split")["classes"].values():
        assert f"{count['groups']:,}" in README
    random = measured("random_split")["validation"]
    assert f"{random['train_overlap']:,} of {random['images']:,}" in README


def test_every_file_that_is_named_exists() -> None:
    tracked = re.findall(
        r"`((?:data|facemask|stages|results|tests|benchmarks|\.github)/[\w./-]+)`", README
    )
    made = {"quarantine.csv", "split.csv", "predictions.csv", "face-mask-12k.zip"}
    made |= {"external-faces.zip", "none", "excluded.csv", "external.csv", "exported.csv"}
    made = {f"data/{name}" for name in made}
    assert len(tracked) > 2
    assert [name for name in tracked if name not in made and not (REPOSITORY / name).exists()] == []
