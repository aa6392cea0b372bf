"""What an explanation costs, beside a pass forward and backward and beside others.

    python -m benchmarks.attribution [--models vgg16 resnet50] [--batch 2] [--rounds 7]

All timings of a model are taken in turns, and medians are compared. The unit is one
compiled pass forward and backward through the same batch, for the gradients of the
weights. tf-keras-vis, tf-explain and Xplique take their turns where this Python has
them; all of them run on Keras 3 for functional models.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tensorboard_keract as tk
from benchmarks.models import CASES, Case
from benchmarks.timing import describe_machine, interleaved

LAYERS = {"vgg16": "block5_conv3", "resnet50": "conv5_block3_out"}
TARGET = 7
COPIES = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["vgg16", "resnet50"])
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{describe_machine()}\n")
    print(f"{'model':<10}{'what':<52}{'median':>11}{'both ways':>11}")
    for name in arguments.models:
        case = CASES[name](keras, arguments.batch)
        measure(name, case, arguments.rounds)


def measure(name: str, case: Case, rounds: int) -> None:
    """Prints the table of one model."""
    model, x, layer = case.model, case.x, LAYERS[name]
    tensor = tf.constant(x)
    both_ways = plain_pass(model)
    runs: dict[str, Callable[[], object]] = {
        "forward and backward": lambda: both_ways(tensor)[-1].numpy().ravel()[:1],
        "grad_cam": lambda: tk.grad_cam(model, x, TARGET, layer),
        "layer_cam": lambda: tk.layer_cam(model, x, TARGET, layer),
        "saliency": lambda: tk.saliency(model, x, TARGET),
        "guided_backprop": lambda: tk.guided_backprop(model, x, TARGET),
        f"smooth_grad, {COPIES} copies": lambda: tk.smooth_grad(
            model, x, TARGET, copies=COPIES, progress=False
        ),
        f"integrated_gradients, {COPIES} steps": lambda: tk.integrated_gradients(
            model, x, TARGET, steps=COPIES, progress=False
        ),
    }
    for others in (of_tf_keras_vis, of_xplique, of_tf_explain):
        try:
            runs |= others(model, x, layer)
        except ImportError as error:
            print(f"{name:<10}{error.name} is not installed here")
    for what, run in list(runs.items()):
        try:
            run()
        except Exception as error:  # Whatever a peer raises is its result.
            print(f"{name:<10}{what:<52}fails: {type(error).__name__}: {error}"[:160])
            del runs[what]
    found = interleaved(runs, rounds)
    for what, seconds in found.items():
        print(
            f"{name:<10}{what:<52}{seconds * 1e3:>8.0f} ms"
            f"{seconds / found['forward and backward']:>11.2f}"
        )


def plain_pass(model: keras.Model) -> Callable[[tf.Tensor], Any]:
    """Gradients of one class' score with respect to all weights, compiled."""

    @tf.function
    def both_ways(x: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            score = tf.reduce_sum(model(x, training=False)[:, TARGET])
        return tape.gradient(score, [v.value for v in model.trainable_variables])

    return both_ways


def of_tf_keras_vis(
    model: keras.Model, x: Any, layer: str
) -> dict[str, Callable[[], object]]:
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.saliency import Saliency

    def score(output: Any) -> Any:
        return output[:, TARGET]

    cam, saliency = Gradcam(model), Saliency(model)
    return {
        "tf-keras-vis: Grad-CAM": lambda: cam(score, x, penultimate_layer=layer),
        "tf-keras-vis: saliency": lambda: saliency(score, x),
        f"tf-keras-vis: SmoothGrad, {COPIES} copies": lambda: saliency(
            score, x, smooth_samples=COPIES
        ),
    }


def of_xplique(
    model: keras.Model, x: Any, layer: str
) -> dict[str, Callable[[], object]]:
    from xplique import attributions

    targets = np.eye(model.output_shape[-1], dtype=np.float32)[[TARGET] * len(x)]
    # They change how the model's layers are called, so each has a copy.
    explainers = {
        "Grad-CAM": attributions.GradCAM(copy_of(model), conv_layer=layer),
        "saliency": attributions.Saliency(copy_of(model)),
        "guided backprop": attributions.GuidedBackprop(copy_of(model)),
        f"SmoothGrad, {COPIES} copies": attributions.SmoothGrad(
            copy_of(model), nb_samples=COPIES
        ),
        f"integrated gradients, {COPIES} steps": attributions.IntegratedGradients(
            copy_of(model), steps=COPIES
        ),
    }
    return {
        f"Xplique: {what}": lambda explain=explain: explain(x, targets)
        for what, explain in explainers.items()
    }


def of_tf_explain(
    model: keras.Model, x: Any, layer: str
) -> dict[str, Callable[[], object]]:
    from tf_explain.core.grad_cam import GradCAM
    from tf_explain.core.vanilla_gradients import VanillaGradients

    cam, saliency = GradCAM(), VanillaGradients()
    return {
        "tf-explain: Grad-CAM, with pictures": lambda: cam.explain(
            (x, None), model, TARGET, layer, use_guided_grads=False
        ),
        "tf-explain: saliency, with pictures": lambda: saliency.explain(
            (x, None), model, TARGET
        ),
    }


def copy_of(model: keras.Model) -> keras.Model:
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


if __name__ == "__main__":
    main()
