"""Compare predictions with labels."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from facemask import params
from facemask.store import tables

BINS = 15
"""Number of equal bins of probabilities, from 0 to 1, for the calibration error."""

RESAMPLES = 1000
"""Number of bootstrap samples for an interval."""

MIN_PROBABILITY = 1e-7
"""Probabilities are clipped to at least this before their logarithm is taken."""


def decide(
    rows: pd.DataFrame,
    threshold: float,
    classes: Sequence[str],
) -> pd.DataFrame:
    """Predict a class for each image.

    Args:
        rows: n images with `probability`, 0-1, of the positive class.
        threshold: probability from which the positive class is predicted.
        classes: the two names; the second is the positive class.

    Returns:
        `rows` with `predicted`, a class, and `confidence`, the probability of that class.
    """
    negative, positive = classes
    probability = rows["probability"]
    is_positive = probability >= threshold
    return rows.assign(
        predicted=np.where(is_positive, positive, negative),
        confidence=np.where(is_positive, probability, 1 - probability),
    )


def threshold(
    rows: pd.DataFrame,
    options: params.Evaluate,
    positive: str,
) -> float:
    """Return `options.threshold`, or the highest threshold that reaches `options.recall`.

    Args:
        rows: of validation, with `label` and `probability`.
        options: `threshold` is used if `recall` is None.
        positive: name of the positive class.
    """
    if options.recall is None:
        return options.threshold
    ascending = np.sort(rows["probability"][rows["label"] == positive])
    missed = (1 - options.recall) * len(ascending)
    return float(ascending[int(missed + 1e-9)])


def summary(rows: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    """Return all figures of a set of images.

    Args:
        rows: n rows from `decide`, with `label` and `group`.
        classes: the two names. Precision, recall and F1 are those of the second, the positive
            class.

    Returns:
        Numbers and counts by name. `log_loss` is the mean binary cross-entropy in nats. `brier` is
        the mean squared error of the probability. `calibration_error` is the mean distance between
        probability and share in `reliability`. If a class has no images, `recall_of_class` lacks
        this class, and `roc_auc` is None.
    """
    label = rows["label"]
    predicted = rows["predicted"]
    probability = rows["probability"]
    positive = classes[1]
    is_positive = label == positive
    precision, recall, f1, counted = metrics.precision_recall_fscore_support(
        label,
        predicted,
        labels=classes,
        zero_division=0,
    )
    recall_of_class = {}
    for name, share, count in zip(classes, recall.tolist(), counted, strict=True):
        if count:
            recall_of_class[name] = share
    counts = pd.crosstab(label, predicted)
    counts = counts.reindex(index=classes, columns=classes, fill_value=0)
    roc_auc = None
    if is_positive.nunique() > 1:
        roc_auc = metrics.roc_auc_score(is_positive, probability)
    return {
        "images": len(rows),
        "positive_class": positive,
        "log_loss": metrics.log_loss(label, probability, labels=classes),
        "brier": metrics.brier_score_loss(is_positive, probability),
        "calibration_error": _calibration_error(rows, positive),
        "accuracy": metrics.accuracy_score(label, predicted),
        "precision": precision[1],
        "recall": recall_of_class.get(positive),
        "f1": f1[1],
        "roc_auc": roc_auc,
        "recall_of_class": recall_of_class,
        "confusion_matrix": counts.to_dict("index"),
        "interval_95": intervals(rows, classes),
    }


def by_source(rows: pd.DataFrame, classes: list[str]) -> dict[str, dict[str, Any]]:
    """Return the `summary` of each source, if the images come from more than one."""
    if "source" not in rows or rows["source"].nunique() < 2:
        return {}
    return {
        str(name): summary(rows_of_source, classes)
        for name, rows_of_source in rows.groupby("source")
    }


def headlines(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the numbers that people compare between runs.

    Args:
        figures: by subset, as in `details/evaluate.json`.

    Returns:
        The values on the subsets, by metric. External sets have no `log_loss` and `train_overlap`,
        because nobody reads more than a dozen numbers.
    """
    values: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for subset, measured in figures.items():
        values["accuracy"][subset] = measured["accuracy"]
        for label, recall in measured["recall_of_class"].items():
            values[f"recall_{label}"][subset] = recall
        if subset in tables.SUBSETS:
            values["log_loss"][subset] = measured["log_loss"]
            values["train_overlap"][subset] = measured["train_overlap"]
        if "against_start" in measured:
            values["accuracy_over_start"][subset] = measured["against_start"]["difference"]
        people = measured.get("people", {})
        if "largest_ratio" in people:
            values["people_error_ratio"][subset] = people["largest_ratio"]["ratio"]
    return dict(values)


