"""The compiled pass: right numbers for every kind of model, and the model unharmed."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.ops.operation import Operation

from tensorboard_keract.core.capture import (
    LOGITS_NOTE,
    CompiledPass,
    compiled_pass,
)
from tests import models


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.utils.set_random_seed(0)


def _tensors(part):
    return keras.tree.map_structure(tf.convert_to_tensor, part)


def _capture(case, **options):
    run = CompiledPass(case.model, **options)
    return run, run(_tensors(case.x), _tensors(case.y))


def test_two_dense_layers_match_hand_written_numpy() -> None:
    model = keras.Sequential(
        [
            keras.layers.Input((2,)),
            keras.layers.Dense(3, activation="relu", name="hidden"),
            keras.layers.Dense(1, name="out"),
        ]
    )
    model.compile("sgd", "mse")
    w1 = np.array([[1.0, -1.0, 0.5], [2.0, 0.0, -0.5]], np.float32)
    b1 = np.array([0.0, 0.5, 0.0], np.float32)
    w2 = np.array([[1.0], [2.0], [-1.0]], np.float32)
    b2 = np.array([0.25], np.float32)
    model.set_weights([w1, b1, w2, b2])
    x = np.array([[1.0, 2.0], [3.0, -1.0]], np.float32)
    y = np.array([[1.0], [0.0]], np.float32)

    _, found = _capture(models.ModelCase(model, x, y))

    before_relu = x @ w1 + b1
    hidden = np.maximum(before_relu, 0)
    out = hidden @ w2 + b2
    d_out = 2 * (out - y) / out.size
    d_hidden = d_out @ w2.T
    d_before = d_hidden * (before_relu > 0)
    np.testing.assert_allclose(found["activations"]["hidden"], hidden, rtol=1e-6)
    np.testing.assert_allclose(found["activations"]["out"], out, rtol=1e-6)
    np.testing.assert_allclose(found["outputs"]["output"], out, rtol=1e-6)
    np.testing.assert_allclose(found["loss"], np.mean((out - y) ** 2), rtol=1e-6)
    gradients = found["activation_gradients"]
    np.testing.assert_allclose(gradients["out"], d_out, rtol=1e-6)
    np.testing.assert_allclose(gradients["hidden"], d_hidden, rtol=1e-6)
    weights = found["weight_gradients"]
    np.testing.assert_allclose(weights["out/kernel"], hidden.T @ d_out, rtol=1e-6)
    np.testing.assert_allclose(weights["out/bias"], d_out.sum(0), rtol=1e-6)
    np.testing.assert_allclose(weights["hidden/kernel"], x.T @ d_before, rtol=1e-6)
    np.testing.assert_allclose(weights["hidden/bias"], d_before.sum(0), rtol=1e-6)
    np.testing.assert_array_equal(found["weights"]["hidden/kernel"], w1)


@pytest.mark.parametrize("make", models.ALL_CASES)
def test_weight_gradients_and_loss_match_a_plain_tape(make) -> None:
    case = make()
    run, found = _capture(case)
    x, y = _tensors(case.x), _tensors(case.y)
    with tf.GradientTape() as tape:
        y_pred = case.model(x, training=False)
        loss = case.model.compute_loss(x, y, y_pred, training=False)
    expected = tape.gradient(loss, case.model.trainable_weights)

    np.testing.assert_allclose(found["loss"], loss, rtol=1e-5)
    index_of = {id(w): i for i, w in enumerate(case.model.weights)}
    by_index = {
        index_of[id(w)]: tf.convert_to_tensor(g)
        for w, g in zip(case.model.trainable_weights, expected, strict=True)
    }
    trainable = [w for w in run.layout.weights if w.trainable]
    assert sorted(w.index for w in trainable) == sorted(by_index)
    for info in trainable:
        np.testing.assert_allclose(
            found["weight_gradients"][info.path],
            by_index[info.index],
            rtol=1e-4,
            atol=1e-6,
        )


def test_conv_activations_match_a_model_cut_there() -> None:
    case = models.sequential()
    _, found = _capture(case)
    for name in ("conv", "norm", "flatten", "dense"):
        cut = keras.Model(case.model.inputs[0], case.model.get_layer(name).output)
        np.testing.assert_allclose(
            found["activations"][name], cut(case.x), rtol=1e-5, atol=1e-6
        )


def test_activation_gradient_is_the_slope_of_the_loss() -> None:
    """Finite differences on the rest of the model, in float64."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        case = models.nested()
        _, found = _capture(
            models.ModelCase(
                case.model, case.x.astype("float64"), case.y.astype("float64")
            )
        )
        flat = found["activations"]["flatten"].numpy()
        kernel, bias = case.model.get_layer("dense").get_weights()
        loss_of = lambda a: np.mean((a @ kernel + bias - case.y) ** 2)  # noqa: E731
        nudge = np.zeros_like(flat)
        nudge[2, 5] = 1e-6
        slope = (loss_of(flat + nudge) - loss_of(flat - nudge)) / 2e-6
        gradients = found["activation_gradients"]
        np.testing.assert_allclose(gradients["flatten"][2, 5], slope, rtol=1e-6)
        # Pooling and flattening only move gradients: their sums agree.
        np.testing.assert_allclose(
            gradients["block/pool"].numpy().sum(),
            gradients["flatten"].numpy().sum(),
            rtol=1e-9,
        )
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("make", "paths"),
    [
        (models.sequential, ["conv", "norm", "dropout", "flatten", "dense"]),
        (models.nested, ["block/conv", "block/pool", "flatten", "dense"]),
        (models.shared, ["twice@0", "twice@1", "twice@2", "both", "dense"]),
        (
            models.recurrent,
            ["embedding", "lstm:0", "lstm:1", "lstm:2", "pooled", "joined", "dense"],
        ),
        (
            models.subclassed,
            ["conv", "flatten", "block/dense", "block/relu", "head@0", "head@1"],
        ),
    ],
)
def test_every_call_has_a_path_in_topological_order(make, paths) -> None:
    _, found = _capture(make())
    assert list(found["activations"]) == paths


