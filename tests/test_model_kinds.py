"""keract's functions give the right numbers for every kind of model, and harm none."""

from __future__ import annotations

import fnmatch
import gc
import logging
import random
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.ops.operation import Operation
from keras.src.random.seed_generator import global_seed_generator
from tensorflow.python.eager.polymorphic_function import polymorphic_function

from tensorboard_keract.core.keract import (
    get_activations,
    get_gradients_of_activations,
    get_gradients_of_trainable_weights,
)
from tests import model_kinds
from tests.model_kinds import Kind, PlainRun, plain_run

layers = keras.layers
ops = keras.ops


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.utils.set_random_seed(0)


# All kinds: numbers, keys, and the model as it was.


@dataclass
class Record:
    """What all functions gave for one kind of model, and what became of the model.

    Attributes:
      activations, gradients, weight_gradients: by `training`.
      plain: the reference, by `training`.
      states: for each call of a function its name, and the model before and after.
    """

    kind: Kind
    activations: dict[bool, Any] = field(default_factory=dict)
    gradients: dict[bool, Any] = field(default_factory=dict)
    weight_gradients: dict[bool, Any] = field(default_factory=dict)
    plain: dict[bool, PlainRun] = field(default_factory=dict)
    states: list[tuple[str, dict[str, Any], dict[str, Any]]] = field(
        default_factory=list
    )


@pytest.fixture(
    scope="module", params=model_kinds.ALL_KINDS, ids=lambda make: make.__name__
)
def record(request: pytest.FixtureRequest) -> Record:
    """One kind of model through all functions: never fit, and fit one batch."""
    keras.utils.set_random_seed(0)
    kind = request.param()
    record = Record(kind)
    _call_all(record, "never fit")
    for training in kind.trainings:
        record.plain[training] = plain_run(kind, training)
    model_kinds.fit_one_batch(kind)
    fitted = Record(kind)
    _call_all(fitted, "fit")
    record.states += fitted.states
    return record


def _call_all(record: Record, name: str) -> None:
    kind = record.kind
    of_loss = {"y": kind.y, "sample_weight": kind.sample_weight}
    before = None
    if kind.model.built:  # Else the first call builds it.
        kind.model(model_kinds.as_tensors(kind.x))
        before = _state(kind)
    for training in kind.trainings:
        for found, function, arguments in (
            (record.activations, get_activations, {}),
            (record.gradients, get_gradients_of_activations, of_loss),
            (record.weight_gradients, get_gradients_of_trainable_weights, of_loss),
        ):
            found[training] = function(
                kind.model, kind.x, **arguments, training=training
            )
            after = _state(kind)
            label = f"{function.__name__}, training={training}, {name}"
            record.states.append((label, before or after, after))
            before = after


def _state(kind: Kind) -> dict[str, Any]:
    """All that a call might change, by what it is."""
    model = kind.model
    parts = [model, *model._flatten_layers(include_self=False)]
    variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    state: dict[str, Any] = {v.path: v.numpy().copy() for v in variables}
    state["variables"] = [id(variable) for variable in variables]
    state["metrics"] = [id(metric) for metric in model.metrics]
    state["losses"] = [float(loss) for loss in model.losses]
    for number, part in enumerate(parts):
        state[f"attributes {number}"] = {
            key: value if isinstance(value, (str, bool, int, float)) else id(value)
            for key, value in vars(part).items()
            # Keras' notes that a layer was called, and in which.
            if key not in ("_called", "_parent_path")
        }
        state[f"call {number}"] = part.call
    loss, metrics = model._compile_loss, model._compile_metrics
    state["compiled"] = model.compiled
    state["loss"] = (id(loss), loss.built, dict(vars(loss)))
    state["compiled metrics"] = metrics and (id(metrics), metrics.built)
    state["optimizer"] = (id(model.optimizer), model.optimizer.built)
    state["Keras' seeds"] = global_seed_generator().state.numpy().copy()
    state["Python's seeds"] = random.getstate()
    state["NumPy's seeds"] = repr(np.random.get_state())
    return state


def _each(arrays: Any) -> list[Any]:
    return arrays if isinstance(arrays, list) else [arrays]


def _assert_same_arrays(found: Any, expected: Any, kind: Kind, name: str) -> None:
    is_half = any("mixed" in layer.dtype_policy.name for layer in kind.model.layers)
    tolerance = {"rtol": 2e-2, "atol": 2e-3} if is_half else {"rtol": 1e-4}
    for one, other in zip(_each(found), _each(expected), strict=True):
        assert one.shape == other.shape, name
        np.testing.assert_allclose(
            one.astype(np.float64), other, err_msg=name, **{"atol": 1e-6, **tolerance}
        )


def _fits(names: Any, globs: Any) -> bool:
    return len(names) == len(globs) and all(map(fnmatch.fnmatchcase, names, globs))


def test_keys_are_the_inputs_and_then_the_layers_in_their_order(record: Record) -> None:
    kind = record.kind
    for training in kind.trainings:
        keys = list(record.activations[training])
        assert _fits(keys, [*kind.inputs, *kind.layers]), keys
        assert list(record.gradients[training]) == keys[len(kind.inputs) :]
        assert list(record.weight_gradients[training]) == list(kind.weights)


