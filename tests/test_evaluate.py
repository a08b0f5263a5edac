"""External test sets, measured by the same code and never trained on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from facemask.evaluation import robustness
from tests.conftest import Run
from tests.helpers import CLASSES, draw, run_stages, set_params, small_project

ELSEWHERE = Path("data/elsewhere")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = small_project(tmp_path_factory.mktemp("model"))
    set_params(project, {"train.epochs": 1, "ingest.external": str(ELSEWHERE), "split.test": 0.2})
    for label in CLASSES:
        draw(project / ELSEWHERE / label, 6, side=50, seed=9)
    return run_stages(project, "ingest", "resize", "split", "train")


@pytest.fixture
def trained(model: Path, copied: Callable[[Path], Path]) -> Path:
    """A project whose network has been trained, with an external test set."""
    return copied(model)


def measured() -> dict[str, Any]:
    return dict(json.loads(Path("details/evaluate.json").read_text()))


def counted(stage: str) -> dict[str, Any]:
    """Read what a stage counts of the external test sets."""
    return dict(json.loads(Path(f"details/{stage}.json").read_text())["external"])


def evaluate_anew(run: Run) -> None:
    """Run what changed external test sets run."""
    for stage in ("ingest", "resize", "split", "evaluate"):
        run(stage)


@pytest.mark.usefixtures("trained")
def test_each_subset_is_measured_beside_the_others(run: Run) -> None:
    run("evaluate")
    found = measured()
    assert list(found) == ["threshold", "validation", "test", "external"]
    assert found["validation"]["train_overlap"] == 0
    assert found["validation"]["images"] == found["test"]["images"] == 4
    assert found["external"]["images"] == 12
    assert counted("ingest")["external"]["source"] == str(ELSEWHERE)
    predictions = pd.read_csv("data/predictions.csv")
    assert predictions["split"].value_counts().to_dict() == {
        "external": 12,
        "validation": 4,
        "test": 4,
    }
    for name in ("validation", "test", "external"):
        rows = predictions[predictions["split"] == name]
        assert found[name]["accuracy"] == pytest.approx((rows.label == rows.predicted).mean())
    positive = predictions["probability"] >= found["threshold"]
    assert (positive == (predictions["predicted"] == "WithoutMask")).all()
    confusion = pd.read_csv("plots/external_confusion.csv")
    assert confusion["actual"].value_counts().to_dict() == {"WithMask": 6, "WithoutMask": 6}
    assert Path("plots/external_mistakes.png").exists()


@pytest.mark.usefixtures("trained")
def test_what_the_model_may_have_seen_is_counted_and_excluded(run: Run) -> None:
    shutil.copy("data/faces/WithMask/1.png", ELSEWHERE / "WithMask/copy.png")
    with Image.open("data/faces/WithoutMask/2.png") as image:
        image.save(ELSEWHERE / "WithoutMask/saved-again.bmp")
        image.resize((64, 64), Image.Resampling.BICUBIC).save(ELSEWHERE / "WithoutMask/large.png")
        image.rotate(5).save(ELSEWHERE / "WithoutMask/turned.png")  # nearer to one another
        image.rotate(6).save(ELSEWHERE / "WithoutMask/turned-more.png")  # than to what is known
    (ELSEWHERE / "WithMask/notes.jpg").write_text("no picture")
    before = [Path(name).read_bytes() for name in ("data/split.csv", "plots/image_size.csv")]
    evaluate_anew(run)
    related = {"related to the collection": 5}
    assert counted("split")["external"] == {"images": 12, "excluded": related}
    assert counted("ingest")["external"]["quarantined_for"] == {"not an image": 1}
    quarantined = pd.read_csv("data/quarantine.csv")
    assert quarantined[["set", "path"]].to_numpy().tolist() == [["external", "WithMask/notes.jpg"]]
    assert pd.read_csv("data/excluded.csv")["reason"].value_counts().to_dict() == related
    assert measured()["external"]["images"] == 12
    names = ("data/split.csv", "plots/image_size.csv")
    assert [Path(name).read_bytes() for name in names] == before


def test_several_external_test_sets_are_measured_each_by_its_name(trained: Path, run: Run) -> None:
    sets = Path("data/sets")
    shutil.copytree(ELSEWHERE, sets / "phone")
    for label in CLASSES:
        draw(sets / "tmp/web" / label, 4, side=50, seed=11)
    shutil.make_archive(str(sets / "web"), "zip", sets / "tmp/web")
    shutil.rmtree(sets / "tmp")
    set_params(trained, {"ingest.external": str(sets)})
    evaluate_anew(run)
    assert list(measured()) == ["threshold", "validation", "test", "phone", "web"]
    assert (measured()["phone"]["images"], measured()["web"]["images"]) == (12, 8)
    confusion = pd.read_csv("plots/external_confusion.csv")
    assert confusion["subset"].value_counts().to_dict() == {"phone": 12, "web": 8}


def test_an_external_test_set_has_a_name_that_tables_can_have(
    trained: Path, complaint: Callable[[str], str]
) -> None:
    sets = Path("data/sets")
    shutil.copytree(ELSEWHERE, sets / "=a")
    set_params(trained, {"ingest.external": str(sets)})
    assert "the set '=a' should have a name of its own" in complaint("ingest")


def test_without_an_external_test_set_the_rest_is_measured(trained: Path, run: Run) -> None:
    set_params(trained, {"ingest.external": None})
    evaluate_anew(run)
    assert list(measured()) == ["threshold", "validation", "test"]
    assert pd.read_csv("plots/external_confusion.csv").empty
    assert counted("split") == {}


def test_an_external_test_set_that_cannot_be_used_is_one_line(
    trained: Path, complaint: Callable[[str], str]
) -> None:
    set_params(trained, {"ingest.external": "data/nowhere.zip"})
    assert "ingest.external = 'data/nowhere.zip': not found" in complaint("ingest")
    set_params(trained, {"ingest.external": "data/other"})
    draw(Path("data/other/faces/bare"), 2)
    draw(Path("data/other/faces/masked"), 2)
    message = complaint("ingest")
    assert "ingest.external = 'data/other/faces': has bare, masked" in message
    assert "the classes are called WithMask, WithoutMask" in message
    assert "ingest.classes" in message


def test_a_leak_is_repeated_beside_the_accuracy(trained: Path, run: Run) -> None:
    for number in range(10):
        file = Path(f"data/faces/WithMask/{number}.png")
        file.rename(file.with_name(f"Augmented_{number % 2}_{number}.png"))
    set_params(trained, {"split.strategy": "random"})
    evaluate_anew(run)
    split = json.loads(Path("details/split.json").read_text())
    assert split["validation"]["train_overlap"] > 0
    for name in ("validation", "test"):
        assert measured()[name]["train_overlap"] == split[name]["train_overlap"]


@pytest.mark.usefixtures("trained")
def test_an_external_test_set_of_one_class_and_one_that_is_known_are_still_reported(
    run: Run,
) -> None:
    shutil.rmtree(ELSEWHERE / "WithMask")
    evaluate_anew(run)
    assert measured()["external"]["images"] == 6
    assert measured()["external"]["roc_auc"] is None
    shutil.rmtree(ELSEWHERE)
    shutil.copytree("data/faces", ELSEWHERE)
    evaluate_anew(run)
    assert "external" not in measured()
    related = {"related to the collection": 20}
    assert counted("split")["external"] == {"images": 0, "excluded": related}
    assert pd.read_csv("data/excluded.csv")["reason"].value_counts().to_dict() == related


@pytest.mark.usefixtures("trained")
def test_headline_figures_have_intervals_and_every_change_is_measured(run: Run) -> None:
    run("evaluate")
    for name in ("validation", "external"):
        found = measured()[name]
        low, high = found["interval_95"]["accuracy"]
        assert low <= found["accuracy"] <= high
        assert found["flip_rate"].keys() == robustness.CHANGES.keys()
        assert all(0 <= share <= 1 for share in found["flip_rate"].values())
        assert 0 <= found["attention_in_lower_half"] <= 1
        chart = pd.read_csv(f"plots/{name}_robustness.csv")
        changed = dict(zip(chart["change"], chart["flip_rate"], strict=True))
        assert changed == pytest.approx(found["flip_rate"], abs=1e-5)
        assert Path(f"plots/{name}_attention.png").exists()
    assert set(pd.read_csv("plots/reliability.csv")) == {"probability", "share", "images"}


def test_people_are_measured_in_a_set_of_one_class(trained: Path, run: Run) -> None:
    """With 200 images of each sex, so that their ratio is a headline."""
    faces = Path("data/people/WithoutMask")
    draw(faces, 402, side=20, seed=9)
    rows = [f"WithoutMask/{n}.png,{'male' if n % 2 else 'female'}" for n in range(402)]
    (faces.parent / "people.csv").write_text("\n".join(["path,sex", *rows]))
    set_params(trained, {"ingest.external": "data/people"})
    evaluate_anew(run)
    external = measured()["external"]
    groups = {group["value"]: group for group in external["people"]["groups"]}
    predictions = pd.read_csv("data/predictions.csv").query("split == 'external'")
    number = predictions["path"].str.extract(r"(\d+)\.png")[0].astype(int)
    for value, is_odd in (("male", 1), ("female", 0)):
        of_sex = predictions[number % 2 == is_odd]
        assert groups[value]["images"] == len(of_sex)
        assert groups[value]["errors"] == (of_sex["predicted"] == "WithMask").sum()
    rates = [group["error_rate"] for group in external["people"]["groups"]]
    assert rates == sorted(rates, reverse=True)
    headline = json.loads(Path("metrics/evaluate/people_error_ratio.json").read_text())
    assert headline == {"external": external["people"]["largest_ratio"]["ratio"]}
    assert headline["external"] >= 1
    run("export_tflite")
    worst = external["people"]["groups"][0]
    row = f"| external | sex {worst['value']} | WithoutMask | {worst['images']} | "
    assert f"{row}{worst['error_rate']:.2%} | " in Path("models/model_card.md").read_text()


def test_a_wanted_recall_chooses_the_threshold_on_validation(trained: Path, run: Run) -> None:
    for recall in (0.5, 1.0):
        set_params(trained, {"evaluate.recall": recall})
        run("evaluate")
        assert measured()["validation"]["recall"] >= recall
    predictions = pd.read_csv("data/predictions.csv")
    rows = predictions.query("split == 'validation' and label == 'WithoutMask'")
    assert measured()["threshold"] == pytest.approx(rows["probability"].min(), abs=1e-5)
