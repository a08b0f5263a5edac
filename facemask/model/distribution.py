"""Training on several devices and machines, each of which computes a part of every batch.

One process without a GPU trains as ever. All GPUs of a machine are used where there are several;
several machines are those that TensorFlow's own setting, `TF_CONFIG`, names. Whatever there are,
batches, their order and their augmentation are those of one worker: each draws the whole batch, as
its images lend each other parts, and computes with its own part.

Keras 3 does not train on several machines by itself: `_mend` replaces two of its functions until
https://github.com/keras-team/keras/issues/20585 is closed, and goes then.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.tensorflow import trainer
from keras.src.trainers.trainer import Trainer

from facemask.errors import UserError

SETTING = "TF_CONFIG"
"""TensorFlow's name for the addresses of all workers and the number of this one."""


class Workers:
    """What trains together; without a strategy it is this process alone.

    Attributes:
        count: of the parts of a batch.
        is_chief: whether this process writes.
    """

    def __init__(self) -> None:
        """Find out who they are, before anything else is computed by TensorFlow.

        Raises:
            UserError: `TF_CONFIG` cannot be used.
        """
        self.strategy, self.is_chief = None, True
        if os.environ.get(SETTING):
            self._join()
        elif len(tf.config.list_physical_devices("GPU")) > 1:
            self.strategy = tf.distribute.MirroredStrategy()
        self.count = self.strategy.num_replicas_in_sync if self.strategy else 1

    def _join(self) -> None:
        try:
            task = json.loads(os.environ[SETTING])["task"]
            self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except (KeyError, TypeError, ValueError, tf.errors.OpError) as error:
            raise UserError(f"{SETTING} = {os.environ[SETTING]}: {error}") from error
        self.is_chief = task["type"] == "chief" or task["index"] == 0
        _mend(self.strategy)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Share what the block makes, and turn the loss of a worker into a `UserError`."""
        if self.strategy is None:
            yield
            return
        try:
            with self.strategy.scope():
                yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
            line = str(error.message).partition("\n")[0]
            raise UserError(f"{SETTING}: another worker is gone: {line}") from error

    @contextmanager
    def together(self, model: keras.Model) -> Iterator[None]:
        """Let batch normalization in the block take its statistics from the whole batch.

        No worker leaves before the others, as the chief then removes what they still read.
        """
        shared = [one for one in model.layers if isinstance(one, keras.layers.BatchNormalization)]
        for layer in shared:
            layer.synchronized = self.strategy is not None
        yield
        self.wait()
        for layer in shared:
            layer.synchronized = False

    def parts(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Return this process's parts of batches from `TrainingData`.

        Weights are such that the mean of the parts' means is that of the batch.
        """
        if self.strategy is None:
            return batches

        def part(
            number: tf.Tensor, images: tf.Tensor, target: tf.Tensor, weight: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            total = tf.shape(weight, tf.int64)[0]
            ends = tf.stack([number, number + 1]) * total // self.count
            start = tf.minimum(ends[0], total - 1)
            end = tf.maximum(ends[1], start + 1)  # one without images would have no mean
            size = tf.cast(ends[1] - ends[0], tf.float32)  # 0 if that image is another's
            share = size * self.count / tf.cast(total, tf.float32)
            return images[start:end], target[start:end], weight[start:end] * share

        def own(context: tf.distribute.InputContext) -> tf.data.Dataset:
            each = self.count // context.num_input_pipelines
            first = context.input_pipeline_id * each
            numbers = tf.data.Dataset.range(first, first + each)
            cut = batches.flat_map(lambda *batch: numbers.map(lambda number: part(number, *batch)))
            return cut.prefetch(tf.data.AUTOTUNE)

        return self.strategy.distribute_datasets_from_function(own)

    def whole(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Return batches that every device is to see, as those of validation."""
        if self.strategy is None:
            return batches

        def own(context: tf.distribute.InputContext) -> tf.data.Dataset:
            each = self.count // context.num_input_pipelines
            return batches.flat_map(lambda *batch: tf.data.Dataset.from_tensors(batch).repeat(each))

        return self.strategy.distribute_datasets_from_function(own)

    def wait(self) -> None:
        """Wait until all workers come here, the chief with what it wrote."""
        if self.strategy is not None:
            self.strategy.reduce("SUM", tf.constant(1.0), axis=None)


def _mend(strategy: tf.distribute.Strategy) -> None:
    """Let Keras build a model by a worker's own batch, and average what workers measure."""
    average = trainer.reduce_per_replica

    def build(model: Trainer, iterator: Any = None, data_batch: Any = None) -> None:
        if model._distribute_strategy is None:
            return
        if iterator is not None:
            _, _, batches = next(iter(iterator))
            data_batch = tf.nest.map_structure(
                lambda value: strategy.experimental_local_results(value)[0], next(batches)
            )
        with strategy.scope():
            model._symbolic_build(data_batch=data_batch)

    def reduce(values: Any, given: tf.distribute.Strategy, reduction: str) -> Any:
        if given is not strategy:
            return average(values, given, reduction)
        return tf.nest.map_structure(lambda value: strategy.reduce("MEAN", value, None), values)

    trainer.TensorFlowTrainer._maybe_symbolic_build = build
    trainer.reduce_per_replica = reduce