def test_inputs_are_as_given(record: Record) -> None:
    x = record.kind.x
    given = [x[name] for name in sorted(x)] if isinstance(x, dict) else [x]
    given = keras.tree.flatten(given)
    found = list(record.activations[False].values())[: len(given)]
    for one, other in zip(found, given, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_activations_are_those_of_a_plain_call(record: Record) -> None:
    for training, found in record.activations.items():
        plain = record.plain[training].activations
        names = list(found)[len(record.kind.inputs) :]
        assert set(names) == set(plain)
        for name in names:
            _assert_same_arrays(found[name], plain[name], record.kind, name)


def test_gradients_of_activations_are_those_of_a_plain_tape(record: Record) -> None:
    for training, found in record.gradients.items():
        for name, gradient in found.items():
            expected = record.plain[training].gradients[name]
            _assert_same_arrays(gradient, expected, record.kind, name)


def test_gradients_of_weights_are_those_of_a_plain_tape(record: Record) -> None:
    for training, found in record.weight_gradients.items():
        expected = record.plain[training].weight_gradients
        for (path, gradient), other in zip(found.items(), expected, strict=True):
            _assert_same_arrays(gradient, other, record.kind, path)


def test_no_call_changes_the_model(record: Record) -> None:
    for label, before, after in record.states:
        assert list(before) == list(after), label
        for name, value in before.items():
            np.testing.assert_equal(after[name], value, err_msg=f"{name} by {label}")


# Numbers worked out by hand.


def _weights_of(model: keras.Model) -> dict[str, Any]:
    """Weights by `layer/weight`."""
    return {
        f"{layer.name}/{weight.name}": weight.numpy()
        for layer in model.layers
        for weight in layer.weights
    }


def test_lstm_matches_numpy() -> None:
    x = layers.Input((3, 2), name="x")
    lstm = layers.LSTM(2, return_sequences=True, return_state=True, name="lstm")
    model = keras.Model(x, lstm(x))
    data = model_kinds.random(2, 3, 2)
    kernel, recurrent, bias = model.get_weights()

    def sigmoid(value: Any) -> Any:
        return 1 / (1 + np.exp(-value))

    hidden, carry, sequence = np.zeros((2, 2)), np.zeros((2, 2)), []
    for step in range(3):
        gates = data[:, step] @ kernel + hidden @ recurrent + bias
        entry, forget, candidate, out = np.split(gates, 4, axis=-1)
        carry = sigmoid(forget) * carry + sigmoid(entry) * np.tanh(candidate)
        hidden = sigmoid(out) * np.tanh(carry)
        sequence.append(hidden)

    found = get_activations(model, data)["lstm"]
    assert len(found) == 3
    np.testing.assert_allclose(found[0], np.stack(sequence, 1), rtol=1e-5)
    np.testing.assert_allclose(found[1], hidden, rtol=1e-5)
    np.testing.assert_allclose(found[2], carry, rtol=1e-5)
    full = get_activations(model, data, output_format="full")
    assert list(full) == ["x:0", "lstm:0", "lstm:1", "lstm:2"]


def test_batch_normalisation_takes_the_batch_only_in_training() -> None:
    model = keras.Sequential(
        [
            layers.Input((2,), name="x"),
            layers.BatchNormalization(epsilon=1e-3, name="norm"),
        ]
    )
    gamma, beta = np.array([1.0, 2.0]), np.array([0.5, 0.0])
    mean, variance = np.array([1.0, -1.0]), np.array([4.0, 0.25])
    model.set_weights([gamma, beta, mean, variance])
    x = model_kinds.random(5, 2) * 3
    for training, m, v in (
        (False, mean, variance),
        (True, x.mean(0), x.var(0)),
    ):
        np.testing.assert_allclose(
            get_activations(model, x, training=training)["norm"],
            (x - m) / np.sqrt(v + 1e-3) * gamma + beta,
            rtol=1e-4,
            atol=1e-5,
        )
    np.testing.assert_array_equal(model.layers[0].moving_mean, mean)


def test_dropout_drops_only_in_training() -> None:
    model = keras.Sequential(
        [layers.Input((50,), name="x"), layers.Dropout(0.5, name="drop")]
    )
    model.compile("sgd", "mse")
    x = np.ones((2, 50), np.float32)
    np.testing.assert_array_equal(get_activations(model, x)["drop"], x)
    dropped = get_activations(model, x, training=True)["drop"]
    assert set(dropped.flat) == {0.0, 2.0}
    # One state of the seeds, one choice, in every pass.
    np.testing.assert_array_equal(
        get_gradients_of_activations(model, x, x, training=True)["drop"],
        2 * (dropped - x) / x.size,
    )


@pytest.fixture
def _float64() -> Iterator[None]:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.usefixtures("_float64")
def test_weight_gradients_are_the_slopes_of_the_loss() -> None:
    """Finite differences, in float64, through shared, nested and recurrent layers."""
    block = keras.Sequential(
        [layers.Input((3, 2)), layers.GRU(2, return_sequences=True, name="gru")],
        name="block",
    )
    x = layers.Input((3, 2), name="x")
    model = keras.Model(x, layers.GlobalAveragePooling1D(name="mean")(block(block(x))))
    model.compile("sgd", "mse")
    data, y = np.sin(np.arange(12.0)).reshape(2, 3, 2), np.ones((2, 2))
    found = get_gradients_of_trainable_weights(model, data, y)
    for path, weight in zip(found, model.trainable_weights, strict=True):
        value = weight.numpy()
        for place in list(np.ndindex(value.shape))[::5]:
            losses = []
            for nudge in (1e-5, -1e-5):
                nudged = value.copy()
                nudged[place] += nudge
                weight.assign(nudged)
                losses.append(np.mean((model(data).numpy() - y) ** 2))
            weight.assign(value)
            slope = (losses[0] - losses[1]) / 2e-5
            np.testing.assert_allclose(
                found[path][place], slope, rtol=1e-5, atol=1e-9, err_msg=path
            )


def _attention_by_hand(
    layer: Any, query: Any, memory: Any, causal: bool
) -> tuple[Any, Callable[[Any], Any]]:
    """The scores [batch, head, query, key], and what gives the output from them."""
    parts = {
        name: (
            getattr(layer, f"_{name}_dense").kernel.numpy(),
            getattr(layer, f"_{name}_dense").bias.numpy(),
        )
        for name in ("query", "key", "value")
    }

    def projected(name: str, source: Any) -> Any:
        kernel, bias = parts[name]
        return np.einsum("btd,dnh->btnh", source, kernel) + bias

    queries, keys, values = (
        projected("query", query),
        projected("key", memory),
        projected("value", memory),
    )
    repeats = queries.shape[2] // keys.shape[2]  # Heads of a group share a key.
    keys, values = np.repeat(keys, repeats, 2), np.repeat(values, repeats, 2)
    logits = np.einsum("btnh,bsnh->bnts", queries, keys) / np.sqrt(keys.shape[-1])
    if causal:
        later = np.triu(np.ones(logits.shape[-2:]), 1)
        logits = logits - 1e9 * later
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    scores = exponentials / exponentials.sum(-1, keepdims=True)
    out_dense = getattr(layer, "_output_dense", None)
    kernel, bias = (out_dense.kernel.numpy(), out_dense.bias.numpy())

    def output(scores: Any) -> Any:
        heads = tf.einsum("bnts,bsnh->btnh", scores, tf.cast(values, tf.float32))
        return tf.einsum("btnh,nhd->btd", heads, kernel) + bias

    return scores.astype(np.float32), output


@pytest.mark.parametrize(
    ("make", "is_cross", "is_causal"),
    [
        (lambda: layers.MultiHeadAttention(2, 3, name="attention"), False, False),
        (lambda: layers.MultiHeadAttention(2, 3, name="attention"), False, True),
        (
            lambda: layers.MultiHeadAttention(2, 3, dropout=0.5, name="attention"),
            True,
            False,
        ),
        (lambda: layers.GroupQueryAttention(3, 4, 2, name="attention"), False, True),
    ],
    ids=["plain", "causal", "cross with dropout", "grouped, causal"],
)
def test_attention_scores_and_their_gradients_match_attention_by_hand(
    make: Callable[[], Any], is_cross: bool, is_causal: bool
) -> None:
    query = layers.Input((3, 4), name="query")
    memory = layers.Input((2, 4), name="memory") if is_cross else query
    attention = make()
    model = keras.Model(
        [query, memory] if is_cross else query,
        attention(query, memory, use_causal_mask=is_causal),
    )
    model.compile("sgd", "mse")
    data, y = model_kinds.random(2, 3, 4), model_kinds.random(2, 3, 4) + 1
    other = model_kinds.random(2, 2, 4) - 1 if is_cross else data
    x = [data, other] if is_cross else data

    found = get_activations(model, x, nested=True)
    gradients = get_gradients_of_activations(
        model, x, y, layer_names=["attention/attention_scores", "attention"]
    )

    scores = found["attention/attention_scores"]
    expected, output = _attention_by_hand(attention, data, other, is_causal)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-5)
    _, of_keras = attention(
        data, other, return_attention_scores=True, use_causal_mask=is_causal
    )
    np.testing.assert_allclose(scores, of_keras, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        found["attention"], model.predict(x, verbose=0), rtol=1e-4, atol=1e-5
    )
    with tf.GradientTape() as tape:
        watched = tf.constant(expected)
        tape.watch(watched)
        loss = tf.reduce_mean((output(watched) - y) ** 2)
    assert list(gradients) == ["attention/attention_scores", "attention"]
    np.testing.assert_allclose(
        gradients["attention/attention_scores"],
        tape.gradient(loss, watched),
        rtol=1e-3,
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        ("softmax", "sparse_categorical_crossentropy"),
        ("softmax", "categorical_crossentropy"),
        ("sigmoid", "binary_crossentropy"),
    ],
)
def test_gradient_at_an_end_with_crossentropy_is_that_of_the_logits(
    activation: str, loss: str
) -> None:
    model = keras.Sequential(
        [layers.Input((4,)), layers.Dense(3, activation=activation, name="probs")]
    )
    model.compile("sgd", loss)
    x, labels = model_kinds.random(4, 4), np.array([0, 2, 1, 2])
    one_hot = np.eye(3, dtype=np.float32)[labels]
    y = labels if loss.startswith("sparse") else one_hot
    count = one_hot.size if activation == "sigmoid" else len(labels)
    np.testing.assert_allclose(
        get_gradients_of_activations(model, x, y)["probs"],
        (model(x).numpy() - one_hot) / count,
        atol=1e-6,
    )


# The loss is that of `fit`.


