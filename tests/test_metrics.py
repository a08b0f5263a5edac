import numpy as np
import pandas as pd
import pytest
from scipy import special

from facemask import params
from facemask.evaluation import metrics
from facemask.model import calibration

CLASSES = ["bare", "mask"]
ROWS = pd.DataFrame(
    {
        "path": list("abcde"),
        "label": ["bare", "bare", "mask", "mask", "mask"],
        "group": range(5),
        "probability": [0.1, 0.7, 0.6, 0.9, 0.2],
    }
)


def test_a_prediction_has_the_confidence_of_its_own_class() -> None:
    predicted = metrics.decide(ROWS, 0.5, CLASSES)
    assert list(predicted["predicted"]) == ["bare", "mask", "mask", "mask", "bare"]
    assert list(predicted["confidence"]) == pytest.approx([0.9, 0.7, 0.6, 0.9, 0.8])


def test_the_threshold_moves_decisions() -> None:
    assert list(metrics.decide(ROWS, 0.65, CLASSES)["predicted"]) == [
        "bare",
        "mask",
        "bare",
        "mask",
        "bare",
    ]


def test_the_numbers_are_those_counted_by_hand() -> None:
    measured = metrics.summary(metrics.decide(ROWS, 0.5, CLASSES), CLASSES)
    assert measured["images"] == 5
    assert measured["positive_class"] == "mask"
    assert measured["accuracy"] == pytest.approx(3 / 5)
    assert measured["precision"] == pytest.approx(2 / 3)
    assert measured["recall"] == pytest.approx(2 / 3)
    assert measured["f1"] == pytest.approx(2 / 3)
    assert measured["recall_of_class"] == pytest.approx({"bare": 1 / 2, "mask": 2 / 3})
    assert measured["roc_auc"] == pytest.approx(4 / 6)  # pairs in the right order
    likelihood = [0.9, 0.3, 0.6, 0.9, 0.2]
    assert measured["log_loss"] == pytest.approx(-np.log(likelihood).mean())
    assert measured["confusion_matrix"] == {
        "bare": {"bare": 1, "mask": 1},
        "mask": {"bare": 1, "mask": 2},
    }


def test_each_source_is_measured_where_there_are_several() -> None:
    predicted = metrics.decide(ROWS, 0.5, CLASSES)
    two = predicted.assign(source=["a", "a", "b", "b", "b"])
    by_source = metrics.by_source(two, CLASSES)
    assert list(by_source) == ["a", "b"]
    assert by_source["b"]["recall_of_class"] == pytest.approx({"mask": 2 / 3})
    assert by_source["b"]["roc_auc"] is None
    assert metrics.by_source(predicted.assign(source="a"), CLASSES) == {}


def test_a_model_that_always_says_the_same_is_measured_too() -> None:
    constant = ROWS.assign(probability=0.9)
    measured = metrics.summary(metrics.decide(constant, 0.5, CLASSES), CLASSES)
    assert measured["recall_of_class"] == {"bare": 0.0, "mask": 1.0}
    assert measured["confusion_matrix"]["bare"] == {"bare": 0, "mask": 2}


def test_a_class_without_images_has_no_recall() -> None:
    masked = ROWS[ROWS["label"] == "mask"]
    measured = metrics.summary(metrics.decide(masked, 0.5, CLASSES), CLASSES)
    assert measured["recall_of_class"] == pytest.approx({"mask": 2 / 3})


def test_the_curves_run_from_corner_to_corner() -> None:
    roc = metrics.roc(ROWS, "mask")
    assert roc.iloc[0][["false_positive_rate", "true_positive_rate"]].tolist() == [0, 0]
    assert roc.iloc[-1][["false_positive_rate", "true_positive_rate"]].tolist() == [1, 1]
    curve = metrics.precision_recall(ROWS, "mask")
    assert curve.iloc[0]["recall"] == 1
    assert curve.iloc[-1][["recall", "precision"]].tolist() == [0, 1]


