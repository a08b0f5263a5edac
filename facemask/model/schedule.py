"""The plan of the epochs, and an optimizer with the learning rate of this plan.

Consecutive epochs with the same peak learning rate form a cycle. `adamw` raises the learning rate
to the peak once in each cycle, and lowers it again. `adam` keeps it at the peak.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import keras
import tensorflow as tf

from facemask import params

SMALL_SCALE = 2 / 3
"""Side of the small images, as a share of `resize.size`."""

FINE_TUNING_RATE = 0.5
"""Peak learning rate of fine-tuning, as a share of `train.learning_rate`."""

RISING = 0.2
"""Share of a cycle's steps in which the learning rate rises (warm-up)."""

FIRST_RATE = 0.04
"""Learning rate at the first step of a cycle, as a share of the peak."""

WEIGHT_DECAY = 0.01
"""Weight decay of AdamW. A step subtracts `WEIGHT_DECAY * learning rate * weight` from a weight."""

EMA_MOMENTUM = 0.99
"""Momentum of the exponential moving average (EMA) of the weights, per step."""


@dataclass(frozen=True)
class Epoch:
    """How an epoch is trained.

    Attributes:
        size: side of the images in pixels.
        augmentation: random changes of the images.
        rate: peak learning rate.
    """

    size: int
    augmentation: params.Augmentation
    rate: float


def epochs(options: params.Train, size: int) -> list[Epoch]:
    """Return the plan of all epochs.

    The first epochs have small images ("progressive resizing", Howard 2018). The next have large
    images. The last epochs are fine-tuning. Augmentation is mild before fine-tuning. If there is no
    fine-tuning, all epochs have the full augmentation.

    Args:
        options: section `train` of params.yaml.
        size: side of the large images in pixels.
    """
    full = options.augmentation
    first = mild(full) if options.fine_tuning_epochs else full
    smallest = options.network.smallest_input()
    small_size = max(round(SMALL_SCALE * size), smallest)
    small_count = int(options.progressive_resizing * options.epochs)
    large_count = options.epochs - small_count
    rate = options.learning_rate
    small = Epoch(small_size, first, rate)
    large = Epoch(size, first, rate)
    fine_tuning = Epoch(size, full, FINE_TUNING_RATE * rate)
    return (
        [small] * small_count + [large] * large_count + [fine_tuning] * options.fine_tuning_epochs
    )


def mild(augmentation: params.Augmentation) -> params.Augmentation:
    """Return an augmentation without framing and light, and with half of the rotation."""
    changes = {"framing": 0.0, "light": 0.0, "rotation": augmentation.rotation / 2}
    return augmentation.model_copy(update=changes)


def optimizer(
    options: params.Train, plan: Sequence[Epoch], steps: int, precision: str
) -> keras.optimizers.Optimizer:
    """Return the optimizer for a plan.

    Only `adamw` has weight decay and an EMA of the weights.

    Args:
        options: section `train` of params.yaml.
        plan: from `epochs`.
        steps: batches in an epoch.
        precision: from `network.precision`. For mixed_float16 the loss is scaled, so that small
            gradients do not become 0.
    """
    is_plain = options.optimizer == "adam"
    make = _constant if is_plain else _rising_and_falling
    cycles = []
    first_step = 0
    for rate, group in groupby(plan, key=lambda epoch: epoch.rate):
        count = steps * len(list(group))
        cycles.append(_Cycle(first_step, make(rate, count)))
        first_step += count
    adam = keras.optimizers.Adam(
        _LearningRate(cycles),
        weight_decay=None if is_plain else WEIGHT_DECAY,
        use_ema=not is_plain,
        ema_momentum=EMA_MOMENTUM,
    )
    adam.exclude_from_weight_decay(var_names=["bias", "beta"])
    return keras.optimizers.LossScaleOptimizer(adam) if precision == "mixed_float16" else adam


@dataclass(frozen=True)
class _Cycle:
    """A cycle of the learning rate.

    Attributes:
        first_step: step of the training at which the cycle begins.
        rate: returns the learning rate at a step. Steps are counted from the start of the cycle.
    """

    first_step: int
    rate: Callable[[tf.Tensor], tf.Tensor]


class _LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate at each step of a training. One cycle follows another."""

    def __init__(self, cycles: Sequence[_Cycle]) -> None:
        self.cycles = cycles

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        first, *others = self.cycles
        rate = first.rate(step)
        for cycle in others:
            own_step = keras.ops.cast(step, "float32") - cycle.first_step
            own_rate = cycle.rate(keras.ops.maximum(own_step, 0.0))
            rate = keras.ops.where(own_step < 0, rate, own_rate)
        return rate


def _rising_and_falling(rate: float, steps: int) -> keras.optimizers.schedules.CosineDecay:
    rising = math.ceil(RISING * steps)
    return keras.optimizers.schedules.CosineDecay(
        FIRST_RATE * rate,
        max(steps - rising, 1),
        warmup_target=rate,
        warmup_steps=rising,
    )


def _constant(rate: float, steps: int) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda step: tf.constant(rate)