def _two_outputs(as_dict: bool) -> keras.Model:
    x = layers.Input((3,), name="x")
    ends = {
        "near": layers.Dense(2, name="near")(x),
        "far": layers.Dense(2, activation="softmax", name="far")(x),
    }
    return keras.Model(x, ends if as_dict else list(ends.values()))


_Y: Any = (model_kinds.random(4, 2), np.array([0, 1, 1, 0]))
_SAMPLE_WEIGHTS: Any = (np.array([1, 0, 2, 3], "f"), np.array([0, 2, 0, 1], "f"))
_LOSSES: Any = {"near": "mae", "far": "sparse_categorical_crossentropy"}


@pytest.mark.parametrize(
    ("as_dict", "compile_options", "y", "options"),
    [
        (False, {"loss": [*_LOSSES.values()], "loss_weights": [2.0, 0.5]}, [*_Y], {}),
        (False, {"loss": _LOSSES, "loss_weights": {"near": 3.0, "far": 1.0}}, _Y, {}),
        (
            False,
            {"loss": [*_LOSSES.values()]},
            [*_Y],
            {"sample_weight": [*_SAMPLE_WEIGHTS]},
        ),
        (
            False,
            {"loss": [*_LOSSES.values()]},
            [*_Y],
            {"sample_weight": _SAMPLE_WEIGHTS[0]},
        ),
        (
            True,
            {"loss": _LOSSES, "loss_weights": {"near": 3.0, "far": 1.0}},
            dict(zip(_LOSSES, _Y, strict=True)),
            {"sample_weight": dict(zip(_LOSSES, _SAMPLE_WEIGHTS, strict=True))},
        ),
        (True, {"loss": {"near": "mse"}}, {"near": _Y[0]}, {}),
        (False, {"loss": _LOSSES}, dict(zip(_LOSSES, _Y, strict=True)), {}),
        (True, {"loss": [*_LOSSES.values()][::-1]}, [*_Y][::-1], {}),
    ],
    ids=[
        "lists, weighed",
        "losses in a dict",
        "sample weights per output",
        "sample weights for all outputs",
        "dicts, weighed",
        "one output without a loss",
        "targets in a dict, outputs in a list",
        "targets in a list, outputs in a dict",
    ],
)
def test_weight_gradients_are_a_step_of_fit_with_several_outputs(
    as_dict: bool, compile_options: Any, y: Any, options: Any
) -> None:
    _assert_one_step(
        _two_outputs(as_dict), model_kinds.random(4, 3), y, options, **compile_options
    )


@pytest.mark.parametrize(
    ("y", "options"),
    [
        (np.array([0, 1, 1, 0]), {"class_weight": {0: 3.0, 1: 0.5}}),
        (np.eye(2, dtype="f")[[0, 1, 1, 0]], {"class_weight": {1: 4.0}}),
        (np.array([[0], [1], [1], [0]]), {"sample_weight": np.array([0.0, 1, 2, 3])}),
    ],
    ids=["class weights", "class weights, one-hot", "sample weights"],
)
def test_weight_gradients_are_a_step_of_fit_with_weights(y: Any, options: Any) -> None:
    model = keras.Sequential(
        [layers.Input((3,)), layers.Dense(2, activation="softmax", name="probs")]
    )
    is_one_hot = y.shape[-1] == 2
    loss = f"{'' if is_one_hot else 'sparse_'}categorical_crossentropy"
    _assert_one_step(model, model_kinds.random(4, 3), y, options, loss=loss)


def _assert_one_step(
    model: keras.Model, x: Any, y: Any, options: Any, **compile_options: Any
) -> None:
    """With a learning rate of one, a step of `fit` is the gradient."""
    model.compile(keras.optimizers.SGD(1.0), **compile_options)
    found = get_gradients_of_trainable_weights(model, x, y, **options, training=True)
    before = [weight.numpy() for weight in model.trainable_weights]
    model.run_eagerly = True
    weights = model.trainable_weights
    with model_kinds.missing_gradients_ignored():
        model.fit(x, y, **options, verbose=0)
    for (path, gradient), weight, value in zip(
        found.items(), weights, before, strict=True
    ):
        step = value - weight.numpy()
        np.testing.assert_allclose(gradient, step, rtol=1e-4, atol=1e-6, err_msg=path)


def test_targets_of_one_output_may_be_in_a_list() -> None:
    x = layers.Input((3,), name="x")
    model = keras.Model(x, layers.Dense(2, name="out")(x))
    _assert_one_step(model, model_kinds.random(4, 3), [_Y[0]], {}, loss="mse")


def test_class_weights_match_numpy() -> None:
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1, name="out")])
    model.compile("sgd", "mse")
    x, y = model_kinds.random(3, 2), np.array([0, 1, 1])
    gradients = get_gradients_of_activations(
        model, x, y, class_weight={0: 2.0, 1: 0.25}
    )
    weights = np.array([[2.0], [0.25], [0.25]])
    np.testing.assert_allclose(
        gradients["out"], weights * 2 * (model(x).numpy() - y[:, None]) / 3, rtol=1e-5
    )


