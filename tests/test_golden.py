"""The golden files, which the web page and the app are tested by, are what Python makes today."""

import base64
import json
from typing import Any

import pytest

from facemask.errors import UserError
from facemask.inference import contract
from tools import golden

CASES: list[dict[str, Any]] = json.loads((golden.FOLDER / "contract.json").read_text())

REFUSALS = {
    "damaged": "^golden: is .*damaged",
    "version": "^golden: has version 3 of the contract, and this program reads 4; export the model",
    "input": "^golden: needs an input that this program does not prepare; export the model",
}


@pytest.mark.parametrize("name", golden.FILES)
def test_current(name: str) -> None:
    current = golden.content(name) == (golden.FOLDER / name).read_text()
    assert current, "run python -m tools.golden"


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_contract_is_read_or_refused(case: dict[str, Any]) -> None:
    file = base64.b64decode(case["file"])
    if case["refused"]:
        with pytest.raises(UserError, match=REFUSALS[case["refused"]]):
            contract.read(file, "golden")
    else:
        model, values = contract.read(file, "golden")
        assert model == base64.b64decode(case["model"])
        assert vars(values) == case["contract"]