def curves(rows: pd.DataFrame, positive: str) -> dict[str, pd.DataFrame]:
    """Return three curves by name: `roc`, `precision_recall` and `reliability`."""
    return {
        "roc": roc(rows, positive),
        "precision_recall": precision_recall(rows, positive),
        "reliability": reliability(rows, positive),
    }


def roc(rows: pd.DataFrame, positive: str) -> pd.DataFrame:
    """Return the ROC curve: false_positive_rate, true_positive_rate, threshold."""
    false_positive, true_positive, threshold = metrics.roc_curve(
        rows["label"],
        rows["probability"],
        pos_label=positive,
    )
    return pd.DataFrame(
        {
            "false_positive_rate": false_positive,
            "true_positive_rate": true_positive,
            "threshold": threshold,
        }
    )


def precision_recall(rows: pd.DataFrame, positive: str) -> pd.DataFrame:
    """Return the precision-recall curve: recall, precision, threshold.

    The last point has no threshold.
    """
    precision, recall, threshold = metrics.precision_recall_curve(
        rows["label"],
        rows["probability"],
        pos_label=positive,
    )
    return pd.DataFrame(
        {
            "recall": recall,
            "precision": precision,
            "threshold": np.append(threshold, np.nan),
        }
    )


def reliability(rows: pd.DataFrame, positive: str) -> pd.DataFrame:
    """Compare the probability of the positive class with its share of the images.

    Returns:
        A row for each of `BINS` that has images: mean `probability`, `share` of the positive class
        (0-1), number of `images`.
    """
    share = (rows["label"] == positive).astype(float)
    table = pd.DataFrame({"probability": rows["probability"], "share": share})
    number = (table["probability"] * BINS).astype(int).clip(upper=BINS - 1)
    bins = table.groupby(number.to_numpy())
    return bins.mean().assign(images=bins.size()).reset_index(drop=True)


def _calibration_error(rows: pd.DataFrame, positive: str) -> float:
    """Return the expected calibration error, 0-1 (Naeini et al. 2015)."""
    curve = reliability(rows, positive)
    distance = (curve["probability"] - curve["share"]).abs()
    return float(np.average(distance, weights=curve["images"]))


def intervals(rows: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    """Return 95 % intervals from a bootstrap over groups (cluster bootstrap: Field & Welsh 2007).

    Groups are resampled, not images, because near-duplicates are not independent.

    Args:
        rows: n rows from `decide`, with `label` and `group`.
        classes: the two names.

    Returns:
        [lower, upper] of `accuracy` and `log_loss`, and of `recall_of_class` by class. The interval
        of a class without images is None.
    """
    label = rows["label"]
    probability = rows["probability"]
    is_right = (label == rows["predicted"]).astype(float)
    probability_of_label = probability.where(label == classes[1], 1 - probability)
    sums = pd.DataFrame({"images": 1.0, "right": is_right})
    sums["loss"] = -np.log(np.maximum(probability_of_label, MIN_PROBABILITY))
    for name in classes:
        is_class = (label == name).astype(float)
        sums[f"images {name}"] = is_class
        sums[f"right {name}"] = is_right * is_class
    totals = _resampled(sums, rows["group"])

    def interval(part: str, whole: str) -> list[float] | None:
        ratio = (totals[part] / totals[whole]).dropna()
        return _central_95(ratio) if len(ratio) else None

    return {
        "accuracy": interval("right", "images"),
        "log_loss": interval("loss", "images"),
        "recall_of_class": {name: interval(f"right {name}", f"images {name}") for name in classes},
    }


def difference_interval(change: pd.Series, group: pd.Series) -> list[float]:
    """Return the 95 % interval of a mean difference, from a paired bootstrap over groups.

    Args:
        change: (n,), for each image the figure of one model minus the figure of the other.
        group: (n,), the group of each image.

    Returns:
        [lower, upper].
    """
    sums = pd.DataFrame({"images": 1.0, "change": change.astype(float)})
    totals = _resampled(sums, group)
    return _central_95(totals["change"] / totals["images"])


def _central_95(values: pd.Series) -> list[float]:
    """Return the bounds of the central 95 % of values."""
    return np.quantile(values, [0.025, 0.975]).tolist()


def _resampled(sums: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """Draw groups with replacement; return the columns' totals, a row for each bootstrap sample."""
    by_group = sums.groupby(group.to_numpy()).sum()
    count = len(by_group)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return pd.DataFrame(draws @ by_group.to_numpy(), columns=by_group.columns)