def test_losses_of_layers_are_enough() -> None:
    """`add_loss` alone; the targets are not used."""

    class Penalty(layers.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(ops.sum(x**2))
            return x

    model = keras.Sequential(
        [layers.Input((2,)), layers.Dense(2, name="out"), Penalty(name="penalty")]
    )
    model.compile("sgd")
    x = model_kinds.random(3, 2)
    found = get_gradients_of_activations(model, x, x, layer_names="out")
    np.testing.assert_allclose(found["out"], 2 * model(x).numpy(), rtol=1e-5)


def test_the_scope_of_a_strategy_makes_no_difference() -> None:
    kind = model_kinds.lists()
    arguments = (kind.model, kind.x, kind.y)
    outside = get_gradients_of_trainable_weights(*arguments)
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        inside = get_gradients_of_trainable_weights(*arguments)
    for path, gradient in outside.items():
        np.testing.assert_allclose(inside[path], gradient, rtol=1e-5, err_msg=path)
    assert not kind.model._compile_loss.built


def test_a_loss_of_the_model_itself_is_taken() -> None:
    """An override of `compute_loss`, as it was written before it took `training`."""

    class Model(keras.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.tracker = keras.metrics.Mean(name="tracked")

        def compute_loss(
            self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
        ) -> Any:
            loss = ops.sum(y_pred * y)
            self.tracker.update_state(loss)
            return loss

    x = layers.Input((2,), name="x")
    model = Model(inputs=x, outputs=layers.Dense(2, name="out")(x))
    model.compile("sgd")
    data, y = model_kinds.random(3, 2), model_kinds.random(3, 2) + 1
    found = get_gradients_of_activations(model, data, y)
    np.testing.assert_allclose(found["out"], y, rtol=1e-6)
    assert float(model.tracker.result()) == 0


# Models and layers in models.


def test_layers_three_models_deep_have_paths() -> None:
    kind = model_kinds.three_deep()
    inner, middle = (
        kind.model.get_layer("middle").get_layer("inner"),
        kind.model.get_layer("middle"),
    )
    found = get_activations(kind.model, kind.x, nested=True)
    gradients = get_gradients_of_activations(kind.model, kind.x, kind.y, nested=True)
    assert list(found) == [
        "x",
        "middle/inner/a",
        "middle/inner/b",
        "middle/relu",
        "head",
    ]
    assert list(gradients) == list(found)[1:]
    cut = keras.Model(inner.inputs[0], inner.get_layer("a").output)
    for path, model in (
        ("middle/inner/a", cut),
        ("middle/inner/b", inner),
        ("middle/relu", middle),
    ):
        np.testing.assert_allclose(found[path], model(kind.x), rtol=1e-4, atol=1e-6)
    # Backwards by hand: through the head, the ReLU, and the second layer.
    d_head = 2 * (found["head"] - kind.y) / kind.y.size
    head, second = kind.model.get_layer("head"), inner.get_layer("b")
    d_relu = d_head @ head.kernel.numpy().T
    d_b = d_relu * (found["middle/inner/b"] > 0)
    for path, expected in (
        ("middle/relu", d_relu),
        ("middle/inner/b", d_b),
        ("middle/inner/a", d_b @ second.kernel.numpy().T),
    ):
        np.testing.assert_allclose(
            gradients[path], expected, rtol=1e-4, atol=1e-7, err_msg=path
        )


def test_a_model_called_twice_has_paths_for_each_call() -> None:
    kind = model_kinds.shared_model()
    block = kind.model.get_layer("block")
    found = get_activations(kind.model, kind.x, nested=True)
    gradients = get_gradients_of_activations(kind.model, kind.x, kind.y, nested=True)
    assert list(found) == ["x", "block@0/fc", "block@1/fc", "head"]
    once = block(kind.x).numpy()
    np.testing.assert_allclose(found["block@0/fc"], once, rtol=1e-5)
    np.testing.assert_allclose(found["block@1/fc"], block(once), rtol=1e-5)
    second = gradients["block@1/fc"] * (1 - found["block@1/fc"] ** 2)
    np.testing.assert_allclose(
        gradients["block@0/fc"],
        second @ block.get_layer("fc").kernel.numpy().T,
        rtol=1e-4,
        atol=1e-7,
    )


def test_layers_in_a_layer_come_before_it() -> None:
    kind = model_kinds.composite()
    found = get_activations(kind.model, kind.x, nested=True)
    assert list(found) == [
        "x",
        *("one/expand", "one/reduce", "one"),
        *("two/expand", "two/reduce", "two"),
        "head",
    ]
    one = kind.model.get_layer("one")
    expanded = one.expand(kind.x)
    np.testing.assert_allclose(found["one/expand"], expanded, rtol=1e-5)
    np.testing.assert_allclose(found["one/reduce"], one.reduce(expanded), rtol=1e-5)
    gradients = get_gradients_of_activations(kind.model, kind.x, kind.y, nested=True)
    np.testing.assert_allclose(
        gradients["one/reduce"], gradients["one"] * one.gain.numpy(), rtol=1e-5
    )


def test_distinct_layers_of_one_name_are_told_apart() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="same")
            self.parts = [layers.Dense(n, name="part") for n in (3, 2)]

        def build(self, shape: Any) -> None:
            self.parts[0].build(shape)
            self.parts[1].build((None, 3))

        def call(self, x: Any) -> Any:
            return self.parts[1](self.parts[0](x))

    model = Model()
    model.compile("sgd", "mse")
    x, y = model_kinds.random(2, 4), model_kinds.random(2, 2)
    found = get_activations(model, x)
    assert {k: v.shape[1] for k, v in found.items()} == {
        "input": 4,
        "part@0": 3,
        "part@1": 2,
    }
    gradients = get_gradients_of_trainable_weights(model, x, y)
    assert [g.shape for g in gradients.values()] == [(4, 3), (3,), (3, 2), (2,)]


# Outputs that no array can hold, and odd ones.


class _Unequal(keras.Model):
    """A ragged, a sparse, a sequence of dense outputs, and one inside a loop."""

    def __init__(self) -> None:
        super().__init__(name="unequal")
        self.hidden = layers.Dense(3, name="hidden")
        self.ragged = layers.Lambda(
            lambda t: tf.RaggedTensor.from_tensor(t), name="ragged"
        )
        self.sparse = layers.Lambda(lambda t: tf.sparse.from_dense(t), name="sparse")
        self.mixed = layers.Lambda(lambda t: (t, tf.sparse.from_dense(t)), name="mixed")
        self.looped = layers.Dense(3, name="looped")
        self.nothing = layers.Lambda(lambda t: None, name="nothing")
        self.head = layers.Dense(2, name="head")

    def build(self, shape: Any) -> None:
        for layer in (self.hidden, self.looped, self.head):
            layer.build((None, 3))

    def call(self, x: Any) -> Any:
        x = self.hidden(x)
        self.nothing(x)
        total = self.ragged(x).to_tensor() + tf.sparse.to_dense(self.sparse(x))
        total = total + self.mixed(x)[0]
        _, total = tf.while_loop(
            lambda i, _: i < 2, lambda i, t: (i + 1, self.looped(t)), (0, total)
        )
        return self.head(total)


def test_outputs_that_no_array_can_hold_are_left_out_and_named() -> None:
    model = _Unequal()
    model.compile("sgd", "mse")
    x, y = model_kinds.random(2, 3), model_kinds.random(2, 2)
    left_out = "^Left out: ragged, sparse, mixed:1, looped.* "
    with pytest.warns(UserWarning, match=left_out):
        found = get_activations(model, x)
    with pytest.warns(UserWarning, match=left_out):
        gradients = get_gradients_of_activations(model, x, y)
    weights = get_gradients_of_trainable_weights(model, x, y)
    assert list(found) == ["input", "hidden", "mixed", "head"]
    assert list(gradients) == ["hidden", "mixed", "head"]
    hidden, out = model.hidden(x).numpy(), model(x).numpy()
    np.testing.assert_allclose(found["hidden"], hidden, rtol=1e-5)
    np.testing.assert_allclose(found["mixed"][0], hidden, rtol=1e-5)
    np.testing.assert_allclose(found["head"], out, rtol=1e-5)
    d_out = 2 * (out - y) / out.size
    np.testing.assert_allclose(gradients["head"], d_out, rtol=1e-5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
    for (path, gradient), expected in zip(
        weights.items(),
        tape.gradient(loss, [w.value for w in model.trainable_weights]),
        strict=True,
    ):
        np.testing.assert_allclose(
            gradient, expected, rtol=1e-4, atol=1e-6, err_msg=path
        )


def test_zero_gradient_where_the_loss_does_not_depend_and_nan_for_integers() -> None:
    kind = model_kinds.unconnected()
    gradients = get_gradients_of_activations(kind.model, kind.x, kind.y)
    np.testing.assert_array_equal(gradients["aside"], np.zeros((3, 2)))
    assert gradients["best"].shape == (3,) and np.isnan(gradients["best"]).all()
    weights = get_gradients_of_trainable_weights(kind.model, kind.x, kind.y)
    np.testing.assert_array_equal(weights["aside/kernel"], np.zeros((3, 2)))


def test_inputs_of_64_bits_come_back_as_given() -> None:
    kind = model_kinds.lists()
    x = [part.astype(np.float64) + 1e-12 for part in kind.x]
    found = get_activations(kind.model, x)
    for name, given in zip(kind.inputs, x, strict=True):
        assert found[name].dtype == np.float64
        np.testing.assert_array_equal(found[name], given)
    assert found["joined"].dtype == np.float32


def test_strings_go_in() -> None:
    vectorise = layers.TextVectorization(output_sequence_length=3, name="words")
    vectorise.adapt(["a b", "b c"])
    model = keras.Sequential(
        [
            layers.Input((), dtype="string", name="text"),
            vectorise,
            layers.Embedding(8, 2, name="embedding"),
            layers.GlobalAveragePooling1D(name="mean"),
        ]
    )
    model.compile("sgd", "mse")
    x, y = np.array(["a", "c b"]), model_kinds.random(2, 2)
    found = get_activations(model, x)
    np.testing.assert_array_equal(found["text"], x)
    np.testing.assert_array_equal(found["words"], vectorise(x))
    gradients = get_gradients_of_activations(model, x, y)
    assert np.isnan(gradients["words"]).all()
    np.testing.assert_allclose(
        gradients["mean"], 2 * (found["mean"] - y) / y.size, rtol=1e-5
    )


# Precision.


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_gradients_under_mixed_precision_are_unscaled(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Sequential(
            [
                layers.Input((3,), name="x"),
                layers.Dense(4, activation="tanh", name="hidden"),
                layers.Dense(2, dtype="float32", activation="softmax", name="probs"),
            ]
        )
        model.compile("sgd", "sparse_categorical_crossentropy")
    finally:
        keras.config.set_dtype_policy("float32")
    x, y = model_kinds.random(4, 3), np.array([0, 1, 1, 0])
    w1, b1, w2, b2 = model.get_weights()
    hidden = np.tanh(x @ w1 + b1)
    logits = hidden @ w2 + b2
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    d_logits = (probabilities - np.eye(2)[y]) / len(y)
    d_before = d_logits @ w2.T * (1 - hidden**2)
    found = get_activations(model, x)
    assert found["hidden"].dtype == (
        np.float16 if policy == "mixed_float16" else np.float32
    )
    tolerance = {"rtol": 0.03, "atol": 3e-3}
    np.testing.assert_allclose(found["hidden"], hidden, **tolerance)
    np.testing.assert_allclose(found["probs"], probabilities, **tolerance)
    gradients = get_gradients_of_activations(model, x, y)
    np.testing.assert_allclose(gradients["probs"], d_logits, **tolerance)
    np.testing.assert_allclose(gradients["hidden"], d_logits @ w2.T, **tolerance)
    weights = get_gradients_of_trainable_weights(model, x, y)
    np.testing.assert_allclose(weights["hidden/kernel"], x.T @ d_before, **tolerance)
    np.testing.assert_allclose(weights["probs/bias"], d_logits.sum(0), **tolerance)


def test_half_precision_gradients_overflow_as_in_training() -> None:
    """Scaled by 2^15, as mixed precision begins, more than 2 is beyond float16."""
    x = layers.Input((2,), name="x")
    out = layers.Dense(1, dtype="mixed_float16", name="out", kernel_initializer="ones")
    model = keras.Model(x, out(x))
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()), "mse")
    data = np.ones((1, 2), np.float32)
    for target, gradient in ((22.0, -np.inf), (2.5, -1.0)):
        y = np.array([[target]], np.float32)
        found = get_gradients_of_activations(model, data, y)
        np.testing.assert_allclose(found["out"], [[gradient]])
        weights = get_gradients_of_trainable_weights(model, data, y)
        np.testing.assert_allclose(weights["out/kernel"], [[gradient]] * 2)


# Threads.


def _at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call gives or raises, in a thread of its own."""
    together = threading.Barrier(len(calls))
    found: list[Any] = [None] * len(calls)

    def run(number: int) -> None:
        together.wait(60)
        try:
            found[number] = calls[number]()
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def _assert_equal_results(found: Any, expected: Any) -> None:
    for one, other in zip(found, expected, strict=True):
        if isinstance(one, Exception):
            raise one
        assert list(one) == list(other)
        for name, value in other.items():
            for a, b in zip(_each(one[name]), _each(value), strict=True):
                np.testing.assert_allclose(
                    a, b, rtol=1e-5, atol=1e-7, err_msg=str(name)
                )


def _intercepted() -> list[Any]:
    return [
        Operation.__call__,
        polymorphic_function.Function.__call__,
        layers.MultiHeadAttention._compute_attention,
        layers.GroupQueryAttention._compute_attention,
    ]


def test_threads_with_different_models_get_what_one_after_the_other_gets() -> None:
    def calls() -> list[Callable[[], Any]]:
        keras.utils.set_random_seed(0)
        kinds = [
            make()
            for make in (
                model_kinds.cross_attention,
                model_kinds.compiled_call,
                model_kinds.shared_model,
                model_kinds.self_attention,
            )
        ]
        first, second, third, fourth = kinds
        return [
            lambda: get_activations(first.model, first.x, nested=True),
            lambda: get_gradients_of_activations(second.model, second.x, second.y),
            lambda: get_gradients_of_trainable_weights(third.model, third.x, third.y),
            lambda: get_activations(fourth.model, fourth.x),
        ]

    before = _intercepted()
    expected = [call() for call in calls()]
    for _ in range(2):
        _assert_equal_results(_at_once(calls()), expected)
        assert _intercepted() == before


def test_threads_with_one_model_get_what_one_after_the_other_gets() -> None:
    def calls() -> tuple[Kind, list[Callable[[], Any]]]:
        keras.utils.set_random_seed(0)
        kind = model_kinds.lists()
        arguments = (kind.model, kind.x, kind.y)
        return kind, [
            lambda: get_gradients_of_activations(*arguments),
            lambda: get_activations(kind.model, kind.x),
            lambda: get_gradients_of_trainable_weights(*arguments),
            lambda: get_gradients_of_activations(*arguments, training=True),
        ]

    expected = [call() for call in calls()[1]]
    kind, at_once = calls()
    metrics = list(kind.model.metrics)
    _assert_equal_results(_at_once(at_once), expected)
    assert not kind.model._compile_loss.built
    assert kind.model.metrics == metrics


def test_threads_that_build_one_model_build_it_once() -> None:
    kind = model_kinds.lazy_sequential()
    found = _at_once([lambda: get_activations(kind.model, kind.x)] * 4)
    expected = get_activations(kind.model, kind.x)
    _assert_equal_results(found, [expected] * 4)
    assert len(kind.model.weights) == 4


def _while_another_is_in_its_loss(
    penalty: float,
) -> tuple[keras.Model, list[Any], list[Any]]:
    """One thread calls the model while another computes the loss of its own call.

    Returns:
      The model, what the two threads got, and what they should have got.
    """
    in_loss, in_call, done = (threading.Event() for _ in range(3))

    class Gate(layers.Layer):
        def call(self, x: Any) -> Any:
            if threading.current_thread().name == "second":
                in_call.set()
                done.wait(0.5)
            self.add_loss(penalty * ops.sum(x**2))
            return x

    def loss(y: Any, y_pred: Any) -> Any:
        if threading.current_thread().name == "first" and not in_loss.is_set():
            in_loss.set()
            in_call.wait(0.5)  # Not for ever: they may take turns.
        return ops.mean((y - y_pred) ** 2, axis=-1)

    def made() -> keras.Model:
        keras.utils.set_random_seed(0)
        x = layers.Input((3,), name="x")
        hidden = Gate(name="gate")(layers.Dense(3, name="hidden")(x))
        ends = [layers.Dense(2, name=name)(hidden) for name in ("near", "far")]
        model = keras.Model(x, ends)
        model.compile("sgd", [loss, loss])
        return model

    x, y = model_kinds.random(4, 3), [model_kinds.random(4, 2)] * 2
    expected = [
        get_gradients_of_trainable_weights(made(), x, y),
        get_gradients_of_activations(made(), x, y),
    ]
    model = made()
    found: list[Any] = [None, None]

    def first() -> None:
        try:
            found[0] = get_gradients_of_trainable_weights(model, x, y)
        except Exception as error:
            found[0] = error
        done.set()

    def second() -> None:
        in_loss.wait(60)
        try:
            found[1] = get_gradients_of_activations(model, x, y)
        except Exception as error:
            found[1] = error

    threads = [threading.Thread(target=f, name=f.__name__) for f in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return model, found, expected


def test_a_loss_is_not_built_by_a_thread_beside_another() -> None:
    model, found, expected = _while_another_is_in_its_loss(penalty=0)
    _assert_equal_results(found, expected)
    assert not model._compile_loss.built
    assert [metric.name for metric in model.metrics] == ["loss"]


def test_losses_of_layers_are_not_lost_to_another_thread() -> None:
    _, found, expected = _while_another_is_in_its_loss(penalty=1)
    _assert_equal_results(found, expected)


# Memory.


def _by_layer(model: keras.Model) -> Any:
    return model.layers[1]


def _by_function(model: keras.Model) -> Any:
    return lambda layer: layer is model.layers[1]


@pytest.mark.parametrize(
    "selector",
    [
        _by_layer,
        _by_function,
        lambda model: layers.Dense,
        lambda model: ["shared@1", "sum"],
        lambda model: None,
    ],
    ids=["layer", "function of the model", "class", "names", "all"],
)
def test_passes_are_freed_with_their_model(
    selector: Callable[[keras.Model], Any],
) -> None:
    kind = model_kinds.shared_layer()
    model = weakref.ref(kind.model)
    get_activations(kind.model, kind.x, layer_names=selector(kind.model))
    get_gradients_of_activations(
        kind.model, kind.x, kind.y, layer_names=selector(kind.model)
    )
    get_gradients_of_trainable_weights(kind.model, kind.x, kind.y)
    assert model() is not None
    del kind
    gc.collect()
    assert model() is None


def test_a_loss_that_knows_the_model_does_not_keep_it_alive() -> None:
    model = _known_to_its_loss()
    get_gradients_of_trainable_weights(
        model, model_kinds.random(2, 3), model_kinds.random(2, 2)
    )
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


def _known_to_its_loss() -> keras.Model:
    model = keras.Sequential([layers.Input((3,)), layers.Dense(2, name="out")])

    def loss(y: Any, y_pred: Any) -> Any:
        return ops.mean((y - y_pred) ** 2) + ops.sum(model.layers[0].kernel ** 2)

    model.compile("sgd", loss)
    return model


# What a call must not touch, where it is easily touched.


class _Noise(keras.layers.Layer):
    """Draws at inference, too, and counts its calls in a metric."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(1)
        self.level = keras.metrics.Mean(name="level")

    def call(self, x: Any) -> Any:
        self.level.update_state(ops.mean(x))
        return x + keras.random.normal(ops.shape(x), seed=self.seeds)


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(
    "get",
    [
        lambda model, x, y: get_activations(model, x),
        get_gradients_of_activations,
        get_gradients_of_trainable_weights,
    ],
    ids=["activations", "gradients", "weight gradients"],
)
def test_random_layers_draw_nothing_from_the_model(
    get: Callable[..., Any], eagerly: bool
) -> None:
    x = layers.Input((3,), name="x")
    model = keras.Model(x, _Noise(name="noise")(layers.Dense(3, name="hidden")(x)))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    noise = model.get_layer("noise")
    variables = [*model.variables, *noise.level.variables]
    before = [variable.numpy().copy() for variable in variables]
    get(model, model_kinds.random(2, 3), model_kinds.random(2, 3))
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "get",
    [
        lambda model, x, y, **options: get_activations(model, x, **options),
        get_gradients_of_activations,
        get_gradients_of_trainable_weights,
    ],
    ids=["activations", "gradients", "weight gradients"],
)
def test_a_compiled_call_goes_on_changing_its_model(
    get: Callable[..., Any], training: bool
) -> None:
    """What a `tf.function` keeps of its calls is the user's, too."""

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="compiled_norm")
            self.norm = layers.BatchNormalization(momentum=0.5, name="norm")

        def build(self, shape: Any) -> None:
            self.norm.build(shape)

        @tf.function
        def call(self, x: Any, training: bool = False) -> Any:
            return self.norm(x, training=training)

    model = Model()
    model.compile("sgd", "mse")
    x = model_kinds.random(4, 3) + 5
    model.build(x.shape)
    get(model, x, x, training=training)
    np.testing.assert_array_equal(model.norm.moving_mean, np.zeros(3))
    model(x, training=True)
    np.testing.assert_allclose(model.norm.moving_mean, x.mean(0) / 2, rtol=1e-5)


