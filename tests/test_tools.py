"""Other people's tools read our files and answer as Python does here.

The tools are in `.tools`, an environment of their own that `make test-apps` builds.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect, sync_playwright

from facemask import params
from facemask.inference import contract
from facemask.inference.classifier import Classifier
from facemask.store import images
from facemask.store.pixels import Pixels
from tests.helpers import CLASSES, REPOSITORY, drawn_faces, environment
from tools.browser import Server, launch

TOOLS = REPOSITORY / ".tools"
PUBLISHED = REPOSITORY / "results/published"

pytestmark = [
    pytest.mark.apps,
    pytest.mark.skipif(not TOOLS.exists(), reason="`make test-apps` builds .tools"),
]

TFLITE_RUNTIME = """
import json, sys, numpy as np
from tflite_runtime.interpreter import Interpreter

def answers(file):
    interpreter = Interpreter(file)
    interpreter.allocate_tensors()
    [taken] = interpreter.get_input_details()
    [given] = interpreter.get_output_details()
    for image in np.load(sys.argv[1]):
        interpreter.set_tensor(taken["index"], image[np.newaxis])
        interpreter.invoke()
        yield interpreter.get_tensor(given["index"])[0].tolist()

print(json.dumps([list(answers(file)) for file in sys.argv[2:]]))
"""

MEDIAPIPE = """
import json, sys, mediapipe, numpy as np
from mediapipe.tasks.python import vision

def answers(file):
    with vision.ImageClassifier.create_from_model_path(file) as classifier:
        for pixels in np.load(sys.argv[1]):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            [head] = classifier.classify(image).classifications
            yield {category.category_name: category.score for category in head.categories}

print(json.dumps([list(answers(file)) for file in sys.argv[2:]]))
"""

METADATA = """
import json, sys
from mediapipe.tasks.python.metadata.metadata import MetadataDisplayer

displayer = MetadataDisplayer.with_model_file(sys.argv[1])
metadata = json.loads(displayer.get_metadata_json())
labels = displayer.get_associated_file_buffer("labels.txt").decode()
print(json.dumps([metadata, labels.split()]))
"""

KERAS = """
import json, sys, keras, numpy as np

model = keras.saving.load_model(sys.argv[2])
answers = np.asarray(model(np.load(sys.argv[1]).astype(np.float32)))
print(json.dumps([keras.__version__, answers[:, 0].tolist()]))
"""


def ask(script: str, *arguments: Path, **variables: str) -> Any:
    """Run a script in the environment of the tools; return the JSON that it prints last."""
    command = [str(part) for part in (TOOLS / "bin/python", "-c", script, *arguments)]
    own = environment() | variables
    done = subprocess.run(command, capture_output=True, text=True, env=own)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def rows(demo: Path) -> pd.DataFrame:
    """100 generated faces that the model was not trained on, half of them masked."""
    table = pd.read_csv(demo / "data/exported.csv")
    return table[table["split"] == "external"].groupby("label").head(50)


@pytest.fixture(scope="module")
def faces(demo: Path, rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pixels of `rows` in a file, uint8 (100, side, side, 3)."""
    file = tmp_path_factory.mktemp("faces") / "faces.npy"
    np.save(file, Pixels(demo / "data/resized/external")[rows["row"].to_numpy()])
    return file


@pytest.fixture(scope="module")
def variants(demo: Path) -> list[Path]:
    """Each variant of a model that was trained on generated faces."""
    return [demo / f"models/variants/{name}.tflite" for name in get_args(params.Variant)]


@pytest.fixture(scope="module")
def published() -> list[Path]:
    files = sorted(PUBLISHED.glob("*.tflite"))
    assert len(files) == 2
    return files


def probabilities(file: Path, faces: Path) -> NDArray[np.float32]:
    """Our own answers, (n, 2)."""
    classifier = Classifier(file)
    return np.array([classifier.probabilities(image) for image in np.load(faces)])


def assert_same(theirs: NDArray[np.float64], ours: NDArray[np.float32], most: float) -> None:
    """The same decisions, and probabilities that differ by `most`, as runtimes round 8 bits."""
    np.testing.assert_allclose(theirs, ours, atol=most)
    is_close = np.abs(ours[:, 1] - 0.5) < most
    assert (((theirs[:, 1] >= 0.5) == (ours[:, 1] >= 0.5)) | is_close).all()


