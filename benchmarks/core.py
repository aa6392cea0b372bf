"""What it costs to see inside a model, beside a plain pass and a plain train step.

    python -m benchmarks.core [--models lenet vgg16 resnet50 lstm] [--rounds 15]
        [--keract PYTHON]

All timings of a model are taken in turns, and medians are compared. "forward" is the
compiled model alone, T_step its compiled train step on the same batch. With
`--keract`, the Python of an environment that has keract and legacy Keras, keract's own
functions take their turns in processes of their own.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tensorboard_keract as tk
from benchmarks.models import CASES, Case
from benchmarks.timing import Worker, describe_machine, interleaved, train_step
from tensorboard_keract.core import capture

MODELS_MADE = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["lenet", "lstm"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--keract", help="the Python of an environment with keract")
    arguments, _ = parser.parse_known_args()
    print(f"{describe_machine()}\n")
    print(f"{'model':<10}{'what':<54}{'median':>12}{'forward':>10}{'T_step':>10}")
    for name in arguments.models:
        measure(name, CASES[name](keras), arguments.rounds, arguments.keract)
    measure_leak()


def measure(name: str, case: Case, rounds: int, keract_python: str | None) -> None:
    """Prints the table of one model."""
    model, x, y = case
    tensors = tf.constant(x), tf.constant(y)
    forward = tf.function(partial(model, training=False))
    everything = capture.compiled_pass(model)
    activations = capture.compiled_pass(model, gradients=False)
    step = train_step(case)
    peers = {} if keract_python is None else start_peers(name, keract_python)
    runs: dict[str, Callable[[], object]] = {
        "forward": lambda: wait(forward(tensors[0])),
        "T_step": step,
        "all activations": lambda: wait(activations(tensors[0])),
        "activations, their gradients, weight gradients": lambda: wait(
            everything(*tensors)
        ),
        "forward, with NumPy in and out": lambda: forward(tf.constant(x)).numpy(),
        "get_activations": lambda: tk.get_activations(model, x),
        "get_gradients_of_trainable_weights": lambda: (
            tk.get_gradients_of_trainable_weights(model, x, y)
        ),
        "get_gradients_of_activations": lambda: tk.get_gradients_of_activations(
            model, x, y
        ),
    }
    for run in runs.values():
        run()
    for what, peer in peers.items():
        peer.seconds(what)
    built = everything.trace_count, activations.trace_count
    medians, of_peers = interleaved_with_peers(runs, peers, rounds)
    assert built == (everything.trace_count, activations.trace_count) == (1, 1)
    for what, seconds in (*medians.items(), *of_peers.items()):
        print(
            f"{name:<10}{what:<54}{seconds * 1e3:>9.1f} ms"
            f"{seconds / medians['forward']:>10.2f}"
            f"{seconds / medians['T_step']:>10.2f}"
        )
    for peer in set(peers.values()):
        peer.stop()


def wait(result: Any) -> None:
    """Waits for what was computed: on a GPU a call returns before it has run."""
    last = keras.tree.flatten(result)[-1]
    if last is not None:
        last.numpy().ravel()[:1]


def interleaved_with_peers(
    runs: dict[str, Callable[[], object]], peers: dict[str, Worker], rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Median seconds of ours and of the peers', each round one of each."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for what, seconds in interleaved(runs, 1).items():
            found.setdefault(what, []).append(seconds)
        for what, peer in peers.items():
            found.setdefault(f"keract: {what}", []).append(peer.seconds(what))
    medians = {what: statistics.median(seconds) for what, seconds in found.items()}
    ours = {what: medians.pop(what) for what in runs}
    return ours, medians


def start_peers(name: str, python: str) -> dict[str, Worker]:
    """keract in processes of its own, in TensorFlow's eager and in its graph mode."""
    script = str(Path(__file__).with_name("keract_peer.py"))
    graph = Worker([python, script, name, "graph"])
    return {
        "activations": Worker([python, script, name, "eager"]),
        "weight_gradients": graph,
        "activation_gradients": graph,
    }


def measure_leak() -> None:
    """Prints what is left of models that were looked into and dropped."""
    x = np.ones((4, 8), np.float32)

    def make() -> keras.Model:
        model = keras.Sequential(
            [keras.layers.Input((8,)), *(keras.layers.Dense(8) for _ in range(3))]
        )
        model.compile("sgd", "mse")
        return model

    def plain() -> None:
        tf.function(make())(tf.constant(x))

    def seen() -> None:
        model = make()
        tk.get_activations(model, x)
        tk.get_gradients_of_activations(model, x, np.ones((4, 8), np.float32))

    print(f"\n{MODELS_MADE} models made and dropped")
    for what, run in (("called, compiled", plain), ("looked into", seen)):
        for _ in range(MODELS_MADE // 10):
            run()
        gc.collect()
        before, megabytes = len(gc.get_objects()), memory_mb()
        for _ in range(MODELS_MADE):
            run()
        gc.collect()
        print(
            f"{what:<20}{len(gc.get_objects()) - before:>8} Python objects and"
            f" {memory_mb() - megabytes:>6.1f} MB more;"
            f" {len(capture._passes)} models with passes"
        )


def memory_mb() -> float:
    """What the process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
