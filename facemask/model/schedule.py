"""What is planned for each epoch: the size of its images, the learning rate, which one is kept."""

import math
from typing import Any

import keras
import pandas as pd
import tensorflow as tf

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


def plan(options: params.Train, size: int) -> list[tuple[int, bool]]:
    """Return for each epoch the side of its images in pixels, and whether it is fine-tuning.

    The side is `size` in the last.
    """
    scaled = round(options.progressive_resizing.scale * size)
    small, count = max(scaled, options.network.smallest_input()), small_epochs(options)
    first = [(small, False)] * count + [(size, False)] * (options.epochs - count)
    return first + [(size, True)] * options.fine_tuning.epochs


def optimizer(
    options: params.Train, batches: int, precision: str = "float32"
) -> keras.optimizers.Optimizer:
    """Return Adam with the rate, weight decay and moving average of `options`.

    Args:
        options: of the training.
        batches: of an epoch.
        precision: of the products; gradients that float16 could not hold are scaled.
    """
    steps, further = options.epochs * batches, options.fine_tuning.epochs * batches
    low = options.fine_tuning.rate * options.learning_rate
    rate: Any = options.learning_rate
    if options.schedule == "one_cycle":
        rate = _one_cycle(rate, steps)
        if further:
            rate = _Then(rate, steps, _one_cycle(low, further))
    elif further:
        rate = keras.optimizers.schedules.PiecewiseConstantDecay([steps], [rate, low])
    adam = keras.optimizers.Adam(
        rate,
        weight_decay=options.weight_decay or None,
        use_ema=options.ema_momentum > 0,
        ema_momentum=options.ema_momentum or 0.99,
    )
    adam.exclude_from_weight_decay(var_names=["bias", "beta"])
    return _LossScale(adam) if precision == "mixed_float16" else adam


class _LossScale(keras.optimizers.LossScaleOptimizer):
    """Leaves a step out on all replicas where one has an infinite gradient; Keras would on this."""

    def check_finite(self, grads: list[tf.Tensor]) -> tf.Tensor:
        """Tell whether the gradients of all replicas are finite."""
        infinite = tf.cast(~super().check_finite(grads), tf.float32)
        return tf.distribute.get_replica_context().all_reduce("SUM", infinite) == 0


def _one_cycle(rate: float, steps: int) -> keras.optimizers.schedules.CosineDecay:
    rising = math.ceil(RISING * steps)
    return keras.optimizers.schedules.CosineDecay(
        FIRST_RATE * rate, max(steps - rising, 1), warmup_target=rate, warmup_steps=rising
    )


class _Then(keras.optimizers.schedules.LearningRateSchedule):
    """One schedule for some steps, and then another, which begins at its own first step."""

    def __init__(self, first: Any, steps: int, second: Any) -> None:
        self.first, self.steps, self.second = first, steps, second

    def __call__(self, step: Any) -> Any:
        after = keras.ops.cast(step, "float32") - self.steps
        second = self.second(keras.ops.maximum(after, 0.0))
        return keras.ops.where(after < 0, self.first(step), second)
