"""The Android app: built, tested on the JVM, and its APK looked at."""

import base64
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from facemask.inference import photos
from facemask.inference.classifier import Classifier
from facemask.inference.detection import NETWORK, FaceDetector
from facemask.store import images
from tests import composed
from tests.conftest import Shared
from tests.helpers import CLASSES, REPOSITORY, environment

ANDROID = REPOSITORY / "deploy/android"
PROGRAMS = ("javac", "mvn", "cc", "zip", "unzip", "aapt2", "zipalign", "apksigner")
RESOURCES = "/usr/share/android-framework-res/framework-res.apk"
MISSING = [program for program in PROGRAMS if not shutil.which(program)]
MISSING += [RESOURCES] * (not Path(RESOURCES).exists())

NEWEST_DENSE = 11
"""Version of the operator in org.tensorflow:tensorflow-lite:2.16.1."""

MODEL = REPOSITORY / "results/published/facemask.tflite"
"""The published model. The tests build the app with it, whatever model is in `models/`."""


def is_too_new() -> bool:
    """Return whether the model needs a fully connected operator newer than the app's library."""
    content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(MODEL.read_bytes()))
    dense = schema.BuiltinOperator.FULLY_CONNECTED
    versions = [code.version for code in content.operatorCodes if code.builtinCode == dense]
    return bool(max(versions) > NEWEST_DENSE)


if not MISSING and is_too_new():
    MISSING = ["a model that its library loads: the published one needs a newer runtime"]
pytestmark = [
    pytest.mark.apps,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
]

LARGEST = 10_000_000
"""Bytes of the APK."""


@pytest.fixture(scope="session")
def app(shared: Shared) -> Path:
    """A folder with `facemask.apk`, the pictures that it was tested on, and what its tests wrote.

    The app is built once, whichever process of pytest-xdist asks first.
    """
    return shared("app", build_app)


def build_app(folder: Path) -> Path:
    """Build the app and run its own tests, which compute by XNNPACK as a phone does."""
    write_cases(folder)
    variables = environment() | {"FACEMASK_CASES": str(folder), "PUBLISHED": "1"}
    command = (ANDROID / "build", "test")
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert "(TfLiteXNNPackDelegate)" in done.stdout + done.stderr
    return folder


def write_cases(folder: Path) -> None:
    """Write generated faces, photos of them, and `cases.json` with the answers of Python."""
    classifier = Classifier(MODEL)
    detector = FaceDetector()
    side = classifier.contract.input["side"]
    cases: list[dict[str, Any]] = []
    for number, (_, content) in enumerate(composed.faces()):
        file = folder / f"face{number}.jpg"
        file.write_bytes(content)
        picture = images.open_rgb(content)
        face = photos.FaceAnswer((0, 0, *picture.size), None, classifier.classify(picture))
        resized = base64.b64encode(images.resize(picture, side).tobytes()).decode()
        cases.append({"file": file.name, "resized": resized, "answers": [described(face)]})
    for number, content in enumerate(composed.photos()):
        file = folder / f"photo{number}.jpg"
        file.write_bytes(content)
        answers = photos.answer(images.open_rgb(content), classifier, detector)
        cases.append({"file": file.name, "answers": [described(answer) for answer in answers]})
    (folder / "cases.json").write_text(json.dumps(cases))


def described(face: photos.FaceAnswer) -> dict[str, Any]:
    """Return a face's box, its label, and the probability of the second class, 0 if too small."""
    second = 0.0
    if not face.too_small:
        answer = face.answer
        second = answer.probability if answer.label == CLASSES[1] else 1 - answer.probability
    return {"box": face.box, "label": face.label, "second": second}


def test_second_build_waits_for_the_first() -> None:
    mark = ANDROID / "target/mark"
    with (ANDROID / "build").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark.parent.mkdir(exist_ok=True)
        mark.touch()
        with subprocess.Popen(ANDROID / "build", start_new_session=True) as second:
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(timeout=1)
            os.killpg(second.pid, signal.SIGKILL)
        assert mark.exists()


@pytest.fixture(scope="session")
def apk(app: Path) -> Path:
    return app / "facemask.apk"


def tool(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_own_tests_have_run(app: Path) -> None:
    reports = "".join(file.read_text() for file in app.glob("surefire-reports/*.xml"))
    sources = "".join(file.read_text() for file in ANDROID.glob("app/src/test/**/*.kt"))
    assert reports.count("<testcase") == sources.count("@Test\n") > 0
    assert "<skipped" not in reports


def test_same_faces_and_decisions_as_python(app: Path) -> None:
    rows = pd.read_csv(app / "decisions.csv")
    assert len(rows) >= composed.FACES + composed.PHOTOS
    assert rows["pixels"].max() <= 1
    assert (rows["python"] != rows["app"]).mean() <= 1 / 200
    assert (rows["app"] == photos.TOO_SMALL).any()
    distances = rows.loc[rows["pixels"] == 0, "distance"]
    assert distances.max() <= 0.005
    assert (distances > 0.002).mean() <= 1 / 100


def test_is_signed(apk: Path) -> None:
    output = tool("apksigner", "verify", "--verbose", str(apk))
    for scheme in ("v2", "v3"):
        assert re.search(rf"using {scheme} scheme .*: true", output)


def test_asks_for_the_camera_alone(apk: Path) -> None:
    output = tool("aapt2", "dump", "badging", str(apk))
    assert re.findall("uses-permission: name='(.*?)'", output) == ["android.permission.CAMERA"]
    assert "sdkVersion:'26'" in output
    assert "targetSdkVersion:'35'" in output
    assert "native-code: 'arm64-v8a' 'armeabi-v7a' 'x86_64'" in output
    assert "application-label-de:" in output
    assert "uses-implied-feature" not in output


def test_holds_the_files_as_they_are(apk: Path) -> None:
    assert apk.stat().st_size <= LARGEST
    with zipfile.ZipFile(apk) as archive:
        for name, file in (
            ("facemask.tflite", MODEL),
            ("face_finder.tflite", NETWORK),
        ):
            entry = archive.getinfo(f"assets/{name}")
            assert entry.compress_type == zipfile.ZIP_STORED
            assert sha256(archive.read(entry)) == sha256(file.read_bytes())
        libraries = [name for name in archive.namelist() if name.startswith("lib/")]
        assert len(libraries) == 3
    tool("zipalign", "-c", "4", str(apk))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_screenshots_are_of_the_app(app: Path) -> None:
    screenshots = sorted(app.glob("screenshots/*.png"))
    assert {file.stem for file in screenshots} >= {"light", "dark", "large-text", "landscape"}
    for file in screenshots:
        assert Image.open(file).convert("RGB").getcolors(20) is None  # it has more than 20 colours
