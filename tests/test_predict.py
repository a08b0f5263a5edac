import csv
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.helpers import CLASSES, REPOSITORY, copy_project, shell


@pytest.fixture(scope="module")
def photos(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded faces, those from elsewhere too, as files."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("demo.zip", "demo-external.zip"):
        with zipfile.ZipFile(demo / "data" / name) as packed:
            packed.extractall(folder)
    return folder


def predict(demo: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return shell(demo, "python", "predict.py", *map(str, arguments), check=False)


def test_a_photo_gets_the_probability_that_evaluate_gave_it(demo: Path, photos: Path) -> None:
    evaluated = pd.read_csv(demo / "data/predictions.csv")
    files = [photos / path for path in evaluated["path"]]
    exact = ("--model", demo / "models/variants/float32.tflite", "--json")
    answers = pd.DataFrame(json.loads(predict(demo, *files, *exact).stdout))
    assert list(answers["file"]) == list(map(str, files))
    assert list(answers["label"]) == list(evaluated["predicted"])
    assert (answers["probability"] - evaluated["probability"]).abs().max() <= 1e-4


def test_the_model_that_ships_answers_as_export_measured_it(demo: Path, photos: Path) -> None:
    shipped = json.loads((demo / "metrics/export_tflite.json").read_text())["shipped"]
    exported = pd.read_csv(demo / "data/exported.csv")
    files = [photos / path for path in exported["path"]]
    answers = pd.DataFrame(json.loads(predict(demo, *files, "--json").stdout))
    second = answers["label"] == "WithoutMask"
    probability = answers["probability"].where(second, 1 - answers["probability"])
    assert (probability - exported[shipped]).abs().max() <= 1e-5


def test_the_published_model_answers_until_there_is_another(photos: Path, tmp_path: Path) -> None:
    clone = copy_project(tmp_path)
    folder = "results/face-mask-12k"
    (clone / folder).mkdir(parents=True)
    shutil.copy(REPOSITORY / folder / "facemask.tflite", clone / folder)
    [answer] = json.loads(predict(clone, photos / "WithMask/face_0000.jpg", "--json").stdout)
    assert answer["label"] in CLASSES


def test_a_folder_gives_all_its_images_in_each_format(demo: Path, photos: Path) -> None:
    bare = photos / "WithoutMask"
    files = sorted(map(str, bare.iterdir()))
    table = predict(demo, bare).stdout.splitlines()
    assert table[0].split() == ["file", "label", "probability"]
    assert [line.split()[0] for line in table[1:]] == files
    rows = list(csv.DictReader(io.StringIO(predict(demo, bare, "--csv").stdout)))
    assert [row["file"] for row in rows] == files
    assert rows[0].keys() == {"file", "label", "probability"}


def test_a_bad_file_is_reported_and_skipped(demo: Path, photos: Path, tmp_path: Path) -> None:
    good = photos / "WithMask/face_0000.jpg"
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    result = predict(demo, text, good, tmp_path / "missing.jpg", "--json")
    assert result.returncode == 1
    assert [row["file"] for row in json.loads(result.stdout)] == [str(good)]
    assert f"predict: {text}: not an image" in result.stderr
    assert f"predict: {tmp_path / 'missing.jpg'}: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_without_an_image_is_one_line(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    result = predict(demo, tmp_path)
    assert result.returncode == 1
    assert f"predict: no image in {tmp_path}" in result.stderr
    assert "Traceback" not in result.stderr


def test_labelled_pictures_are_written_for_each_file(
    demo: Path, photos: Path, tmp_path: Path
) -> None:
    same_name = tmp_path / "face_0000.jpg"
    shutil.copy(photos / "WithMask/face_0001.jpg", same_name)
    target = tmp_path / "labelled"
    assert not predict(
        demo, photos / "WithMask/face_0000.jpg", same_name, "--save", target
    ).returncode
    pictures = sorted(target.iterdir())
    assert len(pictures) == 2
    with Image.open(pictures[0]) as labelled, Image.open(same_name) as plain:
        assert labelled.height > labelled.width * plain.height / plain.width


def test_the_threshold_decides(demo: Path, photos: Path) -> None:
    folder = photos / "WithMask"
    low = json.loads(predict(demo, folder, "--json", "--threshold", "0.0001").stdout)
    high = json.loads(predict(demo, folder, "--json", "--threshold", "0.9999").stdout)
    assert {row["label"] for row in low} == {"WithoutMask"}
    assert {row["label"] for row in high} == {"WithMask"}
    assert "should be between 0 and 1" in predict(demo, folder, "--threshold", "2").stderr


def test_what_is_no_model_is_one_line(demo: Path, photos: Path, tmp_path: Path) -> None:
    photo = photos / "WithMask/face_0000.jpg"
    model = tmp_path / "facemask.tflite"
    assert "dvc repro" in predict(demo, photo, "--model", model).stderr
    model.write_bytes(b"no model")
    result = predict(demo, photo, "--model", model)
    assert result.returncode == 1
    assert f"{model}: is no model of this pipeline" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_predicting_needs_neither_tensorflow_nor_dvc() -> None:
    code = "import predict, sys; print({'tensorflow', 'keras', 'dvc', 'pandas'} & set(sys.modules))"
    assert shell(Path(), sys.executable, "-c", code).stdout == "set()\n"
