"""The exported files: what is in them, what they answer, and which one ships."""

import dataclasses
import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import keras
import numpy as np
import pandas as pd
import pytest
from ai_edge_litert import schema_py_generated
from ai_edge_litert.interpreter import Interpreter

from facemask import params
from facemask.errors import UserError
from facemask.export import conversion, metadata
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


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("head", ["flatten", "average", "max"])
def test_folding_changes_no_answer(batch_norm: bool, head: str) -> None:
    model = built(batch_norm=batch_norm, head=head)
    folded = conversion.folded(model)
    kinds = {type(layer).__name__ for layer in folded.layers}
    assert not kinds & {"BatchNormalization", "Rescaling", "Dropout"}
    wanted = model.predict_on_batch(PIXELS.astype(np.float32))
    found = [folded.predict_on_batch(image[np.newaxis].astype(np.float32))[0] for image in PIXELS]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.ptp(wanted) > 1e-4


TOLERANCES = {"float32": 1e-5, "float16": 2e-3, "dynamic_range": 0.03, "int8": 0.05}


@pytest.mark.parametrize("variant", get_args(params.Variant))
def test_a_variant_takes_bytes_and_gives_a_probability(tmp_path: Path, variant: str) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(sealed(variant))
    wanted = built().predict_on_batch(PIXELS.astype(np.float32))[:, 0]
    classifier = Classifier(file)
    found = [classifier.probability(image) for image in PIXELS]
    np.testing.assert_allclose(found, wanted, atol=TOLERANCES[variant])
    interpreter = Interpreter(model_path=str(file))
    [taken], [given] = interpreter.get_input_details(), interpreter.get_output_details()
    assert (taken["dtype"], list(taken["shape"])) == (np.uint8, [1, SIDE, SIDE, 3])
    assert (given["dtype"], list(given["shape"])) == (np.float32, [1, 1])
    assert -1 not in [*taken["shape_signature"], *given["shape_signature"]]


def standard() -> ModuleType:
    """The standard's own code for its tables, from a package whose libraries are not needed."""
    package = importlib.util.find_spec("mediapipe")
    assert package
    assert package.submodule_search_locations
    [folder] = package.submodule_search_locations
    file = Path(folder) / "tasks/metadata/metadata_schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("metadata_schema", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_metadata_reads_back_by_the_standard(content: bytes) -> None:
    model = schema_py_generated.ModelT.InitFromObj(schema_py_generated.Model.GetRootAs(content))
    [entry] = [entry for entry in model.metadata if entry.name == metadata.NAME]
    schema = standard()
    raw = bytes(bytearray(model.buffers[entry.buffer].data))
    assert schema.ModelMetadata.ModelMetadataBufferHasIdentifier(raw, 0)
    found = schema.ModelMetadataT.InitFromObj(schema.ModelMetadata.GetRootAs(raw))
    assert (found.name, found.version, found.author) == (
        b"facemask",
        contract.VERSION.encode(),
        b"A. Author",
    )
    assert [file.name for file in found.associatedFiles] == [b"contract.json"]
    [graph] = found.subgraphMetadata
    [taken], [given] = graph.inputTensorMetadata, graph.outputTensorMetadata
    assert (taken.name, given.name) == (b"image", b"probability")
    image = taken.content.contentProperties
    assert image.colorSpace == schema.ColorSpaceType.RGB
    assert (image.defaultSize.width, image.defaultSize.height) == (SIDE, SIDE)
    [unit] = taken.processUnits
    assert (unit.options.mean.tolist(), unit.options.std.tolist()) == ([0], [1])
    assert (given.stats.min.tolist(), given.stats.max.tolist()) == ([0], [1])
    assert [file.name for file in given.associatedFiles] == [b"labels.txt"]
    assert b"0.4" in given.description


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
        UserError, match="^model: is of version 1 of the contract, not 3; "
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


def test_another_input_shape_is_refused(tmp_path: Path) -> None:
    other = dataclasses.replace(DESCRIBED, input=DESCRIBED.input | {"side": SIDE + 1})
    file = tmp_path / "model.tflite"
    file.write_bytes(contract.seal(contract.read(sealed(), "")[0], other))
    with pytest.raises(UserError, match="not what its contract says"):
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
    evaluated: Path, run: Run, complaint: Callable[[str], str]
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

    set_params(evaluated, {"export_tflite.oldest_runtime": "1.9.0"})
    assert re.search(
        r"float32: needs runtime \d.*, oldest_runtime = 1.9.0", complaint("export_tflite")
    )
    set_params(evaluated, {"export_tflite.oldest_runtime": "2.5.0"})

    predictions = pd.read_csv("data/predictions.csv")
    path = str(predictions["path"].iloc[0])
    predictions["probability"] = 1 - predictions["probability"]
    predictions.to_csv("data/predictions.csv", index=False)
    Path("models/facemask.tflite").unlink()
    message = complaint("export_tflite")
    assert "export_tflite.max_probability_difference = 0.0001: float32 differs" in message
    assert path in message
    assert not Path("models/facemask.tflite").exists()

    set_params(evaluated, {"export_tflite.max_probability_difference": 1.0})
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
