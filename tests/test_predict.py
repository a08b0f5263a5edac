"""The command line as people use it: by `predict.py`, in a process of its own."""

import csv
import dataclasses
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import venv
import zipfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facemask.inference import contract, drawing, photos
from facemask.inference.classifier import Classifier
from facemask.inference.detection import FaceDetector
from facemask.store import images
from tests.helpers import CLASSES, REPOSITORY, copy_project, environment, shell

PUBLISHED = REPOSITORY / "results/published/facemask.tflite"
FIELDS = ["file", "label", "probability", "score", "face", "note"]


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded faces, those from elsewhere too, as files."""
    folder = tmp_path_factory.mktemp("crops")
    for name in ("demo.zip", "demo-external.zip"):
        with zipfile.ZipFile(REPOSITORY / "data" / name) as packed:
            packed.extractall(folder)
    return folder


def face(crops: Path, number: int = 0) -> Image.Image:
    return images.open_rgb(sorted((crops / "WithoutMask").glob("face_*"))[number])


@pytest.fixture(scope="module")
def two(crops: Path) -> Image.Image:
    """A photo of two people, drawn."""
    picture = Image.new("RGB", (640, 480), "slategrey")
    for number, left in enumerate((60, 380)):
        picture.paste(face(crops, number).resize((200, 200)), (left, 140))
    return picture


@pytest.fixture
def folder(tmp_path: Path, two: Image.Image) -> Path:
    """A folder with the photo in it."""
    (tmp_path / "photos").mkdir()
    two.save(tmp_path / "photos/two.png")
    return tmp_path / "photos"


def run(
    *arguments: str | Path, model: Path = PUBLISHED, variables: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """Ask the published model, or another."""
    command = [sys.executable, "predict.py", *map(str, arguments), "--model", str(model)]
    result = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment() | dict(variables),
        capture_output=True,
        text=True,
        errors="surrogateescape",
    )
    assert "Traceback" not in result.stderr
    return result


def rows(*arguments: str | Path, model: Path = PUBLISHED) -> list[dict[str, Any]]:
    return list(json.loads(run(*arguments, "--json", model=model).stdout))


def positive(answers: pd.DataFrame) -> pd.Series:
    """Return the probability of the positive class, 0-1; answers hold that of their label."""
    return answers["probability"].where(answers["label"] == CLASSES[1], 1 - answers["probability"])


def test_a_crop_gets_the_probability_that_evaluate_gave_it(demo: Path, crops: Path) -> None:
    evaluated = pd.read_csv(demo / "data/predictions.csv")
    files = [crops / path for path in evaluated["path"]]
    exact = demo / "models/variants/float32.tflite"
    answers = pd.DataFrame(rows("--crop", *files, model=exact))
    assert list(answers["file"]) == list(map(str, files))
    assert list(answers["label"]) == list(evaluated["predicted"])
    assert (positive(answers) - evaluated["probability"]).abs().max() <= 1e-4


def test_the_model_that_ships_answers_as_export_measured_it(demo: Path, crops: Path) -> None:
    shipped = json.loads((demo / "details/export_tflite.json").read_text())["shipped"]
    exported = pd.read_csv(demo / "data/exported.csv")
    files = [crops / path for path in exported["path"]]
    answers = pd.DataFrame(rows("--crop", *files, model=demo / "models/facemask.tflite"))
    assert (positive(answers) - exported[shipped]).abs().max() <= 1e-5


def test_the_published_model_answers_until_there_is_another(folder: Path, tmp_path: Path) -> None:
    clone = copy_project(tmp_path / "clone")
    published, trained = clone / PUBLISHED.relative_to(REPOSITORY), clone / "models/facemask.tflite"
    for model in (published, trained):
        model.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PUBLISHED, model)
        result = shell(clone, "python", "predict.py", str(folder))
        assert f"predict: using {model}, trained on: " in result.stderr
        assert any(label in result.stdout for label in CLASSES)


def test_each_face_of_a_photo_has_a_row(folder: Path, two: Image.Image) -> None:
    found = rows(folder)
    assert [list(row) for row in found] == [FIELDS, FIELDS]
    lefts = sorted(int(row["face"].split()[0]) for row in found)
    assert 0 <= lefts[0] < 260
    assert 320 < lefts[1] < 580
    for row, expected in zip(
        found, photos.answer(two, Classifier(PUBLISHED), FaceDetector()), strict=True
    ):
        assert (row["label"], row["probability"]) == tuple(expected.answer)
        assert row["score"] == pytest.approx(expected.score, abs=1e-4)
        assert row["note"] == "unsure" * (expected.answer.probability < 0.7)


def test_a_photo_without_a_face_is_said_to_have_none(tmp_path: Path) -> None:
    wall = tmp_path / "wall.png"
    Image.new("RGB", (320, 240), "grey").save(wall)
    result = run(wall, "--json")
    assert (result.returncode, json.loads(result.stdout)) == (1, [])
    assert f"predict: {wall}: no face found" in result.stderr


def test_each_format_has_the_same_columns(folder: Path, tmp_path: Path) -> None:
    table = run(folder).stdout.splitlines()
    assert table[0].split() == FIELDS
    assert len(table) == 3
    found = list(csv.DictReader(io.StringIO(run(folder, "--csv").stdout)))
    assert [list(row) for row in found] == [FIELDS, FIELDS]
    Image.new("RGB", (64, 64)).save(tmp_path / "wall.png")
    for options in ([], ["--crop"]):
        header = run(tmp_path / "wall.png", "--csv", *options).stdout.splitlines()[0]
        assert header == ",".join(FIELDS)


def test_a_loose_crop_is_warned_of(crops: Path, tmp_path: Path) -> None:
    loose, tight = tmp_path / "loose.png", tmp_path / "tight.png"
    picture = Image.new("RGB", (600, 600), "slategrey")
    picture.paste(face(crops).resize((200, 200)), (200, 200))
    picture.save(loose)
    face(crops).resize((200, 200)).crop((25, 25, 175, 175)).save(tight)
    result = run("--crop", loose, tight, "--json")
    first, second = json.loads(result.stdout)
    assert first["note"].endswith("% of the picture")
    assert f"predict: {loose}: warning: {first['note'].removeprefix('unsure; ')}" in result.stderr
    assert "fills" not in second["note"]
    assert str(tight) not in result.stderr
    assert first["face"] == "0 0 600 600"


def test_the_least_score_decides_which_faces_are_told(folder: Path) -> None:
    scores = [row["score"] for row in rows(folder)]
    between = sum(scores) / 2
    assert [row["score"] for row in rows(folder, "--min-score", f"{between}")] == [max(scores)]
    assert len(rows(folder, "--min-score", "0.05")) >= 2
    assert rows(folder, "--min-score", "0.999") == []


def test_the_threshold_decides(folder: Path) -> None:
    for threshold, label in (("0.0001", "WithoutMask"), ("0.9999", "WithMask")):
        assert {row["label"] for row in rows(folder, "--threshold", threshold)} == {label}
    assert "should be between 0 and 1" in run(folder, "--threshold", "2").stderr


def described(tmp_path: Path, description: str) -> Path:
    model, said = contract.read(PUBLISHED.read_bytes(), "")
    file = tmp_path / "other.tflite"
    file.write_bytes(contract.seal(model, dataclasses.replace(said, data_description=description)))
    return file


@pytest.mark.parametrize(
    ("description", "warned"), [("Faces of ours.", False), ("Generated faces, for trying.", True)]
)
def test_it_is_said_which_model_answers(
    folder: Path, tmp_path: Path, description: str, warned: bool
) -> None:
    model = described(tmp_path, description)
    stderr = run(folder, model=model).stderr
    assert f"predict: using {model}, trained on: {description}" in stderr
    assert ("warning: this model was trained on generated faces" in stderr) == warned


def test_what_is_not_a_model_is_one_line(folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "facemask.tflite"
    assert "dvc repro" in run(folder, model=model).stderr
    model.write_bytes(b"no model")
    result = run(folder, model=model)
    assert result.returncode == 1
    assert f"{model}: is not a model of this pipeline" in result.stderr.splitlines()[-1]


def test_a_keras_model_is_named_as_one(folder: Path) -> None:
    model = PUBLISHED.with_name("model.keras")
    result = run(folder, model=model)
    assert result.returncode == 1
    assert f"{model}: is a Keras model; take the .tflite file" in result.stderr.splitlines()[-1]


def test_a_bad_file_is_told_and_skipped(folder: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    result = run(text, folder, tmp_path / "missing.jpg", "--json")
    assert result.returncode == 1
    assert {row["file"] for row in json.loads(result.stdout)} == {str(folder / "two.png")}
    assert f"predict: {text}: not an image" in result.stderr
    assert f"predict: {tmp_path / 'missing.jpg'}: No such file" in result.stderr
    assert "predict: refused: 2 .jpg" in result.stderr


def test_what_a_folder_holds_beside_images_is_counted_and_litter_is_not_read(folder: Path) -> None:
    for name in ("clip.mp4", "notes.txt", "more.TXT", "README"):
        (folder / name).write_text("no picture")
    litter = ("._two.png", ".ipynb_checkpoints/two.png", "__MACOSX/two.png", "@eaDir/two.png")
    for name in (*litter, "Thumbs.db", "desktop.ini"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "two.png", folder / name)
    result = run(folder, "--json")
    assert {row["file"] for row in json.loads(result.stdout)} == {str(folder / "two.png")}
    assert (
        "predict: skipped: 2 .txt, 1 .mp4, 1 without suffix; .mp4 is a video; save its frames as "
        "photos, for example with ffmpeg -i VIDEO %04d.jpg\n"
    ) in result.stderr.replace("1 without suffix, 1 .mp4", "1 .mp4, 1 without suffix")


def test_a_folder_without_an_image_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    result = run(tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == f"predict: no image in {tmp_path}"
    (tmp_path / "photos.zip").write_bytes(b"PK")
    assert run(tmp_path).stderr.splitlines()[-1] == (
        f"predict: no image in {tmp_path}; .zip is an archive; unpack it and name the folder"
    )
    (tmp_path / "photos.zip").unlink()
    (tmp_path / "IMG_0001.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    if images.UNREAD_HEIF:
        assert run(tmp_path).stderr.splitlines()[-1] == (
            f"predict: no image in {tmp_path}; for HEIC pip install pillow-heif, or export JPEG"
        )


@pytest.mark.skipif(find_spec("pillow_heif") is not None, reason="pillow-heif is installed")
def test_heic_gets_advice(folder: Path) -> None:
    (folder / "IMG_0001.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    result = run(folder)
    assert result.returncode == 0
    assert "skipped: 1 .heic; for HEIC pip install pillow-heif, or export JPEG" in result.stderr
    named = run(folder / "IMG_0001.HEIC")
    assert "IMG_0001.HEIC: not an image" in named.stderr
    assert named.stderr.splitlines()[-1].endswith(
        "; for HEIC pip install pillow-heif, or export JPEG"
    )


def test_heic_is_read_where_pillow_heif_is_installed(folder: Path, two: Image.Image) -> None:
    pytest.importorskip("pillow_heif")
    (folder / "two.png").unlink()
    two.save(folder / "two.heic", quality=95)
    assert len(rows(folder)) == 2


@pytest.mark.parametrize(
    ("label", "colour", "ink"),
    [(CLASSES[0], (0, 114, 178), (255, 255, 255)), (CLASSES[1], (213, 94, 0), (0, 0, 0))],
)
def test_boxes_and_legible_words_are_drawn_in_the_colour_of_the_class(
    two: Image.Image, label: str, colour: tuple[int, int, int], ink: tuple[int, int, int]
) -> None:
    faces = [
        face._replace(answer=face.answer._replace(label=label))
        for face in photos.answer(two, Classifier(PUBLISHED), FaceDetector())
    ]
    drawn = drawing.draw(two, faces, CLASSES)
    assert drawn.size == two.size
    for face in faces:
        assert drawn.getpixel((face.box[0], (face.box[1] + face.box[3]) // 2)) == colour
    changed = (np.asarray(drawn) != np.asarray(two)).any(2)
    words = (np.asarray(drawn)[changed] == ink).all(1)
    assert words.sum() > 100


def test_a_face_that_is_unsure_has_more_words(two: Image.Image) -> None:
    [face, *_] = photos.answer(two, Classifier(PUBLISHED), FaceDetector())
    sure, unsure = (
        drawing.draw(two, [face._replace(answer=face.answer._replace(probability=p))], CLASSES)
        for p in (0.71, 0.69)
    )
    assert coloured(unsure) > coloured(sure) * 1.05  # more words


def coloured(picture: Image.Image) -> int:
    """How many pixels have one of the two colours."""
    pixels = np.asarray(picture)
    colours = [np.array(colour) for colour in ((0, 114, 178), (213, 94, 0))]
    return int(sum((pixels == colour).all(2).sum() for colour in colours))


def test_saved_photos_are_marked_and_never_read_again(folder: Path) -> None:
    same_name = folder / "b/two.png"
    same_name.parent.mkdir()
    shutil.copy(folder / "two.png", same_name)
    labelled = folder / "labelled"
    assert len(rows(folder, "--save", labelled)) == 4
    saved = sorted(labelled.iterdir())
    assert [file.name for file in saved] == ["0001-two.png", "0002-two.png"]
    with Image.open(saved[0]) as picture, Image.open(same_name) as plain:
        assert picture.size == plain.size
        assert coloured(picture.convert("RGB")) > 500
    again = run(folder, "--json", "--save", labelled)
    assert len(json.loads(again.stdout)) == 4
    assert "skipped: 2 written by --save" in again.stderr
    assert sorted(labelled.iterdir()) == saved


def test_saving_to_a_file_is_one_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    result = run(folder, "--save", tmp_path / "file")
    assert result.returncode == 1
    assert f"predict: --save {tmp_path / 'file'}: should be a folder" in result.stderr
    assert (tmp_path / "file").read_text() == "here already"


def test_a_name_of_255_bytes_is_saved(folder: Path, tmp_path: Path) -> None:
    long = folder / f"{'ä' * 125}a.png"
    (folder / "two.png").rename(long)
    assert len(os.fsencode(long.name)) == 255
    assert len(rows(folder, "--save", tmp_path / "labelled")) == 2
    [saved] = (tmp_path / "labelled").iterdir()
    assert saved.name.startswith("0001-ää")


def test_a_reader_that_has_enough_ends_it_in_silence(folder: Path) -> None:
    files = [str(folder / "two.png")] * 4
    command = '"$@" | head -1; test "${PIPESTATUS[0]}" -le 1'
    program = [sys.executable, "predict.py", *files, "--model", str(PUBLISHED)]
    for form in ([], ["--json"], ["--csv"]):
        shell_command: Sequence[str] = ("bash", "-c", command, "bash", *program, *form)
        result = shell(REPOSITORY, *shell_command)
        assert len(result.stdout.splitlines()) == 1
        assert "Broken" not in result.stderr
        assert "Traceback" not in result.stderr


NAMES = ["new\nline.png", "\x1b[31mred.png", os.fsdecode(b"latin-\xe4.png"), "東京.png"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_any_name_on_any_console(two: Image.Image, tmp_path: Path, encoding: str) -> None:
    photographed, labelled = tmp_path / "photos", tmp_path / "labelled"
    photographed.mkdir()
    for name in NAMES:
        two.save(photographed / name)
        Image.new("RGB", (64, 64)).save(photographed / f"wall-{name}")
    console = {"PYTHONIOENCODING": encoding}
    result = run(photographed, "--save", labelled, variables=console)
    assert result.returncode == 1  # the walls show no face
    assert len(result.stdout.splitlines()) == 1 + 2 * len(NAMES)
    assert result.stderr.count("no face found") == len(NAMES)
    assert "\x1b" not in result.stdout + result.stderr
    assert len(list(labelled.iterdir())) == 2 * len(NAMES)
    assert r"new\nline.png" in result.stdout
    answered = json.loads(run(photographed, "--json", variables=console).stdout)
    assert {Path(row["file"]).name for row in answered} == set(NAMES)
    assert run(photographed, "--csv", variables=console).stdout.startswith(",".join(FIELDS))


def test_predicting_needs_neither_tensorflow_nor_dvc() -> None:
    heavy = "{'tensorflow', 'keras', 'dvc', 'pandas'}"
    code = f"import predict, sys; print({heavy} & set(sys.modules))"
    assert shell(Path(), sys.executable, "-c", code).stdout == "set()\n"


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_rows_appear_as_they_come_and_stay_after_ctrl_c(folder: Path, form: str) -> None:
    """The fourth file is a pipe that nobody writes to, so that the command waits for ever."""
    for number in range(3):
        shutil.copy(folder / "two.png", folder / f"copy-{number}.png")
    photographs = sorted(map(str, folder.iterdir()))
    os.mkfifo(folder / "waits.png")
    command = [sys.executable, "predict.py", *photographs, str(folder / "waits.png")]
    command += ["--model", str(PUBLISHED)] + ([] if form == "table" else [f"--{form}"])
    running = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    heads = 0 if form == "json" else 1  # the last line of the list has no end yet
    lines = [running.stdout.readline() for _ in range(heads + 2 * len(photographs))]
    with (folder / "waits.png").open("w"):  # returns when the command has begun to read
        running.send_signal(signal.SIGINT)
        time.sleep(0.5)  # so that the signal comes while it reads
    assert running.stderr
    rest = running.stdout.read()
    stderr = running.stderr.read()
    assert running.wait() == 130
    assert stderr.splitlines()[-1] == "predict: interrupted"
    assert "Traceback" not in stderr
    text = "".join(lines) + rest
    if form == "table":
        answered = [line.split()[0] for line in text.splitlines()[1:]]
    elif form == "csv":
        answered = [row["file"] for row in csv.DictReader(io.StringIO(text))]
    else:
        answered = [row["file"] for row in json.loads(text)]
    assert answered == sorted(photographs * 2)


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_a_full_disk_is_one_line_and_keeps_the_rows_so_far(
    crops: Path, two: Image.Image, tmp_path: Path, form: list[str]
) -> None:
    small, large = tmp_path / "a-small.png", tmp_path / "b-large.png"
    face(crops).resize((64, 64)).save(small)
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(large)
    command = [sys.executable, "predict.py", "--crop", str(small), str(large), *form]
    command += ["--model", str(PUBLISHED), "--save", str(tmp_path / "labelled")]
    result = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    last = result.stderr.splitlines()[-1]
    assert "0002-b-large.png: cannot be written: File too large" in last
    assert str(small) in result.stdout
    if form == ["--json"]:
        assert len(json.loads(result.stdout)) == 1
    assert [file.name for file in (tmp_path / "labelled").iterdir()] == ["0001-a-small.png"]


def test_a_full_disk_under_the_answers_is_one_line(folder: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "predict.py", str(folder), "--model", str(PUBLISHED)],
            cwd=REPOSITORY,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "predict: cannot write: No space left on device"
    assert "Traceback" not in result.stderr


def test_what_is_no_photo_gets_advice(folder: Path, tmp_path: Path) -> None:
    address = run("https://example.org/photo.jpg")
    assert address.returncode == 1
    assert address.stderr.splitlines()[-1] == (
        "predict: https://example.org/photo.jpg: is an address; "
        "download the photo and name its file"
    )
    empty = run(folder, "")
    assert (empty.returncode, empty.stdout) == (1, "")
    assert "predict: an empty name is no file" in empty.stderr.splitlines()[-1]
    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", folder)
    for name, advice in (
        ("photos.zip", "is an archive; unpack it and name the folder"),
        ("clip.mp4", "is a video; save its frames as photos, for example with ffmpeg"),
        ("notes", "not an image in a known format"),
    ):
        file = tmp_path / name
        if str(file) != archive:
            file.write_bytes(b"no picture")
        result = run(file, "--json")
        assert (result.returncode, json.loads(result.stdout)) == (1, [])
        assert f"predict: {file}: {advice}" in result.stderr.splitlines()[-1]
    result = run(tmp_path / "notes", tmp_path / "clip.mp4", folder)
    counts = result.stderr.splitlines()[-1]
    assert counts.startswith("predict: refused: ")
    assert "1 without suffix" in counts
    assert "1 .mp4" in counts


def test_a_photo_without_a_suffix_is_answered(folder: Path) -> None:
    photograph = (folder / "two.png").rename(folder / "two")
    assert len(rows(photograph)) == 2


def test_the_commands_of_the_readme_and_pip_install_work_in_a_new_environment(
    folder: Path, tmp_path: Path
) -> None:
    """Both give the same answers; TensorFlow is not installed."""
    readme = (REPOSITORY / "README.md").read_text().split("## Use the model")[1]
    install, predict = [line.split("#")[0].split() for line in readme.splitlines()[3:5]]
    assert install == ["pip", "install", "-r", "requirements-predict.txt"]
    assert predict[:2] == ["python", "predict.py"]
    clone = copy_project(tmp_path / "clone")
    published = clone / "results/published/facemask.tflite"
    published.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(PUBLISHED, published)
    programs = tmp_path / "environment/bin"
    venv.create(programs.parent, with_pip=True)

    shell(clone, str(programs / "pip"), "install", "--quiet", *install[2:])
    answered = shell(clone, str(programs / "python"), *predict[1:2], str(folder), "--csv")
    assert len(answered.stdout.splitlines()) == 3

    shell(clone, str(programs / "pip"), "install", "--quiet", ".")
    shutil.rmtree(clone)
    installed = shell(tmp_path, str(programs / "facemask"), str(folder), "--csv")
    assert installed.stdout == answered.stdout
    packages = shell(tmp_path, str(programs / "pip"), "list").stdout
    assert "tensorflow" not in packages.lower()


def test_the_package_needs_what_the_requirements_name() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    required = {line.partition(">=")[0] for line in project["dependencies"]}
    lines = (REPOSITORY / "requirements-predict.txt").read_text().splitlines()
    assert required == {line.partition("==")[0] for line in lines if "==" in line}
    assert f"version: {project['version']}\n" in (REPOSITORY / "CITATION.cff").read_text()
