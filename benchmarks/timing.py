"""How the benchmarks measure: in turns, in one process, by medians."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable

import keras
import tensorflow as tf

from benchmarks.models import Case


def train_step(case: Case) -> Callable[[], object]:
    """The compiled train step on a batch that is a tensor already."""
    x, y = tf.constant(case.x), tf.constant(case.y)
    iterator = iter(tf.data.Dataset.from_tensors((x, y)).repeat())
    case.model.make_train_function()
    return lambda: float(case.model.train_function(iterator)["loss"])


def interleaved(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each, measured in turns."""
    times: dict[str, list[float]] = {what: [] for what in runs}
    for _ in range(rounds):
        for what, run in runs.items():
            started = time.perf_counter()
            run()
            times[what].append(time.perf_counter() - started)
    return {what: statistics.median(found) for what, found in times.items()}


def describe_machine() -> str:
    """Versions and hardware, in one line."""
    return (
        f"Python {platform.python_version()}, TensorFlow {tf.__version__}, Keras"
        f" {keras.__version__}, {platform.machine()},"
        f" {len(tf.config.list_physical_devices('GPU'))} GPUs"
    )
