"""The Android app: built, tested on the JVM, and its APK looked at."""

import base64
import csv
import hashlib
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from benchmarks.composites import GRIDS, compose
from facemask.inference import photos
from facemask.inference.classifier import Classifier
from facemask.inference.detection import FaceDetector, weights
from facemask.store import images
from tests.helpers import CLASSES, REPOSITORY, environment

ANDROID = REPOSITORY / "deploy/android"
PROGRAMS = ("javac", "mvn", "cc", "zip", "unzip", "aapt2", "zipalign", "apksigner")
RESOURCES = "/usr/share/android-framework-res/framework-res.apk"
MISSING = [program for program in PROGRAMS if not shutil.which(program)]
MISSING += [RESOURCES] * (not Path(RESOURCES).exists())


NEWEST_DENSE = 11
"""Version of the operator in org.tensorflow:tensorflow-lite:2.16.1."""


MODEL = REPOSITORY / "results/face-mask-12k/facemask.tflite"
"""That the app is built with, whatever `make run` left in `models/`."""


def is_too_new() -> bool:
    """Whether the model asks for a fully connected operator that the app's library has not."""
    content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(MODEL.read_bytes()))
    dense = schema.BuiltinOperator.FULLY_CONNECTED
    versions = [code.version for code in content.operatorCodes if code.builtinCode == dense]
    return bool(max(versions) > NEWEST_DENSE)


if not MISSING and is_too_new():
    MISSING = ["a model that its library loads: the published one asks for a newer runtime"]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")

FACES, PHOTOS = 100, 20
LARGEST = 12_000_000
"""Bytes of the APK."""

PAGE = 4096
"""Bytes; what Android maps a library by. See the README for devices with larger pages."""


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of generated faces and of photos of them, with what Python says of each."""
    folder = tmp_path_factory.mktemp("cases")
    classifier, detector = Classifier(MODEL), FaceDetector()
    side = classifier.contract.input["side"]
    written: list[dict[str, Any]] = []
    with zipfile.ZipFile(REPOSITORY / "data/demo.zip") as archive:
        names = {
            label: [n for n in archive.namelist() if n.startswith(f"{label}/")] for label in CLASSES
        }
        faces = [
            (label, archive.read(names[label][number]))
            for number in range(FACES // 2)
            for label in CLASSES
        ]
    for number, (_, content) in enumerate(faces):
        file = folder / f"face{number}.jpg"
        file.write_bytes(content)
        picture = images.open_rgb(content)
        found, _ = photos.answer_crop(picture, classifier, None)
        resized = base64.b64encode(images.resize(picture, side).tobytes()).decode()
        written.append({"file": file.name, "resized": resized, "found": [described(found)]})
    rng = np.random.default_rng(0)
    for number in range(PHOTOS):
        grid = GRIDS[number % len(GRIDS)]
        chosen = [faces[i] for i in rng.choice(FACES, grid[0] * grid[1], replace=False)]
        photo, _ = compose(chosen, grid, rng)
        file = folder / f"photo{number}.jpg"
        photo.save(file, quality=95)
        found_faces = photos.answer(images.open_rgb(file), classifier, detector)
        written.append({"file": file.name, "found": [described(face) for face in found_faces]})
    (folder / "cases.json").write_text(json.dumps(written))
    return folder


def described(found: photos.Found) -> dict[str, Any]:
    return {"box": found.box, **found.answer._asdict()}


@pytest.fixture(scope="session")
def apk(cases: Path) -> Path:
    """The app, after its own tests, which compute by XNNPACK as a phone does."""
    variables = environment() | {"FACEMASK_CASES": str(cases), "PUBLISHED": "1"}
    command = (ANDROID / "build", "test")
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert "(TfLiteXNNPackDelegate)" in done.stdout + done.stderr
    return ANDROID / "facemask.apk"


def tool(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_own_tests_have_run(apk: Path, cases: Path) -> None:
    reports = "".join(file.read_text() for file in ANDROID.glob("target/surefire-reports/*.xml"))
    sources = "".join(file.read_text() for file in ANDROID.glob("app/src/test/**/*.kt"))
    assert reports.count("<testcase") == sources.count("@Test\n") > 0
    assert "<skipped" not in reports
    with (cases / "decisions.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert len(rows) >= FACES + PHOTOS
    assert sum(row["python"] != row["app"] for row in rows) <= len(rows) / 200
    distances = [float(row["distance"]) for row in rows if row["file"].startswith("face")]
    assert sum(distance > 0.002 for distance in distances) <= FACES / 100


def test_is_signed(apk: Path) -> None:
    said = tool("apksigner", "verify", "--verbose", str(apk))
    for scheme in ("v2", "v3"):
        assert re.search(rf"using {scheme} scheme .*: true", said)


def test_asks_for_the_camera_alone(apk: Path) -> None:
    said = tool("aapt2", "dump", "badging", str(apk))
    assert re.findall("uses-permission: name='(.*?)'", said) == ["android.permission.CAMERA"]
    assert "sdkVersion:'26'" in said
    assert "targetSdkVersion:'35'" in said
    assert "native-code: 'arm64-v8a' 'armeabi-v7a' 'x86_64'" in said
    assert "application-label-de:" in said
    assert "uses-implied-feature" not in said


def test_holds_the_files_as_they_are(apk: Path) -> None:
    assert apk.stat().st_size <= LARGEST
    with zipfile.ZipFile(apk) as archive:
        for name, file in (
            ("facemask.tflite", MODEL),
            ("face_detection_short_range.tflite", weights()),
        ):
            entry = archive.getinfo(f"assets/{name}")
            assert entry.compress_type == zipfile.ZIP_STORED
            assert sha256(archive.read(entry)) == sha256(file.read_bytes())
        libraries = [entry for entry in archive.infolist() if entry.filename.startswith("lib/")]
        assert len(libraries) == 3
        for entry in libraries:
            assert entry.compress_type == zipfile.ZIP_STORED
            assert start(apk, entry) % PAGE == 0
    tool("zipalign", "-c", "-p", "4", str(apk))


def start(apk: Path, entry: zipfile.ZipInfo) -> int:
    """Return where an entry's content begins: behind a header of 30 bytes, name and padding."""
    with apk.open("rb") as file:
        file.seek(entry.header_offset)
        header = file.read(30)
    lengths = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
    return entry.header_offset + 30 + sum(lengths)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_screenshots_are_of_the_app(apk: Path) -> None:
    taken = sorted(ANDROID.glob("target/screenshots/*.png"))
    assert {file.stem for file in taken} >= {"light", "dark", "large-text", "landscape"}
    for file in taken:
        colours = np.asarray(Image.open(file).convert("RGB")).reshape(-1, 3)
        assert len(np.unique(colours, axis=0)) > 20
