"""Trainings that are the same with and without a recorder: what the programs share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tensorboard_keract as tk
from tests import models

BATCH_SIZE = 8
STEPS = 4

STATISTICAL_KINDS = ("activation", "activation_gradient", "weight", "weight_gradient")


def data() -> tuple[Any, Any]:
    """x and y for `models.classifier`, of `STEPS` batches."""
    random = np.random.default_rng(0)
    x = random.normal(size=(BATCH_SIZE * STEPS, 8, 8, 1)).astype(np.float32)
    return x, random.integers(0, 3, len(x))


def classifier() -> keras.Model:
    """A model in which no sample has part in what another one gives."""
    keras.utils.set_random_seed(1)
    return models.classifier().model


def train_step(strategy: Any, model: keras.Model) -> Any:
    """The compiled step of a custom loop."""

    def on_replica(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(
                y, model(x, training=True)
            )
            loss = tf.reduce_sum(losses) / BATCH_SIZE
        variables = model.trainable_variables
        model.optimizer.apply_gradients(
            zip(tape.gradient(loss, variables), variables, strict=True)
        )
        return loss

    @tf.function
    def step(x: Any, y: Any) -> Any:
        per_replica = strategy.run(on_replica, args=(x, y))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)

    return step


def batches(strategy: Any) -> Iterator[Any]:
    """The same global batches for any number of replicas and workers."""
    share = BATCH_SIZE // strategy.num_replicas_in_sync

    def distributed(values: Any) -> Any:
        def of_replica(context: Any) -> tf.Tensor:
            first = share * context.replica_id_in_sync_group
            return tf.constant(values[first : first + share])

        return strategy.experimental_distribute_values_from_function(of_replica)

    for first in range(0, BATCH_SIZE * STEPS, BATCH_SIZE):
        yield tuple(distributed(part[first : first + BATCH_SIZE]) for part in data())


def loop(
    strategy: Any,
    log_dir: str | None = None,
    source: str = "training",
    max_records: int = 1,
) -> Any:
    """The weights after a custom loop, its first steps recorded.

    The second record has no histograms, so that what workers say to each other differs
    from step to step.
    """
    with strategy.scope():
        model = classifier()
        model.optimizer.build(model.trainable_variables)
    step = train_step(strategy, model)
    recorder: Any = None
    if log_dir is not None:
        x, y = data()
        probe = (x[:4], y[:4]) if source == "probe" else None
        recorder = tk.Recorder(
            log_dir,
            model,
            probe,
            source=source,
            histograms_freq=2,
            max_records=max_records,
        )

    @contextlib.contextmanager
    def recorded(number: int) -> Iterator[None]:
        if recorder is None:
            yield
        elif source == "probe":
            recorder.record(number)
            yield
        else:
            with recorder.capture(number):
                yield

    for number, batch in enumerate(batches(strategy)):
        with recorded(number):
            step(*batch)
    if recorder is not None:
        recorder.close()
    return model.get_weights()


def save(directory: str, name: str, arrays: Any) -> None:
    """Saves arrays for the test to read, all or nothing."""
    path = Path(directory) / f"{name}.npz"
    np.savez(path.with_suffix(".part.npz"), *arrays)
    os.replace(path.with_suffix(".part.npz"), path)


def save_statistics(directory: str, name: str, result: tk.DatasetStatistics) -> None:
    save(
        directory,
        name,
        (
            result.statistics,
            result.histograms,
            result.statistics_per_replica,
            result.histograms_per_replica,
            [result.samples, result.batches],
        ),
    )