class _NoisyCell(keras.layers.Layer):
    """A cell whose call is compiled, and draws at each step."""

    state_size = 2

    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(1)

    @tf.function
    def call(self, x: Any, states: Any) -> Any:
        state = states[0] + x + keras.random.normal((2,), seed=self.seeds)
        return state, [state]


def test_a_compiled_cell_goes_on_drawing() -> None:
    x = layers.Input((3, 2), name="x")
    rnn = layers.RNN(_NoisyCell(), unroll=True, name="rnn")
    model = keras.Model(x, rnn(x))
    data = tf.constant(model_kinds.random(2, 3, 2))
    get_activations(model, data)
    before = rnn.cell.seeds.state.numpy()
    model(data)
    assert (rnn.cell.seeds.state.numpy() != before).any()


def test_a_layer_that_is_never_called_changes_nothing() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="with_spare")
            self.noise = _Noise(name="noise")
            self.spare = layers.Dense(2, name="spare")

        def build(self, shape: Any) -> None:
            self.noise.build(shape)

        def call(self, x: Any) -> Any:
            return self.noise(x)

    model, x = Model(), model_kinds.random(2, 3)
    model(x)
    before = model.noise.seeds.state.numpy()
    for _ in range(2):
        assert list(get_activations(model, x)) == ["input", "noise"]
    np.testing.assert_array_equal(model.noise.seeds.state.numpy(), before)


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_building_a_model_does_not_train_it(eagerly: bool, training: bool) -> None:
    """One whose call trains unless it is told not to."""

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="trains")
            self.norm = layers.BatchNormalization(name="norm")

        def call(self, x: Any, training: bool = True) -> Any:
            if eagerly:
                x.numpy()
            return self.norm(x, training=training)

    model, x = Model(), model_kinds.random(4, 3) + 5
    model.compile("sgd", "mse", run_eagerly=eagerly)
    get_gradients_of_trainable_weights(model, x, x, training=training)
    np.testing.assert_array_equal(model.norm.moving_mean, np.zeros(3))
    np.testing.assert_array_equal(model.norm.moving_variance, np.ones(3))


