"""The README says what the published run measured."""

import json
import re

from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
PUBLISHED = REPOSITORY / "results/face-mask-12k"


def measured(stage: str) -> dict[str, float]:
    return dict(json.loads((PUBLISHED / f"metrics/{stage}.json").read_text()))


def test_the_numbers_are_those_of_the_published_run() -> None:
    assert f"{measured('evaluate')['accuracy']:.4f}" in README
    assert f"{measured('ingest')['images']:,}" in README
    assert f"{measured('train')['parameters']:,}" in README


def test_every_file_that_is_named_exists() -> None:
    tracked = re.findall(r"`((?:data|facemask|stages|results|tests|\.github)/[\w./-]+)`", README)
    made = {"data/quarantine.csv", "data/predictions.csv", "data/face-mask-12k.zip"}
    assert len(tracked) > 2
    assert [name for name in tracked if name not in made and not (REPOSITORY / name).exists()] == []
