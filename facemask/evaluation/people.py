"""Error rates of a model for groups of people, such as men, or people from 60 to 69."""

from typing import Any

import pandas as pd
from scipy import stats

LEAST_IMAGES = 200
"""Smallest number of images of a group that counts for the largest ratio."""

PART = r"#\d+(-\w+)?$"
"""What follows a photo's path in the path of a part of it, such as `#1` or `#1-finder`."""


def error_rates(rows: pd.DataFrame, attributes: pd.DataFrame) -> dict[str, Any]:
    """Return the error rate of each group of people in one set of images.

    A group is the images of one class whose people have the same value of an attribute.

    Args:
        rows: n images with `path`, `label` and `predicted`. A part of a photo has the attributes of
            the photo.
        attributes: a row for each value: `path`, `attribute` and `value`.

    Returns:
        `groups`, the worst first: `attribute`, `value`, `label`, `images`, `errors`, `error_rate`
        (0-1) and its `interval_95` (Wilson 1927). `largest_ratio`, if two groups of one attribute
        and label have at least `LEAST_IMAGES`: `ratio`, `attribute`, `label`, and the values
        `worst` and `best`. Empty if nothing is known of the people.
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
    """Return the two groups with the largest ratio of error rates, and this ratio.

    Half an error is added to each group, so that a group without errors has a ratio too (Haldane
    1956).
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
