"""Writes `data/attribution_peers.npz`: what tf-keras-vis and Xplique say of one model.

    python tests/attribution_peers.py

Needs an environment of its own with `tf-keras-vis`, `xplique` and TensorFlow, and is
run when a method is added; `test_attribution_peers.py` compares with what it wrote. The
model's weights and its input are in the file, too. Grad-CAM++ is not: both deviate from
the paper, each in its way (weights that sum up to 1; means in place of sums).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

FILE = Path(__file__).parent / "data" / "attribution_peers.npz"
TARGET = 2
STEPS = 20
PATCH = 4


def make_model() -> keras.Model:
    """Two convolutions and a dense layer, without a softmax."""
    layers = keras.layers
    image = layers.Input((16, 16, 3), name="image")
    maps = layers.Conv2D(4, 3, activation="relu", name="first")(image)
    maps = layers.MaxPooling2D(name="pool")(maps)
    maps = layers.Conv2D(6, 3, activation="relu", name="last")(maps)
    flat = layers.Flatten(name="flatten")(maps)
    hidden = layers.Dense(8, activation="relu", name="hidden")(flat)
    return keras.Model(image, layers.Dense(3, name="scores")(hidden))


def main() -> None:
    keras.utils.set_random_seed(0)
    model = make_model()
    x = np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype(np.float32)
    found = {"x": x, **of_tf_keras_vis(model, x), **of_xplique(model, x)}
    for i, weights in enumerate(model.get_weights()):
        found[f"weights{i}"] = weights
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FILE, **found)
    print(f"{FILE}: {', '.join(found)}")


def of_tf_keras_vis(model: keras.Model, x: Any) -> dict[str, Any]:
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.saliency import Saliency

    def score(output: Any) -> Any:
        return output[:, TARGET]

    cams = {"grad_cam": Gradcam, "layer_cam": Layercam}
    found = {
        f"tf_keras_vis/{name}": cam(model)(
            score, x, penultimate_layer="last", expand_cam=False, normalize_cam=False
        )
        for name, cam in cams.items()
    }
    saliency = Saliency(model)(score, x, normalize_map=False)
    return {**found, "tf_keras_vis/saliency": saliency}


def of_xplique(model: keras.Model, x: Any) -> dict[str, Any]:
    from xplique import attributions

    targets = np.eye(3, dtype=np.float32)[[TARGET] * len(x)]
    explainers = {
        "grad_cam": attributions.GradCAM(model, conv_layer="last"),
        "saliency": attributions.Saliency(model),
        "gradient_x_input": attributions.GradientInput(model),
        "integrated_gradients": attributions.IntegratedGradients(model, steps=STEPS),
        "guided_backprop": attributions.GuidedBackprop(model),
        "deconvnet": attributions.DeconvNet(model),
        "occlusion": attributions.Occlusion(
            model, patch_size=PATCH, patch_stride=PATCH, occlusion_value=0
        ),
    }
    return {
        f"xplique/{name}": np.asarray(explain(x, targets))
        for name, explain in explainers.items()
    }


if __name__ == "__main__":
    main()
