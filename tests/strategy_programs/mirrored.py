"""Trains on two replicas, and saves the weights: `mirrored.py DIRECTORY recorded|plain`.

The plain program passes a model whole datasets, too: on two replicas; and on one, with
many batches, where it tells of the memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tensorboard_keract as tk
from tests import models
from tests.strategy_programs import training


def fit(strategy: Any, log_dir: str | None = None, source: str = "probe") -> Any:
    """The weights after `fit` of a model with normalisation and dropout."""
    keras.utils.set_random_seed(1)
    with strategy.scope():
        case = models.sequential()
    x, y = training.data()
    y = keras.utils.to_categorical(y)
    callback = None
    if log_dir is not None:
        callback = tk.KeractCallback(
            log_dir,
            (x[:4], y[:4]),
            update_freq=2,
            source=source,
            attributions=() if source == "training" else ["grad_cam", "smooth_grad"],
            targets="predicted",
        )
    case.model.fit(
        x,
        y,
        batch_size=training.BATCH_SIZE,
        verbose=0,
        callbacks=[callback] if callback else [],
    )
    return case.model.get_weights()


MEMORY_BATCHES = 3000


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def memory_growth() -> int:
    """Bytes by which the process grows from the first batches to the last ones."""
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
    seen: list[int] = []

    def generate() -> Iterator[Any]:
        for batch in range(MEMORY_BATCHES):
            if batch in (MEMORY_BATCHES // 6, MEMORY_BATCHES - 1):
                seen.append(resident_bytes())
            yield np.ones((2, 4), np.float32)

    dataset = tf.data.Dataset.from_generator(
        generate, output_signature=tf.TensorSpec((None, 4), tf.float32)
    )
    result = tk.record_dataset(model, dataset, progress=False)
    assert result.batches == MEMORY_BATCHES
    return seen[1] - seen[0]


def pass_datasets(directory: str, strategy: Any) -> None:
    with strategy.scope():
        model = training.classifier()
    x, y = training.data()
    # 19 samples: of the last batch the second replica has none.
    dataset = tf.data.Dataset.from_tensor_slices((x[:19], y[:19])).batch(6)
    result = tk.record_dataset(
        model, dataset, kinds=training.STATISTICAL_KINDS, progress=False
    )
    training.save_statistics(directory, "dataset", result)
    distributed = strategy.experimental_distribute_dataset(dataset)
    result = tk.record_dataset(model, distributed, strategy, progress=False)
    training.save_statistics(directory, "distributed", result)


def main() -> None:
    directory, mode = sys.argv[1:]
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    if mode == "plain":
        training.save(directory, "fit", fit(strategy))
        training.save(directory, "loop", training.loop(strategy))
        pass_datasets(directory, strategy)
        Path(directory, "memory_growth").write_text(str(memory_growth()))
        return
    for source in ("training", "both", "probe"):
        log_dir = f"{directory}/fit_{source}"
        training.save(directory, f"fit_{source}", fit(strategy, log_dir, source))
    recorded = training.loop(strategy, f"{directory}/loop")
    training.save(directory, "loop_training", recorded)


main()