def test_mediapipe_names_both_labels(
    variants: list[Path], published: list[Path], faces: Path, rows: pd.DataFrame
) -> None:
    files = [*variants, *published]
    for file, answers in zip(files, ask(MEDIAPIPE, faces, *files), strict=True):
        scores = pd.DataFrame(answers)
        assert set(scores) == set(CLASSES)
        assert_same(scores[list(CLASSES)].to_numpy(), probabilities(file, faces), 0.05)
        if file in variants:
            labels = scores.idxmax(axis=1).to_numpy()
            by_keras = np.where(rows["keras"] >= 0.5, CLASSES[1], CLASSES[0])
            assert (labels == by_keras).mean() >= 0.98
            is_right = pd.Series(labels == rows["label"])
            assert is_right.groupby(rows["label"].to_numpy()).mean().min() > 0.6


@pytest.mark.skipif(sys.version_info[:2] > (3, 11), reason="tflite-runtime ends at Python 3.11")
def test_tflite_runtime_loads_every_file(
    variants: list[Path], published: list[Path], faces: Path
) -> None:
    files = [*variants, *published]
    for file, answers in zip(files, ask(TFLITE_RUNTIME, faces, *files), strict=True):
        assert_same(np.array(answers), probabilities(file, faces), 0.05)


def test_the_metadata_reads_back(published: list[Path]) -> None:
    for file in published:
        _, described = contract.read(file.read_bytes(), "model")
        metadata, labels = ask(METADATA, file)
        assert labels == described.labels
        assert (metadata["name"], metadata["version"]) == ("facemask", contract.VERSION)
        assert [entry["name"] for entry in metadata["associated_files"]] == ["contract.json"]
        [graph] = metadata["subgraph_metadata"]
        [taken] = graph["input_tensor_metadata"]
        [given] = graph["output_tensor_metadata"]
        assert (taken["name"], given["name"]) == ("image", "probabilities")
        side = described.input["side"]
        assert taken["content"]["content_properties"] == {
            "color_space": "RGB",
            "default_size": {"width": side, "height": side},
        }
        [unit] = taken["process_units"]
        assert unit["options"] == {"mean": [0.0], "std": [1.0]}
        assert given["stats"] == {"max": [1.0], "min": [0.0]}
        [file_of_labels] = given["associated_files"]
        assert file_of_labels["name"] == "labels.txt"
        assert file_of_labels["type"] == "TENSOR_AXIS_LABELS"
        assert f"{described.threshold}" in given["description"]


def test_opencv_decides_the_same(variants: list[Path], published: list[Path], faces: Path) -> None:
    files = [file for file in (*variants, *published) if "float" in file.stem]
    assert len(files) == 3
    for file in files:
        network = cv2.dnn.readNetFromTFLite(str(file))
        answers = []
        for image in np.load(faces):
            face = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)  # as cv2.imread returns it
            network.setInput(cv2.dnn.blobFromImage(face, size=face.shape[:2], swapRB=True))
            answers.append(network.forward()[0])
        assert_same(np.array(answers), probabilities(file, faces), 1e-3)


def test_mediapipe_in_the_page_of_the_document(published: list[Path], tmp_path: Path) -> None:
    text = (REPOSITORY / "docs/deployment.md").read_text()
    [html] = re.findall(r"```html\n(.*?)```", text, re.DOTALL)
    [file] = [file for file in published if file.stem == "facemask"]
    labels: set[str] = set()
    with sync_playwright() as playwright, launch(playwright) as browser:
        for face in drawn_faces()[2:4]:
            folder = tmp_path / str(len(labels))
            folder.mkdir()
            (folder / "index.html").write_text(html)
            (folder / "node_modules").symlink_to(TOOLS / "node_modules")
            shutil.copy(file, folder / "facemask.tflite")
            images.resize(face, 96).save(folder / "face.jpg", quality=95)
            answer = Classifier(file).classify(images.open_rgb(folder / "face.jpg"))
            labels.add(answer.label)
            with Server(folder) as server:
                page = browser.new_page()
                page.goto(server.page)
                expected = f"{answer.label} {answer.probability:.2f}"
                expect(page.locator("#answer")).to_have_text(expected, timeout=30_000)
    assert labels == set(CLASSES)


@pytest.mark.parametrize("version", ["3.3.3", "3.8.0"])
def test_older_keras_loads_the_network(
    version: str, demo: Path, faces: Path, rows: pd.DataFrame
) -> None:
    variables = {"KERAS_BACKEND": "jax", "PYTHONPATH": str(TOOLS / f"keras-{version}")}
    loaded, answers = ask(KERAS, faces, demo / "models/model.keras", **variables)
    assert loaded == version
    np.testing.assert_allclose(answers, rows["keras"], atol=1e-3)
    _, answers = ask(KERAS, faces, PUBLISHED / "model.keras", **variables)
    float16 = probabilities(PUBLISHED / "facemask-float16.tflite", faces)
    np.testing.assert_allclose(answers, float16[:, 1], atol=1e-2)
