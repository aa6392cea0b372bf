"""Attribution methods against what independent implementations gave for the same model.

`attribution_peers.py` wrote their results, with the model's weights and its input.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import tensorboard_keract as tk
from tests.attribution_peers import FILE, PATCH, STEPS, TARGET, make_model

Array = np.ndarray[Any, np.dtype[np.float32]]


@pytest.fixture(scope="module")
def peers() -> dict[str, Array]:
    with np.load(FILE) as found:
        return dict(found)


@pytest.fixture(scope="module")
def model(peers: dict[str, Array]) -> keras.Model:
    made = make_model()
    made.set_weights([peers[f"weights{i}"] for i in range(len(made.weights))])
    return made


@pytest.mark.parametrize("name", ["grad_cam", "layer_cam", "saliency"])
def test_maps_of_tf_keras_vis(
    name: str, model: keras.Model, peers: dict[str, Array]
) -> None:
    found = getattr(tk, name)(model, peers["x"], TARGET)
    theirs = peers[f"tf_keras_vis/{name}"]
    np.testing.assert_allclose(found.heatmap, theirs, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "options"),
    [("saliency", {}), ("occlusion", {"patch": PATCH, "stride": PATCH})],
)
def test_heatmaps_of_xplique(
    name: str, options: dict[str, int], model: keras.Model, peers: dict[str, Array]
) -> None:
    found = getattr(tk, name)(model, peers["x"], TARGET, **options)
    theirs = peers[f"xplique/{name}"][..., 0]
    np.testing.assert_allclose(found.heatmap, theirs, rtol=1e-4, atol=1e-6)


def test_grad_cam_of_xplique_which_enlarges_it(
    model: keras.Model, peers: dict[str, Array]
) -> None:
    found = tk.grad_cam(model, peers["x"], TARGET).heatmap[..., np.newaxis]
    enlarged = tf.image.resize(found, peers["x"].shape[1:3], "bicubic")
    np.testing.assert_allclose(
        enlarged, peers["xplique/grad_cam"], rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", ["gradient_x_input", "guided_backprop", "deconvnet"])
def test_attributions_of_xplique_which_takes_their_mean_over_channels(
    name: str, model: keras.Model, peers: dict[str, Array]
) -> None:
    found = getattr(tk, name)(model, peers["x"], TARGET)
    theirs = peers[f"xplique/{name}"][..., 0]
    np.testing.assert_allclose(
        found.attribution.mean(axis=-1), theirs, rtol=1e-4, atol=1e-7
    )


def test_integrated_gradients_of_xplique_which_takes_other_points_of_the_way(
    model: keras.Model, peers: dict[str, Array]
) -> None:
    found = tk.integrated_gradients(model, peers["x"], TARGET, steps=STEPS)
    theirs = peers["xplique/integrated_gradients"][..., 0]
    ours = found.attribution.mean(axis=-1)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999
    # Ours is the more complete: the middles of the steps against their ends.
    start = tk.saliency(model, np.zeros_like(peers["x"]), TARGET).scores
    difference = found.scores - start
    errors = np.abs(3 * theirs.sum(axis=(1, 2)) - difference)
    assert found.completeness_error.mean() <= errors.mean()
