"""The schedule of a training: what is planned for each epoch, and the optimizer that follows it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import keras
import tensorflow as tf

from facemask import params

SMALL_SCALE = 2 / 3
"""Side of the small images in the first epochs, as a share of `resize.size`."""

FINE_TUNING_RATE = 0.5
"""Highest learning rate of fine-tuning, as a share of the highest learning rate before it."""

RISING = 0.2
"""Share of a cycle in which the learning rate rises."""

FIRST_RATE = 0.04
"""Learning rate at the start of a cycle, as a share of the highest."""

WEIGHT_DECAY = 0.01
"""Share of each weight, times the learning rate, that AdamW takes off at each step."""

EMA_MOMENTUM = 0.99
"""Momentum of the moving average (EMA) of the weights, per step."""


@dataclass(frozen=True)
class Epoch:
    """How one epoch is trained.

    Attributes:
        size: side of its images in pixels.
        augmentation: how its images are changed.
        rate: highest learning rate of its cycle; epochs in a row with the same rate are one cycle.
    """

    size: int
    augmentation: params.Augmentation
    rate: float


def epochs(options: params.Train, size: int) -> list[Epoch]:
    """Return the plan: mild epochs on small, then on large images, and fine-tuning at the end.

    Without fine-tuning, all epochs have the whole augmentation. Small images first: "progressive
    resizing", Howard 2018.

    Args:
        options: of the training.
        size: side of the large images in pixels.
    """
    whole = options.augmentation
    first = mild(whole) if options.fine_tuning_epochs else whole
    smallest = options.network.smallest_input()
    small_size = max(round(SMALL_SCALE * size), smallest)
    small_count = int(options.progressive_resizing * options.epochs)
    large_count = options.epochs - small_count
    rate = options.learning_rate
    small = Epoch(small_size, first, rate)
    large = Epoch(size, first, rate)
    fine_tuning = Epoch(size, whole, FINE_TUNING_RATE * rate)
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
    """Return the optimizer that follows a plan.

    Args:
        options: of the training.
        plan: from `epochs`.
        steps: of an epoch.
        precision: of the products; gradients that float16 could not hold are scaled.

    Returns:
        `adamw` averages the weights and has a learning rate that rises and falls in each cycle;
        `adam` does neither, and decays no weights.
    """
    is_plain = options.optimizer == "adam"
    make = _constant if is_plain else _rising_and_falling
    cycles = []
    first = 0
    for rate, group in groupby(plan, key=lambda epoch: epoch.rate):
        count = steps * len(list(group))
        cycles.append(_Cycle(first, make(rate, count)))
        first += count
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
    """A part of the training: its first step, and the learning rate by the step in the cycle."""

    first_step: int
    rate: Callable[[tf.Tensor], tf.Tensor]


class _LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """One cycle of the learning rate after another."""

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
