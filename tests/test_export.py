"""The exported files: what is in them, what they answer, and which one ships."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pandas as pd
import pytest
from ai_edge_litert.interpreter import Interpreter

from facemask import params
from facemask.errors import UserError
from facemask.export import conversion, metadata, parity
from facemask.inference import contract
from facemask.inference.classifier import Classifier
from facemask.model import network
from tests.conftest import Run
from tests.helpers import NETWORK, set_params

SIDE = 24
DESCRIBED = contract.describe(
    author="A. Author",
    labels=["WithMask", "WithoutMask"],
    side=SIDE,
    threshold=0.4,
    crop={"scale": 1.2, "up": 0.1},
    training_data="0" * 64,
)
NOISE = np.random.default_rng(0).integers(0, 256, (20, SIDE, SIDE, 3))
PIXELS = (NOISE * np.linspace(0.05, 1, 20)[:, None, None, None]).astype(np.uint8)  # ever brighter


def built(**changes: Any) -> keras.Model:
    """A network whose every layer does something."""
    keras.utils.set_random_seed(3)
    model = network.build(
        params.Network.model_validate(NETWORK | {"filters": [4, 8, 8], "dense": 16} | changes), SIDE
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        drawn = [
            np.abs(rng.normal(1, 0.3, values.shape))
            if "variance" in variable.name
            else values + rng.normal(0, 0.1, values.shape)
            for variable, values in zip(layer.weights, layer.get_weights(), strict=True)
            if "seed" not in variable.name
        ]
        if drawn:
            layer.set_weights(drawn)
    return model


def sealed(variant: str = "float32") -> bytes:
    model = conversion.convert(conversion.folded(built()), variant, list(PIXELS))
    return contract.seal(metadata.embed(model, DESCRIBED), DESCRIBED)


@pytest.fixture(scope="module")
def content() -> bytes:
    return sealed()


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("head", ["flatten", "average"])
def test_folding_changes_no_answer(standardize: bool, batch_norm: bool, head: str) -> None:
    model = built(standardize=standardize, batch_norm=batch_norm, head=head)
    folded = conversion.folded(model)
    kinds = {type(layer).__name__ for layer in folded.layers}
    assert not kinds & {"BatchNormalization", "LayerNormalization", "Rescaling", "Dropout"}
    before = model.predict_on_batch(PIXELS.astype(np.float32))
    after = [folded.predict_on_batch(image[np.newaxis].astype(np.float32))[0] for image in PIXELS]
    np.testing.assert_allclose(after, np.hstack([1 - before, before]), atol=1e-5)
    assert np.ptp(before) > 1e-4


TOLERANCES = {"float32": 1e-5, "float16": 2e-3, "dynamic_range": 0.03, "int8": 0.05}


@pytest.mark.parametrize("variant", get_args(params.Variant))
def test_a_variant_takes_bytes_and_gives_a_probability_for_each_label(
    tmp_path: Path, variant: str
) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(sealed(variant))
    of_keras = built().predict_on_batch(PIXELS.astype(np.float32))[:, 0]
    classifier = Classifier(file)
    probabilities = np.array([classifier.probabilities(image) for image in PIXELS])
    np.testing.assert_allclose(probabilities[:, 1], of_keras, atol=TOLERANCES[variant])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    interpreter = Interpreter(model_path=str(file))
    [taken], [given] = interpreter.get_input_details(), interpreter.get_output_details()
    assert (taken["dtype"], list(taken["shape"])) == (np.uint8, [1, SIDE, SIDE, 3])
    assert (given["dtype"], list(given["shape"])) == (np.float32, [1, 2])
    assert -1 not in [*taken["shape_signature"], *given["shape_signature"]]


def test_the_contract_reads_back(content: bytes, tmp_path: Path) -> None:
    model, found = contract.read(content, "model")
    assert content.startswith(model)
    assert dataclasses.replace(found, sha256="") == DESCRIBED
    file = tmp_path / "model.tflite"
    file.write_bytes(content)
    assert Classifier(file).contract.threshold == 0.4


def test_another_version_of_the_contract_is_refused_in_one_line(content: bytes) -> None:
    old = contract.seal(content, dataclasses.replace(DESCRIBED, version="1"))
    with pytest.raises(
        UserError, match="^model: has version 1 of the contract, and this program reads 4; "
    ) as found:
        contract.read(old, "model")
    assert "\n" not in str(found.value)


def mutations(content: bytes) -> Iterator[bytes]:
    rng = np.random.default_rng(0)
    for number in range(500):
        start, length = int(rng.integers(len(content))), int(rng.integers(1, 40))
        match number % 4:
            case 0:
                yield content[:start]
            case 1:
                yield content[:start] + content[start + length :]
            case 2:
                yield content[:start] + rng.bytes(length) + content[start:]
            case 3:
                changed = content[start] ^ int(rng.integers(1, 256))
                yield content[:start] + bytes([changed]) + content[start + 1 :]


def test_500_damaged_files_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    for damaged in mutations(content):
        file.write_bytes(damaged)
        with pytest.raises(UserError, match=r"model\.tflite: is ") as refusal:
            Classifier(file)
        assert "\n" not in str(refusal.value)


def test_another_input_shape_is_refused(content: bytes, tmp_path: Path) -> None:
    other = dataclasses.replace(DESCRIBED, input=DESCRIBED.input | {"side": SIDE + 1})
    file = tmp_path / "model.tflite"
    file.write_bytes(contract.seal(contract.read(content, "")[0], other))
    with pytest.raises(UserError, match=r"its input \[1, 24, 24, 3\] is not that of its contract"):
        Classifier(file)


def test_another_output_shape_is_refused(tmp_path: Path) -> None:
    one_number = keras.Sequential(
        [keras.Input(batch_shape=(1, SIDE, SIDE, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    file = tmp_path / "model.tflite"
    file.write_bytes(contract.seal(conversion.convert(one_number, "float32", []), DESCRIBED))
    with pytest.raises(UserError, match=r"its output \[1, 1\] is not that of its contract"):
        Classifier(file)


@pytest.fixture
def evaluated(project: Path, run: Run) -> Path:
    """A small project, ready to export."""
    for stage in ("ingest", "resize", "split", "train", "evaluate"):
        run(stage)
    return project


def exported() -> dict[str, Any]:
    return dict(json.loads(Path("details/export_tflite.json").read_text()))


def test_the_smallest_within_the_bounds_ships(
    evaluated: Path,
    run: Run,
    complaint: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_params(evaluated, {"export_tflite.variants": ["float32", "float16"]})
    run("export_tflite")
    assert exported()["shipped"] == "float16"
    shipped = Path("models/facemask.tflite").read_bytes()
    assert shipped == Path("models/variants/float16.tflite").read_bytes()
    for cost in json.loads(Path("timing/export_tflite.json").read_text())["variants"].values():
        assert cost["milliseconds_on_1_thread"]["median"] > 0
        assert cost["memory_megabytes"] > 0
    for found in exported()["variants"].values():
        assert found["validation"]["changed_decisions"] <= 0.01
    card = Path("models/model_card.md").read_text()
    assert "| float16 |" in card
    rows = pd.read_csv("data/exported.csv")
    assert {"path", "keras", "float32", "float16"} <= set(rows)

    set_params(evaluated, {"export_tflite.ship": "float32"})
    run("export_tflite")
    assert exported()["shipped"] == "float32"

    set_params(evaluated, {"export_tflite.variants": ["float32"]})  # the others need no time
    with monkeypatch.context() as patch:
        patch.setattr(parity, "OLDEST_RUNTIME", "1.0.0")
        message = complaint("export_tflite")
    assert re.search(r"float32: needs runtime \d.*, should load in 1.0.0", message)

    predictions = pd.read_csv("data/predictions.csv")
    path = str(predictions["path"].iloc[0])
    predictions["probability"] = 1 - predictions["probability"]
    predictions.to_csv("data/predictions.csv", index=False)
    Path("models/facemask.tflite").unlink()
    message = complaint("export_tflite")
    assert "float32 differs from Keras by" in message
    assert "at most 0.0001 is allowed" in message
    assert path in message
    assert not Path("models/facemask.tflite").exists()

    monkeypatch.setattr(parity, "LARGEST_DIFFERENCE", 1.0)
    keras = predictions["probability"].copy()
    predictions["probability"] = (1 - keras).where(predictions.index > 0, keras)
    predictions.to_csv("data/predictions.csv", index=False)
    run("export_tflite")  # a single image decides nothing, however large its share
    assert exported()["variants"]["float32"]["validation"]["changed_decisions"] > 0.01

    predictions.assign(probability=keras).to_csv("data/predictions.csv", index=False)
    Path("models/facemask.tflite").unlink()
    message = complaint("export_tflite")
    assert "max_changed_decisions = 0.01" in message
    assert path in message
    assert not Path("models/facemask.tflite").exists()