def test_other_choices_of_layers_bring_no_warning_of_retracing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kind = model_kinds.residual()
    # TensorFlow warns twice in a process: it may have done so before.
    fresh = type(polymorphic_function._frequent_tracing_detector_manager)()
    monkeypatch.setattr(
        polymorphic_function, "_frequent_tracing_detector_manager", fresh
    )
    with caplog.at_level(logging.WARNING, "tensorflow"):
        monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)
        for names in ("first", "second", "sum", ["first", "sum"], "s*", "f*"):
            get_activations(kind.model, kind.x, layer_names=names)
    assert [text for text in caplog.messages if "retracing" in text] == []


# Models that are hard to see into.


def test_gradient_of_a_layer_that_passes_its_input_on_is_its_own() -> None:
    """Not that of the layer before it, whose output others read as well."""
    x = layers.Input((3,), name="x")
    passed = layers.Identity(name="passed")(x)
    hidden = layers.Dense(3, name="hidden")(layers.Add(name="first")([x, passed]))
    dropped = layers.Dropout(0.5, name="dropped")(hidden)
    model = keras.Model(x, layers.Add(name="sum")([hidden, hidden, dropped]))
    model.compile("sgd", "mse")
    data, y = model_kinds.random(2, 3), model_kinds.random(2, 3) + 1
    gradients = get_gradients_of_activations(model, data, y)
    d_sum = 2 * (model(data).numpy() - y) / y.size
    d_first = 3 * d_sum @ model.get_layer("hidden").kernel.numpy().T
    for name, expected in (
        ("sum", d_sum),
        ("dropped", d_sum),
        ("hidden", 3 * d_sum),
        ("first", d_first),
        ("passed", d_first),
    ):
        np.testing.assert_allclose(
            gradients[name], expected, rtol=1e-4, atol=1e-7, err_msg=name
        )


class _ReturnsItsWeight(keras.layers.Layer):
    def __init__(self, as_variable: bool, **options: Any) -> None:
        super().__init__(**options)
        self.as_variable = as_variable

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(1, shape[-1]), name="table")

    def call(self, x: Any) -> Any:
        return self.table if self.as_variable else tf.convert_to_tensor(self.table)


@pytest.mark.parametrize("as_variable", [False, True])
def test_gradient_of_a_layer_that_returns_its_weight_is_its_own(
    as_variable: bool,
) -> None:
    """Not that of the weight, which others read as well."""

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="with_table")
            self.own = _ReturnsItsWeight(as_variable, name="own")

        def build(self, shape: Any) -> None:
            self.own.build(shape)

        def call(self, x: Any) -> Any:
            return x * self.own(x) + self.own.table

    model = Model()
    model.compile("sgd", "mse")
    x, y = model_kinds.random(2, 3), model_kinds.random(2, 3) + 1
    d_out = 2 * (model(x).numpy() - y) / y.size
    weights = get_gradients_of_trainable_weights(model, x, y)
    np.testing.assert_allclose(
        weights["own/table"], ((x + 1) * d_out).sum(0, keepdims=True), rtol=1e-4
    )
    gradients = get_gradients_of_activations(model, x, y)
    np.testing.assert_allclose(
        gradients["own"], (x * d_out).sum(0, keepdims=True), rtol=1e-4
    )


