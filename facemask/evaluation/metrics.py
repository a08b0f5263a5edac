"""Predictions held against labels, as scikit-learn defines it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from facemask import params
from facemask.store import tables

BINS = 15
"""Of equal width, from 0 to 1, in which probabilities are held against what happened."""

RESAMPLES = 1000
"""Of the groups, with replacement, for an interval."""

LEAST = 1e-7
"""Nearest that a probability is taken to be to 0 or 1."""


def decide(rows: pd.DataFrame, threshold: float, classes: list[str]) -> pd.DataFrame:
    """Predict a class for each image.

    Args:
        rows: n images with `probability`, 0-1, of the positive class.
        threshold: probability from which the positive class is predicted.
        classes: the two names; the second is the positive one.

    Returns:
        `rows` with `predicted`, a class, and `confidence`, the probability of that class.
    """
    probability = rows["probability"]
    is_positive = probability >= threshold
    return rows.assign(
        predicted=np.where(is_positive, classes[1], classes[0]),
        confidence=np.where(is_positive, probability, 1 - probability),
    )


def threshold(rows: pd.DataFrame, options: params.Evaluate, positive: str) -> float:
    """Return the threshold that is asked for, or the highest that gives the wanted recall.

    Args:
        rows: of validation, with `label` and `probability`.
        options: `threshold`, and `recall`, none where it is not wanted.
        positive: name of the positive class.
    """
    if options.recall is None:
        return options.threshold
    found = np.sort(rows["probability"][rows["label"] == positive])
    return float(found[int(np.floor((1 - options.recall) * len(found) + 1e-9))])


def summary(rows: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    """Measure predictions against labels.

    Args:
        rows: n rows from `decide`, with `label`.
        classes: the two names; precision, recall and F1 are those of the positive class.

    Returns:
        Numbers and counts by name; `log_loss` is the mean binary cross-entropy in nats, `brier` the
        mean squared error of the probability, `calibration_error` the mean distance of probability
        and share in `reliability`; `roc_auc` is none where only one class is there.
    """
    label, predicted, probability = rows["label"], rows["predicted"], rows["probability"]
    positive = {"pos_label": classes[1], "zero_division": 0}
    recall = metrics.recall_score(label, predicted, labels=classes, average=None, zero_division=0)
    counts = pd.crosstab(label, predicted).reindex(index=classes, columns=classes, fill_value=0)
    curve = reliability(rows, classes[1])
    distance = (curve["probability"] - curve["share"]).abs()
    return {
        "images": len(label),
        "positive_class": classes[1],
        "log_loss": metrics.log_loss(label, probability, labels=classes),
        "brier": metrics.brier_score_loss(label == classes[1], probability),
        "calibration_error": float(np.average(distance, weights=curve["images"])),
        "accuracy": metrics.accuracy_score(label, predicted),
        "precision": metrics.precision_score(label, predicted, **positive),
        "recall": metrics.recall_score(label, predicted, **positive),
        "f1": metrics.f1_score(label, predicted, **positive),
        "roc_auc": metrics.roc_auc_score(label == classes[1], probability)
        if label.nunique() == 2
        else None,
        "recall_of_class": dict(zip(classes, recall.tolist(), strict=True)),
        "confusion_matrix": counts.to_dict("index"),
        "interval_95": intervals(rows, classes),
    }


def headlines(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Pick the numbers that people compare between runs.

    Args:
        figures: by subset, from `summary`, with `train_overlap` and, where the start of the
            training was measured, `against_start` from `comparison`.

    Returns:
        By figure, its value on each subset; `log_loss` and `train_overlap` of those drawn from the
        collection alone, as a dozen numbers is what people look through.
    """
    own = {part: one for part, one in figures.items() if part in tables.SUBSETS}
    found = {"accuracy": {part: one["accuracy"] for part, one in figures.items()}}
    for name in ("log_loss", "train_overlap"):
        found[name] = {part: one[name] for part, one in own.items()}
    for part, one in figures.items():
        for label, recall in one["recall_of_class"].items():
            found.setdefault(f"recall_{label}", {})[part] = recall
        if "against_start" in one:
            gain = one["against_start"]["difference"]
            found.setdefault("accuracy_over_start", {})[part] = gain
    return found


