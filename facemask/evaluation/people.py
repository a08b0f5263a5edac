"""Error rates of a model for groups of people, such as men, or people from 60 to 69."""

from typing import Any

import pandas as pd
from scipy import stats

LEAST_IMAGES = 200
"""Groups with fewer images are left out of the largest ratio."""

PART = r"#\d+(-\w+)?$"
"""Matches the ending that the path of a crop adds to its photo's path: `#1` or `#1-finder`."""


def error_rates(rows: pd.DataFrame, attributes: pd.DataFrame) -> dict[str, Any]:
    """Return the error rate of each group of people in one set of images.

    A group is the images of one class whose people have the same value of an attribute.

    Args:
        rows: n images with `path`, `label` and `predicted`. A crop has the attributes of its photo.
        attributes: a row for each value: `path`, `attribute` and `value`.

    Returns:
        `groups` is a list, the worst group first, of `attribute`, `value`, `label`, `images`,
        `errors`, `error_rate` (0-1) and its `interval_95` (Wilson 1927). `largest_ratio` has
        `ratio`, `attribute`, `label`, and the values `worst` and `best`. It is missing unless two
        groups of the same attribute and label have at least `LEAST_IMAGES`. The result is empty if
        no image has attributes.
    """
    images = rows[["label"]].assign(
        path=rows["path"].str.replace(PART, "", regex=True),
        is_wrong=rows["predicted"] != rows["label"],
    )
    known = images.merge(attributes[["path", "attribute", "value"]], on="path")
    if known.empty:
        return {}
    is_wrong = known.groupby(["attribute", "value", "label"])["is_wrong"]
    groups = pd.DataFrame({"images": is_wrong.size(), "errors": is_wrong.sum()}).reset_index()
    groups["error_rate"] = groups["errors"] / groups["images"]
    groups["interval_95"] = [
        share_interval(errors, count)
        for errors, count in zip(groups["errors"], groups["images"], strict=True)
    ]
    groups = groups.sort_values(["error_rate", "images"], ascending=False)
    rates: dict[str, Any] = {"groups": groups.to_dict("records")}
    ratio = _largest_ratio(groups)
    if ratio:
        rates["largest_ratio"] = ratio
    return rates


def share_interval(count: int, images: int) -> list[float]:
    """Return the lower and upper bound (0-1) of a share, with 95 % confidence (Wilson 1927)."""
    interval = stats.binomtest(count, images).proportion_ci(method="wilson")
    return [float(interval.low), float(interval.high)]


def _largest_ratio(groups: pd.DataFrame) -> dict[str, Any]:
    """Return the largest ratio of the error rates of two groups, and these groups.

    Half an error is added to each group (Haldane 1956). So a group without errors has a ratio too.
    """
    large = groups[groups["images"] >= LEAST_IMAGES]
    large = large.assign(rate=(large["errors"] + 0.5) / (large["images"] + 1))
    ratios = []
    for (attribute, label), of_attribute in large.groupby(["attribute", "label"]):
        ascending = of_attribute.sort_values("rate")
        best = ascending.iloc[0]
        worst = ascending.iloc[-1]
        ratio = {
            "ratio": float(worst["rate"] / best["rate"]),
            "attribute": attribute,
            "label": label,
            "worst": worst["value"],
            "best": best["value"],
        }
        if len(ascending) > 1:
            ratios.append(ratio)
    return max(ratios, key=lambda ratio: float(ratio["ratio"]), default={})
