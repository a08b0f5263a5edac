"""Compare the exported variants of a model with the Keras model, and choose one to ship."""

from typing import Any

import pandas as pd
from sklearn import metrics

from facemask import params
from facemask.errors import UserError
from facemask.inference.contract import Contract
from facemask.store import tables

OLDEST_RUNTIME = "2.5.0"
"""The shipped file must load in this TFLite runtime.

Guides for Raspberry Pi and phones use it.
"""

EXACT: params.Variant = "float32"
"""The variant that differs from Keras by rounding only."""

LARGEST_DIFFERENCE = 1e-4
"""Largest difference allowed between the probabilities of `EXACT` and of Keras."""

MAX_NAMED = 3
"""Largest number of images that an error names."""

COLUMNS = ["split", "path", "row", "label", "keras"]
"""Columns of the table that compares variants. Each variant adds a column."""


def reference(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of Keras, with the probability in the column `keras`."""
    return predictions.rename(columns={"probability": "keras"})[COLUMNS]


def measure(
    rows: pd.DataFrame,
    variant: str,
    contract: Contract,
) -> dict[str, Any]:
    """Compare a variant with Keras.

    Args:
        rows: images with `split` and `label`. The columns `keras` and `variant` have the
            probabilities (0-1) of the positive class.
        variant: name of the variant, and of its column.
        contract: has the classes and the threshold.

    Returns:
        Figures for each subset. `accuracy_loss` is the accuracy of Keras minus `accuracy`.
        `log_loss` is the mean binary cross-entropy in nats. `changed_decisions` is the share (0-1)
        of images with another decision than Keras. `largest_probability_difference` is absolute.
    """
    return {
        str(subset): _compare(images, variant, contract)
        for subset, images in rows.groupby("split", sort=False)
    }


def _compare(
    rows: pd.DataFrame,
    variant: str,
    contract: Contract,
) -> dict[str, float]:
    is_positive = rows["label"] == contract.labels[1]
    is_right = (rows[["keras", variant]] >= contract.threshold).eq(is_positive, axis=0)
    accuracy = is_right.mean()
    difference = (rows[variant] - rows["keras"]).abs()
    return {
        "accuracy": float(accuracy[variant]),
        "accuracy_loss": float(accuracy["keras"] - accuracy[variant]),
        "log_loss": float(metrics.log_loss(is_positive, rows[variant], labels=[False, True])),
        "changed_decisions": float(changed(rows, variant, contract.threshold).mean()),
        "largest_probability_difference": float(difference.max()),
    }


def changed(rows: pd.DataFrame, variant: str, threshold: float) -> pd.Series:
    """Return for each image whether the decisions of the variant and of Keras differ."""
    return (rows["keras"] >= threshold) != (rows[variant] >= threshold)


def choose(
    options: params.ExportTflite,
    rows: pd.DataFrame,
    measured: dict[str, dict[str, Any]],
    threshold: float,
) -> str:
    """Return the name of the variant that ships.

    It is the smallest variant within the limits, or the variant that `options.ship` names.

    Args:
        options: has the limits.
        rows: as in `measure`, with a column for each variant.
        measured: `kilobytes`, `minimum_runtime` and the result of `measure`, for each variant.
        threshold: the positive class is predicted if its probability is at least this.

    Raises:
        UserError: `EXACT` differs from Keras by more than `LARGEST_DIFFERENCE`, or no variant that
            may ship is within the limits. The message names the first images that differ.
    """
    if EXACT in measured:
        _refuse_inexact(rows)
    candidates = list(measured) if options.ship == "smallest" else [options.ship]
    images = {str(subset): len(subset_rows) for subset, subset_rows in rows.groupby("split")}
    faults = {name: _faults(options, measured[name], images) for name in candidates}
    good = [name for name in candidates if not faults[name]]
    if not good:
        reasons = "; ".join(f"{name}: {', '.join(faults[name])}" for name in candidates)
        images_changed = _names(rows[changed(rows, candidates[0], threshold)])
        raise UserError(
            f"export_tflite.ship = {options.ship}: no allowed variant is within the limits "
            f"({reasons}); {candidates[0]} and Keras decide differently on {images_changed}"
        )
    return min(good, key=lambda name: float(measured[name]["kilobytes"]))


def _refuse_inexact(rows: pd.DataFrame) -> None:
    difference = (rows[EXACT] - rows["keras"]).abs()
    if difference.max() > LARGEST_DIFFERENCE:
        images = _names(rows[difference > LARGEST_DIFFERENCE])
        raise UserError(
            f"{EXACT} differs from Keras by {difference.max():.3g} on {images}; "
            f"at most {LARGEST_DIFFERENCE:g} is allowed"
        )


def _faults(
    options: params.ExportTflite, measured: dict[str, Any], images: dict[str, int]
) -> list[str]:
    """Describe each limit that a variant exceeds.

    Args:
        options: has the limits.
        measured: the figures of the variant, as in `choose`.
        images: number of images in each subset.
    """
    faults = []
    runtime = measured["minimum_runtime"]
    if _version(runtime) > _version(OLDEST_RUNTIME):
        faults.append(f"needs runtime {runtime}, should load in {OLDEST_RUNTIME}")
    loss = measured[tables.VALIDATION]["accuracy_loss"]
    if _exceeds(loss, options.max_accuracy_loss, images[tables.VALIDATION]):
        faults.append(f"accuracy loss {loss:.4f}, max_accuracy_loss = {options.max_accuracy_loss}")
    limit = options.max_changed_decisions
    shares = {subset: measured[subset]["changed_decisions"] for subset in images}
    excesses = [share for name, share in shares.items() if _exceeds(share, limit, images[name])]
    if excesses:
        faults.append(f"changed decisions {max(excesses):.4f}, max_changed_decisions = {limit}")
    return faults


def _exceeds(share: float, limit: float, images: int) -> bool:
    """Return whether a share of images exceeds a limit. One image never exceeds it."""
    return share > limit and round(share * images) > 1


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def frontier(measured: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the size of each variant in kB, and its loss of accuracy in percentage points."""
    rows = [
        {
            "variant": name,
            "kilobytes": figures["kilobytes"],
            "accuracy_loss": 100 * figures[tables.VALIDATION]["accuracy_loss"],
        }
        for name, figures in measured.items()
    ]
    return pd.DataFrame(rows)


def _names(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "no image"
    names = ", ".join(rows["path"].head(MAX_NAMED))
    if len(rows) > MAX_NAMED:
        return f"{names} and {len(rows) - MAX_NAMED} more"
    return names
