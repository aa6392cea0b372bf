"""What optimising images for filters costs, beside a pass both ways and tf-keras-vis.

    python -m benchmarks.feature_visualization [--models lenet vgg16] [--rounds 5]

A step is one iteration of `maximize_activation`: with its defaults, and bare, of pixels
without transforms and regularizers. The unit is one compiled pass forward through the
layers that are needed and backward to the images, of the same batch. All take turns, and
medians are compared. The budget is 1.3 of the unit, and for 64 filters in one batch four
times as many a second as one at a time, where the machine has the cores. tf-keras-vis
takes its turn where this Python has it; its step is not compiled.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

import tensorboard_keract as tk
from benchmarks.models import CASES
from benchmarks.timing import describe_machine, interleaved


class Setting(NamedTuple):
    """A layer to look at, how many filters at once, and iterations a run."""

    layer: int
    filters: int
    iterations: int


SETTINGS = {
    "lenet": [Setting(1, 1, 64), Setting(1, 64, 32)],
    "vgg16": [Setting(8, 1, 8), Setting(8, 4, 4)],
}
BARE: dict[str, Any] = {
    "parameterization": "pixels",
    "transforms": (),
    "regularizers": (),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=list(SETTINGS))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{describe_machine()}\n")
    print(f"{'what':<54}{'step and filter':>20}{'both ways':>9}")
    for name in arguments.models:
        model = CASES[name](keras, 1).model
        for setting in SETTINGS[name]:
            measure(name, model, setting, arguments.rounds)


def measure(name: str, model: keras.Model, setting: Setting, rounds: int) -> None:
    """Prints the rows of one setting."""
    layer = model.layers[setting.layer].name
    filters = list(range(setting.filters))
    options: dict[str, Any] = {
        "max_iter": setting.iterations,
        "frames_every": 0,
        "patience": None,
        "progress": False,
    }
    both_ways = plain_pass(model, layer, filters)

    def plain() -> None:
        for _ in range(setting.iterations):
            both_ways().numpy()

    runs: dict[str, Callable[[], object]] = {
        "forward and backward": plain,
        "maximize_activation, bare": lambda: tk.maximize_activation(
            model, layer, filters, **options, **BARE
        ),
        "maximize_activation": lambda: tk.maximize_activation(
            model, layer, filters, **options
        ),
    }
    try:
        runs |= of_tf_keras_vis(model, layer, setting)
    except ImportError as error:
        print(f"{error.name} is not installed here")
    for run in runs.values():
        run()
    found = interleaved(runs, rounds)
    unit = found["forward and backward"] / setting.iterations
    for what, seconds in found.items():
        # The images that come out are looked at once more, which is a pass as well.
        passes = setting.iterations + what.startswith("maximize")
        step = seconds / passes
        title = f"{name}, {setting.filters} of {layer}: {what}"
        each = step / setting.filters * 1e3
        print(f"{title:<62}{each:>9.2f} ms{step / unit:>9.2f}")


def plain_pass(
    model: keras.Model, layer: str, filters: list[int]
) -> Callable[[], tf.Tensor]:
    """The gradient of each image's filter by the images, compiled."""
    shortened = keras.Model(model.inputs, model.get_layer(layer).output)
    images = tf.Variable(tf.random.uniform((len(filters), *model.input_shape[1:])))
    channels = tf.constant(filters)

    @tf.function
    def both_ways() -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            means = tf.reduce_mean(shortened(images, training=False), axis=(1, 2))
            score = tf.reduce_sum(tf.gather(means, channels, batch_dims=1))
        return tf.reduce_sum(tape.gradient(score, images))

    return both_ways


def of_tf_keras_vis(
    model: keras.Model, layer: str, setting: Setting
) -> dict[str, Callable[[], object]]:
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.scores import CategoricalScore

    shortened = keras.Model(model.inputs, model.get_layer(layer).output)
    maximization = ActivationMaximization(shortened, clone=False)
    filters = list(range(setting.filters))
    shape = (setting.filters, *model.input_shape[1:])
    seeds = tf.random.uniform(shape, 0, 255)

    def run() -> object:
        return maximization(
            CategoricalScore(filters), seed_input=seeds, steps=setting.iterations
        )

    return {"tf-keras-vis, with its defaults": run}


if __name__ == "__main__":
    main()
