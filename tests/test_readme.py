"""The README says what the published run measured."""

import json
import re
from typing import Any

from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
PUBLISHED = REPOSITORY / "results/face-mask-12k"


def measured(name: str) -> dict[str, Any]:
    return dict(json.loads((PUBLISHED / f"{name}.json").read_text()))


def test_the_accuracies_are_those_of_the_published_run() -> None:
    evaluated = measured("metrics/evaluate")
    for part in ("validation", "external"):
        row = re.search(rf"\| {part}.*\|", README)
        assert row
        recall = evaluated[part]["recall_of_class"]
        for value in (evaluated[part]["accuracy"], recall["WithMask"], recall["WithoutMask"]):
            assert f"{value:.4f}" in row[0]
        assert f"{evaluated[part]['images']:,}" in row[0]
    assert evaluated["validation"]["relatives_in_training"] == 0


def test_the_counts_are_those_of_the_published_run() -> None:
    assert f"{measured('metrics/ingest')['images']:,}" in README
    assert f"{measured('metrics/train')['parameters']:,}" in README
    for count in measured("metrics/split")["classes"].values():
        assert f"{count['groups']:,}" in README
    for name in ("random_split", "metrics/split"):
        validation = measured(name)["validation"]
        assert f"{validation['relatives_in_training']:,} of {validation['images']:,}" in README


def test_every_file_that_is_named_exists() -> None:
    tracked = re.findall(
        r"`((?:data|facemask|stages|results|tests|benchmarks|\.github)/[\w./-]+)`", README
    )
    made = {"quarantine.csv", "split.csv", "predictions.csv", "face-mask-12k.zip"}
    made |= {"external-faces.zip", "none", "external_left_out.csv"}
    made = {f"data/{name}" for name in made}
    assert len(tracked) > 2
    assert [name for name in tracked if name not in made and not (REPOSITORY / name).exists()] == []
