"""What others record, on legacy Keras, in a process that `benchmarks.recording` drives.

    python benchmarks/recording_peers.py MODEL BATCH STEPS SAMPLES

Reads from each line what to do at the end of an epoch of so many steps, and answers
with the seconds of that epoch, or with the error. Needs an environment of its own with
`keract`, `tf-explain`, `opencv-python-headless`, `tf-keras` and `tensorflow`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["MPLBACKEND"] = "agg"

import keract
import tensorflow as tf
import tf_keras
from models import CASES, Case, first_samples
from tf_explain.callbacks.activations_visualization import (
    ActivationsVisualizationCallback,
)
from tf_explain.callbacks.grad_cam import GradCAMCallback


def main() -> None:
    name, batch, steps, samples = sys.argv[1], *map(int, sys.argv[2:])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # keract and Keras print.
    case = CASES[name](tf_keras, batch)
    with tempfile.TemporaryDirectory() as directory:
        callbacks = make_callbacks(case, samples, directory)
        for line in sys.stdin:
            try:
                answer = str(epoch_seconds(case, steps, callbacks[line.strip()]()))
            except Exception as error:  # Whatever a peer raises is its answer.
                answer = f"fails: {type(error).__name__}: {error}".replace("\n", " ")
            answers.write(f"{answer}\n")


def make_callbacks(
    case: Case, samples: int, directory: str
) -> dict[str, Callable[[], list[Any]]]:
    """What there is to do, by name; a probe of so many samples where several will do."""
    probe = (first_samples(case.x, samples), first_samples(case.y, samples))
    maps = [
        layer.name for layer in case.model.layers if len(layer.output.shape.dims) == 4
    ]
    return {
        "plain": list,
        "keract activations": lambda: [Keract(probe[0], None)],
        # It draws no more than one sample.
        "keract display": lambda: [Keract(probe[0][:1], directory)],
        # It takes the activations of one layer.
        "tf-explain activations": lambda: [
            ActivationsVisualizationCallback(probe, maps[-1:], f"{directory}/maps")
        ],
        "tf-explain Grad-CAM": lambda: [
            GradCAMCallback(probe, 0, output_dir=f"{directory}/cam")
        ],
    }


class Keract(tf_keras.callbacks.Callback):
    """keract's activations of all layers after each epoch, drawn to files or not."""

    def __init__(self, x: Any, directory: str | None) -> None:
        super().__init__()
        self._x = x
        self._directory = directory

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        activations = keract.get_activations(self.model, self._x)
        if self._directory is not None:
            keract.display_activations(
                activations, save=True, directory=f"{self._directory}/{epoch}"
            )
            shutil.rmtree(f"{self._directory}/{epoch}")


class EpochClock(tf_keras.callbacks.Callback):
    """Seconds of an epoch, with what the callbacks before it do at its end."""

    def __init__(self) -> None:
        super().__init__()
        self._started = 0.0
        self.seconds = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds = time.perf_counter() - self._started


def epoch_seconds(case: Case, steps: int, callbacks: list[Any]) -> float:
    clock = EpochClock()
    data = tf.data.Dataset.from_tensors((case.x, case.y)).repeat().prefetch(2)
    fit = partial(case.model.fit, data, steps_per_epoch=steps, verbose=0)
    fit(callbacks=[*callbacks, clock])
    return clock.seconds


if __name__ == "__main__":
    main()
