"""What `people.csv` says about people, and how often the model is wrong about each group."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from facemask.evaluation import people
from tests.conftest import Run
from tests.helpers import draw, set_params

SET = Path("data/elsewhere")


def describe(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def folder(project: Path) -> Path:
    """An external set of one class."""
    set_params(project, {"ingest.external": str(SET)})
    draw(SET / "WithoutMask", 25, seed=9)
    return SET


def read() -> list[list[str]]:
    return pd.read_csv("data/people.csv", dtype=str).to_numpy().tolist()


def test_ingest_keeps_what_is_known_of_people(folder: Path, run: Run) -> None:
    describe(
        folder,
        [
            ["path", "sex", "beard"],
            ["WithoutMask/1.png", "female", ""],
            ["WithoutMask\\2.png", "male", "grey"],
        ],
    )
    run("ingest")
    assert sorted(read()) == [
        ["external", "WithoutMask/1.png", "sex", "female"],
        ["external", "WithoutMask/2.png", "beard", "grey"],
        ["external", "WithoutMask/2.png", "sex", "male"],
    ]
    assert "people.csv" not in Path("data/quarantine.csv").read_text()


def test_many_ages_are_counted_by_tens(folder: Path, run: Run) -> None:
    ages = [[f"WithoutMask/{number}.png", str(3 * number)] for number in range(25)]
    describe(folder, [["path", "age"], *ages])
    run("ingest")
    counts = pd.read_csv("data/people.csv")["value"].value_counts()
    assert counts["0-9"] == 4
    assert counts["70-79"] == 1


def test_a_set_that_says_nothing_has_an_empty_table(folder: Path, run: Run) -> None:
    run("ingest")
    assert read() == []
    assert folder.exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [["path", "age"], ["none.png", "1"]],
            "row 2: path = 'none.png': the source has no such file",
        ),
        (
            [["path", "age"], ["WithoutMask/1.png", "1"], ["WithoutMask/1.png", "2"]],
            "rows 2 and 3 both name 'WithoutMask/1.png'",
        ),
        ([["file", "age"], ["WithoutMask/1.png", "1"]], "should be CSV with a column path"),
        (
            [["path", "sex"], ["WithoutMask/1.png", "=1+1"]],
            "sex = '=1+1': should begin with a letter",
        ),
        ([["path", "=x"], ["WithoutMask/1.png", "1"]], "=x = '=x': should begin with a letter"),
        (
            [["path", "name"], *([f"WithoutMask/{n}.png", f"person {n}"] for n in range(25))],
            "name: has 25 different values; should have at most 20",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(
    folder: Path, complaint: Callable[[str], str], rows: list[list[str]], message: str
) -> None:
    describe(folder, rows)
    stopped = complaint("ingest")
    assert "people.csv: " in stopped
    assert message in stopped


def predictions(wrong: dict[str, tuple[int, int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return images and their attributes; by value, how many of how many are errors."""
    rows = []
    attributes = []
    for value, (errors, images) in wrong.items():
        for number in range(images):
            path = f"{value}/{number}.png"
            predicted = "masked" if number < errors else "bare"
            rows.append({"path": f"{path}#1-finder", "label": "bare", "predicted": predicted})
            attributes.append({"path": path, "attribute": "age", "value": value})
    return pd.DataFrame(rows), pd.DataFrame(attributes)


def test_the_worst_group_comes_first_with_the_interval_of_wilson() -> None:
    measured = people.error_rates(
        *predictions({"young": (2, 400), "middle": (0, 10), "old": (9, 300)})
    )
    groups = measured["groups"]
    assert [group["value"] for group in groups] == ["old", "young", "middle"]
    assert groups[0]["images"] == 300
    assert groups[0]["errors"] == 9
    assert groups[0]["error_rate"] == pytest.approx(0.03)
    assert groups[0]["interval_95"] == pytest.approx([0.01586, 0.05602], abs=1e-4)
    assert groups[2]["interval_95"] == pytest.approx([0, 0.2775], abs=1e-4)


def test_the_largest_ratio_is_of_two_large_groups_and_finite_without_an_error() -> None:
    measured = people.error_rates(
        *predictions({"young": (0, 399), "few": (9, 10), "old": (9, 299)})
    )
    ratio = measured["largest_ratio"]
    assert ratio["ratio"] == pytest.approx((9.5 / 300) / (0.5 / 400))
    assert (ratio["worst"], ratio["best"]) == ("old", "young")
    assert (ratio["attribute"], ratio["label"]) == ("age", "bare")
    small = people.error_rates(*predictions({"young": (0, 399), "few": (9, 10)}))
    assert "largest_ratio" not in small


def test_nothing_is_measured_of_people_who_are_not_described() -> None:
    rows, _ = predictions({"young": (1, 2)})
    assert people.error_rates(rows, pd.DataFrame(columns=["path", "attribute", "value"])) == {}