def _read_twice(regularizer: Any) -> keras.Model:
    """A softmax that crossentropy reads, and another layer, too."""
    x = layers.Input((3,), name="x")
    first = layers.Dense(
        3, activation="softmax", name="first", activity_regularizer=regularizer
    )(x)
    second = layers.Dense(2, name="second")(first)
    model = keras.Model(x, [first, second])
    model.compile("sgd", ["sparse_categorical_crossentropy", "mse"])
    return model


@pytest.mark.parametrize("regularizer", [None, "l2"])
def test_gradient_of_logits_has_the_part_that_goes_through_the_softmax(
    regularizer: Any,
) -> None:
    model = _read_twice(regularizer)
    x, labels, y = (
        model_kinds.random(4, 3),
        np.array([0, 1, 2, 1]),
        np.ones((4, 2), "f"),
    )
    gradients = get_gradients_of_activations(model, x, [labels, y])
    first, second = model.get_layer("first"), model.get_layer("second")
    with tf.GradientTape() as tape:
        logits = tf.constant(x @ first.kernel.numpy() + first.bias.numpy())
        tape.watch(logits)
        probabilities = tf.nn.softmax(logits)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        )
        out = probabilities @ second.kernel.numpy() + second.bias.numpy()
        loss += tf.reduce_mean((out - y) ** 2)
        if regularizer is not None:
            loss += 0.01 * tf.reduce_sum(probabilities**2) / 4
    np.testing.assert_allclose(
        gradients["first"], tape.gradient(loss, logits), rtol=1e-4, atol=1e-6
    )


def test_keys_of_a_functional_model_with_a_call_of_its_own_are_in_order() -> None:
    """Layers that are no part of the functional graph come when they are computed."""

    class Model(keras.Model):
        def __init__(self, x: Any, y: Any) -> None:
            super().__init__(inputs=x, outputs=y)
            self.first = layers.Dense(3, name="first")
            self.last = layers.Dense(2, name="last")
            for layer in (self.first, self.last):
                layer.build((None, 3))

        def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
            graph = super().call(self.first(x), training=training, mask=mask)
            return self.last(graph)

    x = layers.Input((3,), name="x")
    hidden = layers.Dense(3, name="hidden")(x)
    model = Model(x, layers.Dense(3, name="out")(hidden))
    found = get_activations(model, model_kinds.random(2, 3))
    assert list(found) == ["x", "first", "hidden", "out", "last"]


def test_an_input_and_a_layer_of_one_name_are_both_there() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="same_name")
            self.image = layers.Dense(2, name="image")

        def build(self, shapes: Any) -> None:
            self.image.build(shapes["image"])

        def call(self, x: Any) -> Any:
            return self.image(x["image"])

    found = get_activations(Model(), {"image": model_kinds.random(2, 5)})
    assert sorted(array.shape for array in found.values()) == [(2, 2), (2, 5)]


@pytest.mark.parametrize("make", [tuple, lambda x: {"left": x[0], "right": x[1]}])
def test_inputs_in_a_tuple_or_a_dict_are_those_in_a_list(
    make: Callable[[Any], Any],
) -> None:
    kind = model_kinds.lists()
    expected = get_activations(kind.model, kind.x)
    found = get_activations(kind.model, make(kind.x))
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_inputs_may_be_nested_in_dicts() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="deep_inputs")
            self.hidden = layers.Dense(2, name="hidden")

        def build(self, shapes: Any) -> None:
            self.hidden.build((None, 3))

        def call(self, x: Any) -> Any:
            return self.hidden(x["views"]["left"])

    model = Model()
    x = model_kinds.random(2, 3)
    found = get_activations(model, {"views": {"left": x}})
    np.testing.assert_array_equal(next(iter(found.values())), x)
    np.testing.assert_allclose(found["hidden"], model.hidden(x), rtol=1e-5)


def test_inputs_in_a_dict_with_numbers_as_keys_keep_their_names() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="numbered_inputs")
            self.hidden = layers.Dense(2, name="hidden")

        def build(self, shapes: Any) -> None:
            self.hidden.build((None, 3))

        def call(self, x: Any) -> Any:
            return self.hidden(x[2] + x[10])

    x = {2: model_kinds.random(2, 3), 10: model_kinds.random(2, 3) + 1}
    found = get_activations(Model(), x)
    np.testing.assert_array_equal(found["2"], x[2])
    np.testing.assert_array_equal(found["10"], x[10])


def test_a_layer_that_only_other_inputs_need_is_built_when_they_come() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="may_have_more")
            self.near = layers.Dense(2, name="near")
            self.far = layers.Dense(2, name="far")

        def build(self, shapes: Any) -> None:
            self.near.build((None, 3))

        def call(self, x: Any) -> Any:
            near = self.near(x["one"])
            return near + self.far(x["more"]) if "more" in x else near

    model, x = Model(), model_kinds.random(2, 3)
    model.compile("sgd", "mse")
    assert list(get_activations(model, {"one": x})) == ["one", "near"]
    both = {"one": x, "more": x}
    found = get_activations(model, both)
    assert list(found) == ["more", "one", "near", "far"]
    np.testing.assert_allclose(found["far"], model.far(x), rtol=1e-5)
    y = model_kinds.random(2, 2)
    d_out = 2 * (model(both).numpy() - y) / y.size
    gradients = get_gradients_of_trainable_weights(model, both, y)
    np.testing.assert_allclose(gradients["far/kernel"], x.T @ d_out, rtol=1e-4)


class _OwnKernel(keras.layers.Layer):
    """tanh(x W); `gradient` says how it is differentiated."""

    def __init__(self, gradient: str, **options: Any) -> None:
        super().__init__(**options)
        self.gradient = gradient

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3), name="kernel")

    def call(self, x: Any) -> Any:
        if self.gradient != "by hand":
            return ops.tanh(ops.matmul(x, self.kernel))

        @tf.custom_gradient
        def product(x: Any) -> Any:
            kernel = ops.convert_to_tensor(self.kernel)

            def gradient(upstream: Any, variables: Any = None) -> Any:
                return tf.matmul(upstream, kernel, transpose_b=True), [
                    tf.matmul(x, upstream, transpose_a=True)
                ]

            return tf.matmul(x, kernel), gradient

        return ops.tanh(product(x))

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 3)


@pytest.mark.parametrize("gradient", ["computed again", "by hand"])
def test_gradients_pass_through_layers_that_define_their_own(gradient: str) -> None:
    mode = "full" if gradient == "computed again" else None
    with keras.RematScope(mode=mode):
        own = _OwnKernel(gradient, name="own")
    x = layers.Input((4,), name="x")
    before = layers.Dense(4, name="before")(x)
    model = keras.Model(x, layers.Dense(2, name="after")(own(before)))
    model.compile("sgd", "mse")
    data, y = model_kinds.random(2, 4), model_kinds.random(2, 2)
    found = get_activations(model, data)
    gradients = get_gradients_of_activations(model, data, y)
    weights = get_gradients_of_trainable_weights(model, data, y)

    d_after = 2 * (found["after"] - y) / y.size
    d_own = d_after @ model.get_layer("after").kernel.numpy().T
    d_product = d_own * (1 - found["own"] ** 2)
    d_before = d_product @ own.kernel.numpy().T
    for name, gradient, expected in (
        ("after", gradients["after"], d_after),
        ("own", gradients["own"], d_own),
        ("own/kernel", weights["own/kernel"], found["before"].T @ d_product),
        ("before", gradients["before"], d_before),
        ("before/kernel", weights["before/kernel"], data.T @ d_before),
    ):
        np.testing.assert_allclose(
            gradient, expected, rtol=1e-4, atol=1e-6, err_msg=name
        )


