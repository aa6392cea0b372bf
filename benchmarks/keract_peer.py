"""keract itself, on legacy Keras, in a process that `benchmarks.core` drives.

    python benchmarks/keract_peer.py MODEL (eager | graph)

Reads the name of a function from each line and prints the seconds that it took. Needs
an environment of its own with `keract`, `tf-keras` and `tensorflow`; gradients need
"graph": TensorFlow 1's graph mode.
"""

from __future__ import annotations

import os
import sys
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keract
import tensorflow as tf
import tf_keras
from models import CASES


def main() -> None:
    name, mode = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # keract prints.
    if mode == "graph":
        tf.compat.v1.disable_eager_execution()
    model, x, y = CASES[name](tf_keras)
    functions = {
        "activations": lambda: keract.get_activations(model, x),
        "weight_gradients": lambda: keract.get_gradients_of_trainable_weights(
            model, x, y
        ),
        "activation_gradients": lambda: keract.get_gradients_of_activations(
            model, x, y
        ),
    }
    for line in sys.stdin:
        started = time.perf_counter()
        functions[line.strip()]()
        answers.write(f"{time.perf_counter() - started}\n")


if __name__ == "__main__":
    main()
