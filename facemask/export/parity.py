"""How far exported variants of a model are from the model itself."""

from typing import Any

import pandas as pd
from sklearn import metrics

from facemask import params
from facemask.errors import UserError
from facemask.inference.contract import Contract
from facemask.store import tables

NAMED = 3
"""Images named of those on which a variant is wrong by too much."""

COLUMNS = ["split", "path", "row", "label", "keras"]
"""Of the table that variants are compared in, beside a column for each."""

EXACT: params.Variant = "float32"
"""The variant that should differ by rounding alone."""


def reference(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table of predictions, with Keras' probability in the column `keras`."""
    return predictions.rename(columns={"probability": "keras"})[COLUMNS]


def measure(rows: pd.DataFrame, variant: str, contract: Contract) -> dict[str, Any]:
    """Compare a variant with Keras.

    Args:
        rows: images with `split`, `label`, `keras` and a column of the variant's name, the last two
            probabilities of the positive class, 0-1.
        variant: a name.
        contract: has the classes and the threshold.

    Returns:
        For each subset `accuracy`, `accuracy_loss` (against Keras; negative where the variant is
        better), `log_loss` (mean binary cross-entropy in nats), `changed_decisions` (share) and
        `largest_probability_difference`.
    """
    return {
        str(subset): _compare(some, variant, contract)
        for subset, some in rows.groupby("split", sort=False)
    }


def _compare(rows: pd.DataFrame, variant: str, contract: Contract) -> dict[str, float]:
    is_positive = rows["label"] == contract.labels[1]
    right = (rows[["keras", variant]] >= contract.threshold).eq(is_positive, axis=0).mean()
    return {
        "accuracy": float(right[variant]),
        "accuracy_loss": float(right["keras"] - right[variant]),
        "log_loss": float(metrics.log_loss(is_positive, rows[variant], labels=[False, True])),
        "changed_decisions": float(changed(rows, variant, contract.threshold).mean()),
        "largest_probability_difference": float((rows[variant] - rows["keras"]).abs().max()),
    }


def changed(rows: pd.DataFrame, variant: str, threshold: float) -> pd.Series:
    """Tell for each image whether the variant decides otherwise than Keras."""
    return (rows["keras"] >= threshold) != (rows[variant] >= threshold)


def choose(
    options: params.ExportTflite,
    rows: pd.DataFrame,
    measured: dict[str, dict[str, Any]],
    threshold: float,
) -> str:
    """Name the variant that ships: the smallest within the bounds, or the one that is wanted.

    Args:
        options: the bounds and the wish.
        rows: as in `measure`, with a column for each variant.
        measured: by variant: `kilobytes`, `minimum_runtime`, and what `measure` gives.
        threshold: probability from which the positive class is predicted.

    Raises:
        UserError: the variant of 32 bits is not the Keras model, the wanted variant is beyond a
            bound, or all are; names some of the images.
    """
    if EXACT in measured:
        _refuse_inexact(options.max_probability_difference, rows)
    wanted = list(measured) if options.ship == "smallest" else [options.ship]
    images = {str(subset): len(some) for subset, some in rows.groupby("split")}
    faults = {name: _faults(options, measured[name], images) for name in wanted}
    good = [name for name in wanted if not faults[name]]
    if not good:
        why = "; ".join(f"{name}: {', '.join(faults[name])}" for name in wanted)
        others = _named(rows[changed(rows, wanted[0], threshold)])
        raise UserError(
            f"export_tflite.ship = {options.ship}: nothing is within the bounds ({why}); "
            f"{wanted[0]} decides otherwise than Keras on {others}"
        )
    return min(good, key=lambda name: float(measured[name]["kilobytes"]))


def _refuse_inexact(most: float, rows: pd.DataFrame) -> None:
    off = (rows[EXACT] - rows["keras"]).abs()
    if off.max() > most:
        raise UserError(
            f"export_tflite.max_probability_difference = {most}: {EXACT} differs from Keras by "
            f"{off.max():.3g}, on {_named(rows[off > most])}"
        )


def _faults(
    options: params.ExportTflite, found: dict[str, Any], images: dict[str, int]
) -> list[str]:
    """Name the bounds that a variant is beyond, and by what.

    Args:
        options: the bounds.
        found: of the variant.
        images: their number in each subset.
    """
    faults = []
    if _version(found["minimum_runtime"]) > _version(options.oldest_runtime):
        faults.append(
            f"needs runtime {found['minimum_runtime']}, oldest_runtime = {options.oldest_runtime}"
        )
    lost, most = found[tables.VALIDATION]["accuracy_loss"], options.max_accuracy_loss
    if _beyond(lost, most, images[tables.VALIDATION]):
        faults.append(f"accuracy loss {lost:.4f}, max_accuracy_loss = {most}")
    most = options.max_changed_decisions
    changes = {subset: found[subset]["changed_decisions"] for subset in images}
    if beyond := [share for name, share in changes.items() if _beyond(share, most, images[name])]:
        faults.append(f"changed decisions {max(beyond):.4f}, max_changed_decisions = {most}")
    return faults


def _beyond(share: float, most: float, images: int) -> bool:
    """Tell whether a share of some images is more than allowed; that of a single one never is."""
    return share > most and round(share * images) > 1


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def frontier(measured: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return a row a variant: its size, and what it loses, in points."""
    return pd.DataFrame(
        {
            "variant": name,
            "kilobytes": found["kilobytes"],
            "accuracy_loss": 100 * found[tables.VALIDATION]["accuracy_loss"],
        }
        for name, found in measured.items()
    )


def _named(rows: pd.DataFrame) -> str:
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return ", ".join(rows["path"].head(NAMED)) + more
