"""Training on all GPUs of a machine, or on several machines.

Keras' `fit` alone does not train on several machines (keras-team/keras issue 20585, "PerReplica ...
unsupported type"). When that closes, `Team.adapt` goes.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from facemask.errors import UserError
from facemask.quiet_tensorflow import WORKERS

GONE = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
"""What TensorFlow raises in a worker when another is gone."""


class Team:
    """The replicas that train one model together, of one or several workers.

    A replica is a GPU, or a machine without one; a worker is a process.

    Attributes:
        strategy: TensorFlow's; None is one replica.
        is_chief: whether this worker writes what all have trained.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None) -> None:
        """Take what `strategy` returns."""
        self.strategy, self.is_chief = strategy, True
        self._resolver = strategy and strategy.cluster_resolver
        if self._resolver:
            first = "chief" if "chief" in self._resolver.cluster_spec().jobs else "worker"
            self.is_chief = (self._resolver.task_type, self._resolver.task_id) == (first, 0)

    def __len__(self) -> int:
        """Count the replicas."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Let what the block makes be on all replicas, and what it changes be changed on all.

        Raises:
            UserError: another worker is gone.
        """
        try:
            with self.strategy.scope() if self.strategy else nullcontext():
                yield
        except GONE as error:
            raise UserError(
                f"{WORKERS}: another worker of this training is gone; start all of them again, "
                "and they go on from the last finished epoch"
            ) from error

    def adapt(self, model: keras.Model) -> None:
        """Let `fit` train, in the scope, a compiled model that was made outside of it.

        Of one made inside Keras would build the metrics from a batch that all workers have parts
        of. What a step measured it averages over replicas and rows; so there has to be a row.
        """
        if not self.strategy:
            return
        image, output = (
            tf.zeros((1, *shape[1:])) for shape in (model.input_shape, model.output_shape)
        )
        model._symbolic_build(data_batch=(image, output, tf.ones(1)))

        def in_rows(step: Callable[[Any], dict[str, tf.Tensor]]) -> Callable[[Any], Any]:
            return lambda data: {name: value[None] for name, value in step(data).items()}

        if self._resolver:
            model.train_step, model.test_step = map(in_rows, (model.train_step, model.test_step))

    def spread(self, batches: Callable[..., tf.data.Dataset], *arguments: Any) -> Any:
        """Return batches for `fit`; `batches` makes those of one worker."""
        if self.strategy is None:
            return batches(*arguments)
        return self.strategy.distribute_datasets_from_function(
            lambda worker: batches(*arguments, worker)
        )

    def from_chief(self, number: int) -> int:
        """Wait until all workers come here; return the number that the chief came with."""
        if not self.strategy or not self._resolver:
            return number
        with self.scope():
            numbers = _own_or_0(self.strategy, tf.constant(number, tf.int64))
            return int(self.strategy.reduce("SUM", numbers, axis=None))


@tf.function  # type: ignore[untyped-decorator]  # TensorFlow has no types
def _own_or_0(strategy: tf.distribute.Strategy, number: tf.Tensor) -> tf.Tensor:
    """Return a number where the replica is the first, and 0 where it is another."""

    def own() -> tf.Tensor:
        is_first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0
        return tf.where(is_first, number, 0)

    return strategy.run(own)


def strategy() -> tf.distribute.Strategy | None:
    """Return how to train here; before anything else is asked of TensorFlow.

    Waits for all workers that `TF_CONFIG` names. Without it and without several GPUs it is None.

    Raises:
        UserError: `TF_CONFIG` cannot be used.
    """
    setting = os.environ.get(WORKERS, "{}")
    try:
        workers = sum(map(len, json.loads(setting).get("cluster", {}).values()))
        if workers > 1:
            return _of_several(workers)
    except (ValueError, TypeError, AttributeError, KeyError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{WORKERS} = {setting}: cannot be used: {reason}") from error
    several = len(tf.config.list_physical_devices("GPU")) > 1
    return tf.distribute.MirroredStrategy() if several else None


def _of_several(workers: int) -> tf.distribute.Strategy:
    print(f"{WORKERS}: waiting until all {workers} workers are there", file=sys.stderr, flush=True)
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # as TensorFlow waits outside of Python
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # which TensorFlow would not end at
