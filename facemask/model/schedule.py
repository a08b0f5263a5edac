"""What is planned for each epoch: the size of its images, the learning rate, which one is kept."""

import math
from typing import Any

import keras
import pandas as pd

from facemask import params

RISING = 0.2
"""Share of the training for which the rate of `one_cycle` rises."""

FIRST_RATE = 0.04
"""Where it begins, as a share of the highest."""


def kept_epoch(history: pd.DataFrame, options: params.Train) -> pd.DataFrame:
    """Return the row of the epoch that is kept, if there is one; never one on smaller images."""
    large = history.iloc[small_epochs(options) :]
    return large.tail(1) if options.keep == "last" else large.nsmallest(1, "val_loss")


def summary(history: pd.DataFrame, options: params.Train) -> dict[str, Any]:
    """Return how many epochs there were, and what was measured in the one that is kept."""
    [kept] = kept_epoch(history, options).to_dict("records")
    measured = {name: kept[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
    return {"epochs": len(history), "kept_epoch": kept["epoch"], **measured}


def small_epochs(options: params.Train) -> int:
    """Return how many epochs come first with smaller images."""
    return int(options.progressive_resizing.share * options.epochs)


def image_sizes(options: params.Train, size: int) -> list[int]:
    """Return the side of the images in pixels for each epoch; `size` in the last."""
    scaled = round(options.progressive_resizing.scale * size)
    small, count = max(scaled, options.network.smallest_input()), small_epochs(options)
    return [small] * count + [size] * (options.epochs - count)


def optimizer(options: params.Train, batches: int) -> keras.optimizers.Optimizer:
    """Return Adam with the rate, weight decay and moving average of `options`.

    Args:
        options: of the training.
        batches: of an epoch.
    """
    rate: Any = options.learning_rate
    if options.schedule == "one_cycle":
        steps = options.epochs * batches
        rising = math.ceil(RISING * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            FIRST_RATE * options.learning_rate,
            max(steps - rising, 1),
            warmup_target=options.learning_rate,
            warmup_steps=rising,
        )
    adam = keras.optimizers.Adam(
        rate,
        weight_decay=options.weight_decay or None,
        use_ema=options.ema_momentum > 0,
        ema_momentum=options.ema_momentum or 0.99,
    )
    adam.exclude_from_weight_decay(var_names=["bias", "beta"])
    return adam
