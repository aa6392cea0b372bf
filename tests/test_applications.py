"""Every architecture of `keras.applications` is traced whole.

The untrained nets, with the inputs and classes that they have by default. A few run in
every test run, all of them with `make test-long`.
"""

from __future__ import annotations

import inspect
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from tensorboard_keract.core.capture import CompiledPass
from tensorboard_keract.core.keract import get_activations

APPLICATIONS = sorted(
    name
    for name, build in vars(keras.applications).items()
    if inspect.isfunction(build) and "weights" in inspect.signature(build).parameters
)
FEW = ("EfficientNetV2B0", "MobileNetV2", "VGG16")


def test_the_list_is_that_of_keras() -> None:
    assert {
        "VGG16",
        "VGG19",
        "ResNet50",
        "InceptionV3",
        "InceptionResNetV2",
        "MobileNet",
        "MobileNetV2",
        "DenseNet121",
        "NASNetMobile",
        "Xception",
        "EfficientNetV2S",
        "ConvNeXtBase",
    } <= set(APPLICATIONS)


@pytest.mark.parametrize(
    "name",
    [
        name if name in FEW else pytest.param(name, marks=pytest.mark.long)
        for name in APPLICATIONS
    ],
)
def test_every_layer_is_seen_once_with_the_shape_that_keras_gives(name: str) -> None:
    model = getattr(keras.applications, name)(weights=None)
    run = CompiledPass(model, gradients=False)
    run.trace(tf.zeros([2, *(size or 224 for size in model.input_shape[1:])]))
    assert run.layout is not None
    seen = {layer.path: layer for layer in run.layout.layers}
    expected = dict(_calls(model, ""))
    paths = [layer.path for layer in run.layout.layers]
    assert Counter(paths) == Counter(list(expected))
    for path, tensor in expected.items():
        [output] = seen[path].outputs
        for size, given in zip(output.shape, tensor.shape, strict=True):
            assert given in (size, None), path
        assert output.dtype == tensor.dtype, path
    assert sum(w.trainable for w in run.layout.weights) == len(model.trainable_weights)
    keras.backend.clear_session()


def _calls(model: keras.Model, above: str):
    """Path and output of every operation in a functional model and those in it."""
    graph = getattr(model, "_functional", None) or model
    for operation in graph.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        if isinstance(operation, keras.Model):
            yield from _calls(operation, f"{above}{operation.name}/")
            continue
        yield f"{above}{operation.name}", operation.output


@pytest.mark.parametrize(
    "name", ["MobileNetV2", pytest.param("ResNet50", marks=pytest.mark.long)]
)
def test_a_layer_in_the_middle_is_what_a_model_cut_there_gives(name: str) -> None:
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(64, 64, 3), classes=5
    )
    layer = model.layers[len(model.layers) // 2]
    x = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype(np.float32)
    found = get_activations(model, x, layer_names=layer)
    assert list(found) == [layer.name]
    cut = keras.Model(model.input, layer.output)
    np.testing.assert_allclose(found[layer.name], cut(x), rtol=1e-3, atol=1e-5)
    assert list(get_activations(model, x)) == [layer.name for layer in model.layers]
