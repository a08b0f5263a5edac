"""Predictions held against labels, as scikit-learn defines it."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special
from sklearn import metrics

BINS = 15
"""Of equal width, from 0 to 1, in which probabilities are held against what happened."""

RESAMPLES = 1000
"""Of the groups, with replacement, for an interval."""

LEAST = 1e-7
"""Nearest that a probability is taken to be to 0 or 1."""


def predictions(
    rows: pd.DataFrame, probability: NDArray[np.float64], threshold: float, classes: list[str]
) -> pd.DataFrame:
    """Decide on a class for each image.

    Args:
        rows: n images with `path` and `label`.
        probability: (n,), 0-1, of the second class.
        threshold: probability from which the second class is decided on.
        classes: the two names; the second is the positive one.

    Returns:
        path, label, predicted (a class) and probability (0-1, of the class that is predicted).
    """
    is_second = probability >= threshold
    return rows[["path", "label"]].assign(
        predicted=np.where(is_second, classes[1], classes[0]),
        probability=np.where(is_second, probability, 1 - probability),
    )


def judge(
    predicted: pd.DataFrame, probability: NDArray[np.float64], classes: list[str]
) -> dict[str, Any]:
    """Measure predictions against labels.

    Args:
        predicted: n rows from `predictions`.
        probability: (n,), 0-1, of the second class.
        classes: the two names; precision, recall and F1 are those of the second.

    Returns:
        Numbers and counts by name; `loss` is the mean binary cross-entropy in nats, `brier` the
        mean squared error of the probability, `calibration_error` the mean distance of probability
        and share in `reliability`; `roc_auc` is none where only one class is there.
    """
    label, decision = predicted["label"], predicted["predicted"]
    positive = {"pos_label": classes[1], "zero_division": 0}
    recall = metrics.recall_score(label, decision, labels=classes, average=None, zero_division=0)
    counts = pd.crosstab(label, decision).reindex(index=classes, columns=classes, fill_value=0)
    curve = reliability(label, probability, classes[1])
    distance = (curve["probability"] - curve["share"]).abs()
    return {
        "images": len(label),
        "positive_class": classes[1],
        "loss": metrics.log_loss(label, probability, labels=classes),
        "brier": metrics.brier_score_loss(label == classes[1], probability),
        "calibration_error": float(np.average(distance, weights=curve["images"])),
        "accuracy": metrics.accuracy_score(label, decision),
        "precision": metrics.precision_score(label, decision, **positive),
        "recall": metrics.recall_score(label, decision, **positive),
        "f1": metrics.f1_score(label, decision, **positive),
        "roc_auc": metrics.roc_auc_score(label == classes[1], probability)
        if label.nunique() == 2
        else None,
        "recall_of_class": dict(zip(classes, recall.tolist(), strict=True)),
        "decided_as": counts.to_dict("index"),
    }


def roc(label: pd.Series, probability: NDArray[np.float64], positive: str) -> pd.DataFrame:
    """Give the ROC curve: false_positive_rate, true_positive_rate, threshold."""
    columns = ("false_positive_rate", "true_positive_rate", "threshold")
    curve = metrics.roc_curve(label, probability, pos_label=positive)
    return pd.DataFrame(dict(zip(columns, curve, strict=True)))


def precision_recall(
    label: pd.Series, probability: NDArray[np.float64], positive: str
) -> pd.DataFrame:
    """Give the precision-recall curve: recall, precision, threshold (none for the last point)."""
    precision, recall, threshold = metrics.precision_recall_curve(
        label, probability, pos_label=positive
    )
    threshold = np.append(threshold, np.nan)
    return pd.DataFrame({"recall": recall, "precision": precision, "threshold": threshold})


def reliability(label: pd.Series, probability: NDArray[np.float64], positive: str) -> pd.DataFrame:
    """Hold probabilities against how often the positive class was there.

    The mean distance, weighted by images, is the expected calibration error (Naeini 2015).

    Returns:
        A row for each of `BINS` that is not empty: probability (its mean there), share (0-1, of the
        positive class) and images.
    """
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    table = pd.DataFrame({"probability": probability, "share": (label == positive).astype(float)})
    found = table.groupby(bins)
    return found.mean().assign(images=found.size()).reset_index(drop=True)


def calibration(
    is_positive: NDArray[np.bool_], probability: NDArray[np.float64]
) -> tuple[float, float]:
    """Find the line that maps logits to those of the least log-loss (Platt 1999).

    Returns:
        slope and shift: `slope * logit + shift` is the calibrated logit.
    """
    logits = special.logit(np.clip(probability, LEAST, 1 - LEAST))
    sign = np.where(is_positive, 1, -1)

    def loss(line: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0, -sign * (line[0] * logits + line[1])).mean())

    bounds = [(0.05, 20), (-10, 10)]  # where a perfect separation would have no least
    slope, shift = optimize.minimize(loss, [1.0, 0.0], bounds=bounds).x
    return float(slope), float(shift)


def threshold_for(
    recall: float, label: pd.Series, probability: NDArray[np.float64], positive: str
) -> float:
    """Find the highest threshold at which at least this share of the positive class is found."""
    found = np.sort(probability[label == positive])
    return float(found[int(np.floor((1 - recall) * len(found) + 1e-9))])


def intervals(
    predicted: pd.DataFrame, probability: NDArray[np.float64], groups: pd.Series, classes: list[str]
) -> dict[str, Any]:
    """Tell between what bounds figures would lie in 95 of 100 such collections.

    Whole groups are drawn anew, with replacement (cluster bootstrap: Field 2007), as the images of
    one picture do not vote alone.

    Args:
        predicted: n rows from `predictions`.
        probability: (n,), 0-1, of the second class.
        groups: (n,) names.
        classes: the two names.

    Returns:
        [lower, upper] of `accuracy`, `loss` and, by class, `recall_of_class`.
    """
    label = predicted["label"]
    p = np.where(label == classes[1], probability, 1 - probability)
    right = (label == predicted["predicted"]).astype(float)
    sums = pd.DataFrame({"images": 1.0, "right": right, "loss": -np.log(np.maximum(p, LEAST))})
    for name in classes:
        sums[f"images {name}"] = (label == name).astype(float)
        sums[f"right {name}"] = right * sums[f"images {name}"]
    by_group = sums.groupby(groups.to_numpy()).sum()
    rng, count = np.random.default_rng(0), len(by_group)
    drawn = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) @ by_group.to_numpy()
    totals = pd.DataFrame(drawn, columns=by_group.columns)

    def bounds(part: str, whole: str) -> list[float] | None:
        ratio = (totals[part] / totals[whole]).dropna()
        return np.quantile(ratio, [0.025, 0.975]).tolist() if len(ratio) else None

    return {
        "accuracy": bounds("right", "images"),
        "loss": bounds("loss", "images"),
        "recall_of_class": {name: bounds(f"right {name}", f"images {name}") for name in classes},
    }