def test_calibration_is_measured_in_bins() -> None:
    probability = np.repeat([0.1, 0.9], 100)
    label = pd.Series(["mask"] * 20 + ["bare"] * 80 + ["mask"] * 100)
    rows = pd.DataFrame({"label": label, "probability": probability, "group": range(200)})
    curve = metrics.reliability(rows, "mask")
    assert curve.round(6).to_dict("list") == {
        "probability": [0.1, 0.9],
        "share": [0.2, 1.0],
        "images": [100, 100],
    }
    measured = metrics.summary(metrics.decide(rows, 0.5, CLASSES), CLASSES)
    assert measured["calibration_error"] == pytest.approx(0.1)
    assert measured["brier"] == pytest.approx((20 * 0.81 + 80 * 0.01 + 100 * 0.01) / 200)


@pytest.mark.parametrize(("slope", "shift"), [(0.5, 0.0), (1.0, -2.0), (3.0, 1.0)])
def test_calibration_makes_probabilities_true(slope: float, shift: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 20_000)
    predicted = special.expit((logits - shift) / slope)
    is_positive = rng.random(20_000) < special.expit(logits)
    line = calibration.platt(is_positive, predicted, np.ones(20_000))
    assert line == pytest.approx([slope, shift], rel=0.05, abs=0.05)


def test_calibration_weighs_images() -> None:
    is_positive = np.array([True] * 100 + [False] * 900)
    weights = np.where(is_positive, 5, 5 / 9)
    slope, shift = calibration.platt(is_positive, np.full(1000, 0.1), weights)
    assert special.expit(slope * special.logit(0.1) + shift) == pytest.approx(0.5, abs=0.01)


def test_calibration_of_a_perfect_separation_ends() -> None:
    slope, shift = calibration.platt(np.array([False, True]), np.array([0.4, 0.6]), np.ones(2))
    assert 1 < slope <= 20
    assert abs(shift) < 1


def test_the_threshold_is_the_highest_that_finds_the_wanted_share() -> None:
    label = pd.Series(["mask"] * 10 + ["bare"] * 3)
    probability = np.array([*np.linspace(0.1, 1.0, 10), 0.05, 0.5, 0.95])
    rows = pd.DataFrame({"label": label, "probability": probability})
    for recall in (0.5, 0.9, 1.0):
        options = params.Evaluate(threshold=0.5, recall=recall)
        threshold = metrics.threshold(rows, options, "mask")
        assert (probability[:10] >= threshold).mean() == recall


def test_intervals_draw_groups_not_images() -> None:
    rng = np.random.default_rng(1)
    count = 400
    label = pd.Series(np.where(np.arange(count) % 2, "mask", "bare"))
    right = rng.random(count) < 0.9
    probability = np.where((label == "mask") == right, 0.8, 0.2)
    rows = pd.DataFrame({"label": label, "probability": probability, "group": range(count)})
    predicted = metrics.decide(rows, 0.5, CLASSES)
    alone = metrics.intervals(predicted, CLASSES)
    low, high = alone["accuracy"]
    expected = 2 * 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / count)
    assert low < right.mean() < high
    assert high - low == pytest.approx(expected, rel=0.15)
    assert alone["recall_of_class"].keys() == {"bare", "mask"}
    five_times = pd.concat([predicted] * 5, ignore_index=True)
    copies = metrics.intervals(five_times, CLASSES)
    assert copies["accuracy"] == pytest.approx(alone["accuracy"], abs=0.01)


def test_a_paired_difference_is_narrower_than_the_figures_that_it_is_of() -> None:
    rng = np.random.default_rng(1)
    group = pd.Series(np.arange(400) // 2)
    before = pd.Series(rng.random(400) < 0.8)
    cured = pd.Series(rng.random(400) < 0.1) & ~before
    low, high = metrics.difference_interval((before | cured).astype(int) - before, group)
    assert 0 <= low < cured.mean() < high
    assert high - low < 0.03
    assert metrics.difference_interval(before * 0, group) == [0, 0]