def roc(rows: pd.DataFrame, positive: str) -> pd.DataFrame:
    """Return the ROC curve: false_positive_rate, true_positive_rate, threshold."""
    columns = ("false_positive_rate", "true_positive_rate", "threshold")
    curve = metrics.roc_curve(rows["label"], rows["probability"], pos_label=positive)
    return pd.DataFrame(dict(zip(columns, curve, strict=True)))


def precision_recall(rows: pd.DataFrame, positive: str) -> pd.DataFrame:
    """Return the precision-recall curve: recall, precision, threshold (none for the last point)."""
    precision, recall, threshold = metrics.precision_recall_curve(
        rows["label"], rows["probability"], pos_label=positive
    )
    threshold = np.append(threshold, np.nan)
    return pd.DataFrame({"recall": recall, "precision": precision, "threshold": threshold})


def reliability(rows: pd.DataFrame, positive: str) -> pd.DataFrame:
    """Hold probabilities against how often the positive class was there.

    The mean distance, weighted by images, is the expected calibration error (Naeini 2015).

    Returns:
        A row for each of `BINS` that is not empty: probability (its mean there), share (0-1, of the
        positive class) and images.
    """
    share = (rows["label"] == positive).astype(float)
    table = pd.DataFrame({"probability": rows["probability"], "share": share})
    bins = (table["probability"] * BINS).astype(int).clip(upper=BINS - 1).to_numpy()
    found = table.groupby(bins)
    return found.mean().assign(images=found.size()).reset_index(drop=True)


def intervals(rows: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    """Tell between what bounds figures would lie in 95 of 100 such collections.

    Whole groups are drawn anew, with replacement (cluster bootstrap: Field 2007), as the images of
    one picture do not vote alone.

    Args:
        rows: n rows from `decide`, with `label` and `group`.
        classes: the two names.

    Returns:
        [lower, upper] of `accuracy`, `log_loss` and, by class, `recall_of_class`.
    """
    label, probability = rows["label"], rows["probability"]
    p = probability.where(label == classes[1], 1 - probability)
    right = (label == rows["predicted"]).astype(float)
    sums = pd.DataFrame({"images": 1.0, "right": right, "loss": -np.log(np.maximum(p, LEAST))})
    for name in classes:
        sums[f"images {name}"] = (label == name).astype(float)
        sums[f"right {name}"] = right * sums[f"images {name}"]
    totals = _resampled(sums, rows["group"])

    def bounds(part: str, all_of_them: str) -> list[float] | None:
        ratio = (totals[part] / totals[all_of_them]).dropna()
        return np.quantile(ratio, [0.025, 0.975]).tolist() if len(ratio) else None

    return {
        "accuracy": bounds("right", "images"),
        "log_loss": bounds("loss", "images"),
        "recall_of_class": {name: bounds(f"right {name}", f"images {name}") for name in classes},
    }


def difference_interval(change: pd.Series, group: pd.Series) -> list[float]:
    """Tell between what bounds the mean of a difference would lie in 95 of 100 such collections.

    Whole groups are drawn anew, each image with what two models say of it (paired cluster
    bootstrap).

    Args:
        change: (n,), of each image: one model's figure minus the other's.
        group: (n,), which images belong together.

    Returns:
        [lower, upper].
    """
    totals = _resampled(pd.DataFrame({"images": 1.0, "change": change.astype(float)}), group)
    return np.quantile(totals["change"] / totals["images"], [0.025, 0.975]).tolist()


def _resampled(sums: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """Add the columns up over groups that are drawn with replacement; a row a resample."""
    by_group = sums.groupby(group.to_numpy()).sum()
    rng, count = np.random.default_rng(0), len(by_group)
    drawn = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) @ by_group.to_numpy()
    return pd.DataFrame(drawn, columns=by_group.columns)