def test_operations_are_seen_where_they_are_nodes_of_the_model() -> None:
    """`ops.pad` calls a numbered operation, inside a layer as in a user's `call`."""

    class Padded(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.zero = keras.layers.ZeroPadding1D(name="zero")

        def call(self, x):
            return keras.ops.pad(self.zero(x), [[0, 0], [1, 1], [0, 0]])

    x = keras.Input((3, 2), name="x")
    node = keras.ops.pad(keras.layers.ZeroPadding1D(name="zero")(x), [[0, 0]] * 3)
    functional = keras.Model(x, node)
    for model, paths in (
        (Padded(), ["zero"]),
        (functional, ["zero", functional.operations[-1].name]),
    ):
        model(tf.zeros((1, 3, 2)))
        found = CompiledPass(model, gradients=False)(tf.zeros((1, 3, 2)))
        assert list(found["activations"]) == paths


def test_edges_lead_from_inputs_to_outputs() -> None:
    run, _ = _capture(models.shared())
    parents = {layer.path: set(layer.parents) for layer in run.layout.layers}
    first, outer = sorted(
        path for path in parents if path.startswith("twice") and parents[path] == {"x"}
    )
    (inner,) = {"twice@0", "twice@1", "twice@2"} - {first, outer}
    assert parents[inner] < {first, outer}
    assert parents["both"] == {inner, first, outer} - parents[inner]
    assert parents["dense"] == {"both"}


def test_edges_are_found_through_plain_tensorflow_ops() -> None:
    run, _ = _capture(models.subclassed())
    parents = {layer.path: layer.parents for layer in run.layout.layers}
    assert parents["conv"] == ("input",)
    assert parents["head@1"] == ("block/relu",)


def test_calls_of_a_shared_layer_share_its_weights() -> None:
    run, found = _capture(models.shared())
    assert list(found["weights"]) == [
        "twice/kernel",
        "twice/bias",
        "dense/kernel",
        "dense/bias",
    ]
    owners = {layer.path: layer.weight_paths for layer in run.layout.layers}
    assert owners["twice@0"] == owners["twice@2"] == ("twice/kernel", "twice/bias")


def test_a_weight_of_the_model_itself_is_listed_under_its_name() -> None:
    run, found = _capture(models.subclassed())
    assert "subclassed/scale" in found["weight_gradients"]
    assert run.layout.layers[-1].weight_paths == ("subclassed/scale",)


def test_inputs_and_outputs_have_the_names_of_their_layers() -> None:
    _, found = _capture(models.several_ends())
    assert list(found["inputs"]) == ["a", "b"]
    assert list(found["outputs"]) == ["one", "two"]


def test_gradient_at_a_softmax_is_that_of_the_logits() -> None:
    case = models.classifier()
    run, found = _capture(case)
    probabilities = found["outputs"]["output"].numpy()
    one_hot = np.eye(3, dtype=np.float32)[case.y]
    np.testing.assert_allclose(
        found["activation_gradients"]["probs"],
        (probabilities - one_hot) / len(case.y),
        atol=1e-6,
    )
    assert run.gradient_notes == {"probs": LOGITS_NOTE}


def test_half_precision_gradients_are_unscaled() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        case = models.classifier()
        _, found = _capture(case)
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(case.model.optimizer, keras.mixed_precision.LossScaleOptimizer)
    probabilities = found["outputs"]["output"].numpy().astype(np.float32)
    one_hot = np.eye(3, dtype=np.float32)[case.y]
    flat = found["activations"]["flatten"].numpy().astype(np.float32)
    np.testing.assert_allclose(
        found["weight_gradients"]["probs/kernel"],
        flat.T @ (probabilities - one_hot) / len(case.y),
        atol=5e-3,
    )


def test_one_trace_per_signature() -> None:
    case = models.several_ends()
    run = CompiledPass(case.model)
    for _ in range(3):
        run(_tensors(case.x), _tensors(case.y))
    assert run.trace_count == 1
    run([t[:2] for t in _tensors(case.x)], [t[:2] for t in _tensors(case.y)])
    assert run.trace_count == 2


def test_one_pass_per_model_and_options() -> None:
    case = models.shared()
    assert compiled_pass(case.model) is compiled_pass(case.model)
    assert compiled_pass(case.model) is not compiled_pass(case.model, gradients=False)
    assert compiled_pass(case.model) is not compiled_pass(models.shared().model)


def test_without_gradients_no_loss_is_needed() -> None:
    case = models.subclassed()
    model = models.Subclassed()
    model(case.x)
    run = CompiledPass(model, gradients=False)
    found = run(_tensors(case.x))
    assert found["loss"] is None
    assert not found["activation_gradients"]
    assert len(found["activations"]) == 6


def test_a_loss_of_a_custom_loop_takes_the_place_of_the_compiled_one() -> None:
    case = models.subclassed()
    model = models.Subclassed()
    model(case.x)
    run = CompiledPass(model, loss=lambda y, y_pred: tf.reduce_sum(y_pred * y))
    found = run(_tensors(case.x), _tensors(case.y))
    np.testing.assert_allclose(
        found["loss"], np.sum(model(case.x).numpy() * case.y), rtol=1e-5
    )
    assert len(found["weight_gradients"]) == len(model.trainable_weights)


@pytest.mark.parametrize("make", models.ALL_CASES)
def test_nothing_in_the_model_changes(make: Callable[[], models.ModelCase]) -> None:
    case = make()
    case.model.fit(case.x, case.y, epochs=1, verbose=0)
    variables = [
        *case.model.variables,
        *case.model.optimizer.variables,
        *case.model.metrics_variables,
    ]
    before = [v.numpy().copy() for v in variables]
    names = set(vars(case.model))
    for training in (False, True):
        _capture(case, training=training)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)
    assert set(vars(case.model)) == names
    assert case.model.losses == [] or make is models.sequential


