import numpy as np
import pandas as pd
import pytest

from facemask import scores

CLASSES = ["bare", "mask"]
ROWS = pd.DataFrame({"path": list("abcde"), "label": ["bare", "bare", "mask", "mask", "mask"]})
PROBABILITY = np.array([0.1, 0.7, 0.6, 0.9, 0.2])


def test_a_decision_carries_the_probability_of_its_own_class() -> None:
    predicted = scores.predictions(ROWS, PROBABILITY, 0.5, CLASSES)
    assert list(predicted["predicted"]) == ["bare", "mask", "mask", "mask", "bare"]
    assert list(predicted["probability"]) == pytest.approx([0.9, 0.7, 0.6, 0.9, 0.8])


def test_the_threshold_moves_decisions() -> None:
    assert list(scores.predictions(ROWS, PROBABILITY, 0.65, CLASSES)["predicted"]) == [
        "bare",
        "mask",
        "bare",
        "mask",
        "bare",
    ]


def test_the_numbers_are_those_counted_by_hand() -> None:
    judged = scores.judge(scores.predictions(ROWS, PROBABILITY, 0.5, CLASSES), PROBABILITY, CLASSES)
    assert judged["images"] == 5
    assert judged["positive_class"] == "mask"
    assert judged["accuracy"] == pytest.approx(3 / 5)
    assert judged["precision"] == pytest.approx(2 / 3)
    assert judged["recall"] == pytest.approx(2 / 3)
    assert judged["f1"] == pytest.approx(2 / 3)
    assert judged["recall_of_class"] == pytest.approx({"bare": 1 / 2, "mask": 2 / 3})
    assert judged["roc_auc"] == pytest.approx(4 / 6)  # pairs in the right order
    likelihood = [0.9, 0.3, 0.6, 0.9, 0.2]
    assert judged["loss"] == pytest.approx(-np.log(likelihood).mean())
    assert judged["decided_as"] == {"bare": {"bare": 1, "mask": 1}, "mask": {"bare": 1, "mask": 2}}


def test_a_model_that_always_says_the_same_is_judged_too() -> None:
    constant = np.full(5, 0.9)
    judged = scores.judge(scores.predictions(ROWS, constant, 0.5, CLASSES), constant, CLASSES)
    assert judged["recall_of_class"] == {"bare": 0.0, "mask": 1.0}
    assert judged["decided_as"]["bare"] == {"bare": 0, "mask": 2}


def test_the_curves_run_from_corner_to_corner() -> None:
    roc = scores.roc(ROWS["label"], PROBABILITY, "mask")
    assert roc.iloc[0][["false_positive_rate", "true_positive_rate"]].tolist() == [0, 0]
    assert roc.iloc[-1][["false_positive_rate", "true_positive_rate"]].tolist() == [1, 1]
    curve = scores.precision_recall(ROWS["label"], PROBABILITY, "mask")
    assert curve.iloc[0]["recall"] == 1
    assert curve.iloc[-1][["recall", "precision"]].tolist() == [0, 1]
