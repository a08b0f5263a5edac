"""Predictions held against labels, as scikit-learn defines it."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics


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
        Numbers and counts by name; `loss` is the mean binary cross-entropy in nats; `roc_auc` is
        none where only one class is there.
    """
    label, decision = predicted["label"], predicted["predicted"]
    positive = {"pos_label": classes[1], "zero_division": 0}
    recall = metrics.recall_score(label, decision, labels=classes, average=None, zero_division=0)
    counts = pd.crosstab(label, decision).reindex(index=classes, columns=classes, fill_value=0)
    return {
        "images": len(label),
        "positive_class": classes[1],
        "loss": metrics.log_loss(label, probability, labels=classes),
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