def test_gradients_of_weights_that_the_call_assigns_are_those_of_fit() -> None:
    x = layers.Input((3,), name="x")
    normalised = layers.SpectralNormalization(layers.Dense(3, name="fc"), name="norm")
    model = keras.Model(x, layers.Dense(2, name="out")(normalised(x)))
    model.compile("sgd", "mse")
    data, y = model_kinds.random(2, 3), model_kinds.random(2, 2)
    found = get_gradients_of_trainable_weights(model, data, y, training=True)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(data, y, model(data, training=True))
    expected = tape.gradient(loss, [w.value for w in model.trainable_weights])
    for (path, gradient), other in zip(found.items(), expected, strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-4, atol=1e-6, err_msg=path)


class _WithoutMasks(keras.layers.Layer):
    """A recurrent layer in a `tf.function`, which masks of Keras don't get into."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True
        self.rnn = layers.SimpleRNN(3, return_sequences=True, name="rnn")

    def build(self, shape: Any) -> None:
        self.rnn.build(shape)

    @tf.function
    def call(self, x: Any) -> Any:
        return self.rnn(x)


def test_masks_do_not_get_into_a_compiled_function() -> None:
    words = layers.Input((5,), dtype="int32", name="words")
    vectors = layers.Embedding(7, 3, mask_zero=True, name="embedding")(words)
    model = keras.Model(words, _WithoutMasks(name="compiled")(vectors))
    x = model_kinds.tokens(3, 5)
    np.testing.assert_allclose(
        get_activations(model, x)["compiled"],
        model.predict(x, verbose=0),
        rtol=1e-4,
        atol=1e-6,
    )


def test_masks_do_not_get_out_of_a_compiled_function() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="masked_inside")
            self.embedding = layers.Embedding(7, 3, mask_zero=True, name="embedding")
            self.head = layers.Dense(2, name="head")

        def build(self, shape: Any) -> None:
            self.embedding.build(shape)
            self.head.build((None, None, 3))

        @tf.function
        def call(self, x: Any) -> Any:
            return self.head(self.embedding(x))

    model = Model()
    model.compile("sgd", "mse")
    x, y = model_kinds.tokens(3, 5), model_kinds.random(3, 5, 2)
    found = get_gradients_of_activations(model, x, y)["head"]
    np.testing.assert_allclose(found, 2 * (model(x).numpy() - y) / y.size, rtol=1e-4)


def test_arguments_of_a_compiled_function_are_tensors_in_it() -> None:
    """Arrays always, and numbers where the function's signature says so."""

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="helped_by_functions")
            self.hidden = layers.Dense(3, name="hidden")

        def build(self, shape: Any) -> None:
            self.hidden.build(shape)

        @tf.function
        def shifted(self, x: Any, by: Any) -> Any:
            by.get_shape().assert_is_compatible_with((3,))
            return self.hidden(x + by)

        @tf.function(input_signature=[tf.TensorSpec((None, 3)), tf.TensorSpec(())])
        def scaled(self, x: Any, factor: Any) -> Any:
            factor.get_shape().assert_has_rank(0)
            return x * factor

        def call(self, x: Any) -> Any:
            return self.scaled(self.shifted(x, np.arange(3, dtype=np.float32)), 2.0)

    model, x = Model(), model_kinds.random(2, 3)
    expected = model(x).numpy() / 2
    found = get_activations(model, x)
    np.testing.assert_allclose(found["hidden"], expected, rtol=1e-5)


def test_sparse_inputs_are_inputs() -> None:
    words = keras.Input((4,), sparse=True, name="words")
    model = keras.Model(words, layers.Dense(2, name="out")(words))
    model.compile("sgd", "mse")
    dense, y = np.eye(4, dtype=np.float32)[:3], np.ones((3, 2), np.float32)
    x = tf.sparse.from_dense(dense)
    found = get_activations(model, x)
    np.testing.assert_allclose(found["out"], model.layers[-1](dense), rtol=1e-5)
    gradients = get_gradients_of_activations(model, x, y)
    np.testing.assert_allclose(gradients["out"], 2 * (found["out"] - y) / 6, rtol=1e-5)


def test_dense_inputs_have_their_names_beside_sparse_and_missing_ones() -> None:
    sparse = keras.Input((4,), sparse=True, name="sparse")
    dense = keras.Input((4,), name="dense")
    both = layers.Dense(2, name="one")(sparse) + layers.Dense(2, name="two")(dense)
    model = keras.Model([sparse, dense], both)
    x = np.eye(4, dtype=np.float32)
    found = get_activations(model, [tf.sparse.from_dense(x), x])
    np.testing.assert_array_equal(found["dense"], x)

    class OneOrBoth(layers.Layer):
        def call(self, one: Any, other: Any = None) -> Any:
            return one if other is None else one + other

        def compute_output_spec(self, one: Any, other: Any = None) -> Any:
            return keras.KerasTensor(one.shape, one.dtype)

    left = keras.Input((4,), name="left", optional=True)
    right = keras.Input((4,), name="right")
    model = keras.Model([left, right], OneOrBoth(name="either")(right, left))
    found = get_activations(model, [None, x])
    assert list(found) == ["right", "either"]


def test_a_layer_that_is_called_only_in_training_is_there_in_training() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="helped")
            self.head = layers.Dense(2, name="head")
            self.helper = layers.Dense(2, name="helper")

        def build(self, shape: Any) -> None:
            self.head.build(shape)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.head(x) + self.helper(x) if training else self.head(x)

    model = Model()
    model.compile("sgd", "mse")
    x, y = model_kinds.random(2, 3), model_kinds.random(2, 2)
    found = get_activations(model, x, training=True)
    assert list(found) == ["input", "head", "helper"]
    np.testing.assert_allclose(found["helper"], model.helper(x), rtol=1e-5)
    gradients = get_gradients_of_trainable_weights(model, x, y, training=True)
    assert len(gradients) == 4
    assert list(get_activations(model, x)) == ["input", "head"]


def test_complex_activations_have_gradients() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="spectrum")
            self.wave = layers.Lambda(
                lambda t: tf.signal.fft(tf.cast(t, tf.complex64)), name="wave"
            )

        def call(self, x: Any) -> Any:
            return tf.abs(self.wave(x))

    model = Model()
    model.compile("sgd", "mse")
    x, y = model_kinds.random(2, 4), np.zeros((2, 4), np.float32)
    wave = np.fft.fft(x)
    found = get_activations(model, x)["wave"]
    np.testing.assert_allclose(found, wave, rtol=1e-4, atol=1e-5)
    # d mean |w|^2 = 2 w / n, as TensorFlow writes gradients of complex numbers.
    np.testing.assert_allclose(
        get_gradients_of_activations(model, x, y)["wave"],
        2 * wave / y.size,
        rtol=1e-3,
        atol=1e-5,
    )


def test_a_constant_that_a_layer_gives_is_there() -> None:
    class Constant(layers.Layer):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.table = tf.constant(model_kinds.random(1, 3))

        def call(self, x: Any) -> Any:
            return self.table

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="with_constant")
            self.constant = Constant(name="constant")

        def call(self, x: Any) -> Any:
            return x + self.constant(x)

    model = Model()
    found = get_activations(model, model_kinds.random(2, 3))
    np.testing.assert_array_equal(found["constant"], model.constant.table)


def test_callables_that_can_not_be_hashed_select() -> None:
    @dataclass
    class Named:
        name: str

        def __call__(self, layer: Any) -> bool:
            return bool(layer.name == self.name)

    kind = model_kinds.residual()
    found = get_activations(kind.model, kind.x, layer_names=Named("first"))
    assert list(found) == ["first"]


def test_keys_inside_attention_are_the_same_in_the_next_model() -> None:
    keys = []
    for _ in range(2):
        kind = model_kinds.self_attention()
        keys.append(list(get_activations(kind.model, kind.x, nested=True)))
    assert keys[0] == keys[1]