def test_keras_is_as_before_outside_a_trace() -> None:
    plain = Operation.__call__
    _capture(models.sequential())
    assert Operation.__call__ is plain


def test_an_error_in_the_model_leaves_keras_as_before() -> None:
    plain = Operation.__call__
    case = models.sequential()
    with pytest.raises(ValueError, match="shape"):
        CompiledPass(case.model)(tf.zeros((4, 5, 5, 2)), _tensors(case.y))
    assert Operation.__call__ is plain


def test_other_threads_go_on_undisturbed() -> None:
    """While one thread traces, another calls a model, and gets no share in the trace."""
    other = models.shared()
    expected = other.model(other.x).numpy()
    inside, proceed = threading.Event(), threading.Event()

    class Waiting(keras.layers.Layer):
        def call(self, x):
            inside.set()
            assert proceed.wait(60)
            return x

    model = keras.Sequential([keras.layers.Dense(3, name="d"), Waiting(name="w")])
    proceed.set()
    model.build((None, 4))
    model.compile("sgd", "mse")
    inside.clear()
    proceed.clear()
    found = {}
    run = CompiledPass(model, gradients=False)
    thread = threading.Thread(target=lambda: found.update(run(tf.ones((2, 4)))))
    thread.start()
    assert inside.wait(60)
    np.testing.assert_array_equal(other.model(other.x), expected)
    proceed.set()
    thread.join(60)
    assert list(found["activations"]) == ["d", "w"]


def test_a_pass_does_not_keep_its_model_alive() -> None:
    case = models.shared()
    compiled_pass(case.model)(_tensors(case.x), _tensors(case.y))
    reference = weakref.ref(case.model)
    del case
    gc.collect()
    assert reference() is None


def test_a_pass_is_built_anew_for_another_loss_or_other_trainable_weights() -> None:
    case = models.shared()
    x, y = _tensors(case.x), _tensors(case.y)
    before = compiled_pass(case.model)(x, y)
    case.model.compile("adam", "mae")
    np.testing.assert_allclose(
        compiled_pass(case.model)(x, y)["loss"],
        np.mean(np.abs(case.model(x) - case.y)),
        rtol=1e-5,
    )
    case.model.get_layer("twice").trainable = False
    frozen = compiled_pass(case.model)(x, y)["weight_gradients"]
    assert set(before["weight_gradients"]) - set(frozen) == {
        "twice/kernel",
        "twice/bias",
    }


def test_outputs_that_are_one_tensor_have_a_gradient_each() -> None:
    class Twice(keras.layers.Layer):
        def call(self, x):
            y = x * 2
            return [y, y]

        def compute_output_spec(self, x):
            return [keras.KerasTensor(x.shape, x.dtype) for _ in range(2)]

    x = keras.Input((1,), name="x")
    one, other = Twice(name="twice")(x)
    model = keras.Model(x, one + 3 * other)
    model.compile("sgd", "mse")
    _, found = _capture(
        models.ModelCase(model, np.ones((1, 1), "f"), np.zeros((1, 1), "f"))
    )
    # d (y1 + 3 y2)^2 at y1 = y2 = 2.
    assert float(found["activation_gradients"]["twice:0"][0, 0]) == 16
    assert float(found["activation_gradients"]["twice:1"][0, 0]) == 48
