"""keract's functions: arguments, keys, order, errors. Numbers: `test_model_kinds`."""

from __future__ import annotations

import re
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

import tensorboard_keract as tk
from tensorboard_keract.core.capture import compiled_pass
from tensorboard_keract.core.layer_selection import UnknownLayerError
from tests import models

layers = keras.layers


def _model(compiled: bool = True) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """Two inputs, a model in the model, a layer of layers, a shared layer, an LSTM."""
    image = keras.Input((4, 4, 1), name="image")
    text = keras.Input((3, 2), name="text")
    block = keras.Sequential(
        [layers.Conv2D(2, 3, name="conv"), layers.Flatten(name="flat")], name="block"
    )
    steps, hidden, _ = layers.LSTM(
        2, return_sequences=True, return_state=True, name="lstm"
    )(text)
    shared = layers.Dense(2, name="shared")
    joined = layers.Concatenate(name="joined")(
        [block(image), shared(shared(hidden)), layers.Flatten(name="flat")(steps)]
    )
    timed = layers.Dense(1, name="out")(joined)
    model = keras.Model([image, text], timed, name="model")
    if compiled:
        model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    return model, {"image": rng.random((5, 4, 4, 1)), "text": rng.random((5, 3, 2))}


TOP = ["block", "lstm", "shared@0", "shared@1", "flat", "joined", "out"]
OPENED = ["block/conv", "block/flat", *TOP[1:]]


@pytest.fixture(scope="module")
def case():
    return _model()


@pytest.fixture(scope="module")
def activations(case):
    """Of every layer, under their paths."""
    model, x = case
    return tk.get_activations(model, x, nested=True) | tk.get_activations(model, x)


def _as_in_the_model(model: keras.Model, found: list[str]) -> list[str]:
    order = [layer.name for layer in model.layers]
    return sorted(found, key=lambda path: order.index(re.split("[/@]", path)[0]))


def test_inputs_come_first_then_the_layers_in_the_order_of_the_model(case) -> None:
    model, x = case
    found = list(tk.get_activations(model, x))
    assert found == ["image", "text", *_as_in_the_model(model, TOP)]
    nested = list(tk.get_activations(model, x, nested=True))
    assert nested == ["image", "text", *_as_in_the_model(model, OPENED)]


def test_a_layer_with_several_outputs_gives_a_list(activations) -> None:
    assert [a.shape for a in activations["lstm"]] == [(5, 3, 2), (5, 2), (5, 2)]


def test_full_keys_name_each_tensor(case, activations) -> None:
    model, x = case
    full = tk.get_activations(model, x, output_format="full")
    assert list(full)[:2] == ["image:0", "text:0"]
    assert {"block:0", "lstm:0", "lstm:1", "lstm:2", "shared@1:0"} <= set(full)
    np.testing.assert_array_equal(full["lstm:2"], activations["lstm"][2])


def test_numbered_keys_count_the_simple_ones(case) -> None:
    model, x = case
    simple = tk.get_activations(model, x)
    numbered = tk.get_activations(model, x, output_format="numbered")
    assert list(numbered) == list(range(len(simple)))
    for one, other in zip(simple.values(), numbered.values(), strict=True):
        keras.tree.map_structure(np.testing.assert_array_equal, one, other)


def test_gradients_have_the_keys_of_the_activations_without_the_inputs(case) -> None:
    model, x = case
    y = np.ones((5, 1))
    for options in (
        {},
        {"nested": True},
        {"output_format": "full"},
        {"output_format": "numbered"},
        {"layer_names": ["block/conv", "lstm"]},
    ):
        found = tk.get_activations(model, x, **options)
        gradients = tk.get_gradients_of_activations(model, x, y, **options)
        inputs = 0 if "layer_names" in options else 2
        if options.get("output_format") == "numbered":
            assert list(gradients) == list(range(len(found) - inputs))
            continue
        assert list(gradients) == list(found)[inputs:]
        for key, gradient in gradients.items():
            assert keras.tree.map_structure(np.shape, gradient) == (
                keras.tree.map_structure(np.shape, found[key])
            )


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"layer_names": "out"}, ["out"]),
        ({"layer_names": ["out", "block"]}, ["block", "out"]),
        ({"layer_names": "block/conv"}, ["block/conv"]),
        ({"layer_names": "conv"}, ["block/conv"]),
        ({"layer_names": "flat"}, ["flat"]),
        ({"layer_names": "block", "nested": True}, ["block/conv", "block/flat"]),
        ({"layer_names": "shared"}, ["shared@0", "shared@1"]),
        ({"layer_names": "shared@1"}, ["shared@1"]),
        ({"layer_names": "*o*t"}, ["out"]),
        ({"layer_names": re.compile("^(out|lstm)$")}, ["lstm", "out"]),
        ({"layer_names": layers.Dense}, ["shared@0", "shared@1", "out"]),
        ({"layer_names": layers.Conv2D}, ["block/conv"]),
        ({"layer_names": -1}, ["out"]),
        ({"layer_names": lambda layer: layer.name == "lstm"}, ["lstm"]),
        ({"layer_names": "text"}, ["text"]),
        ({"layer_names": ["out", "image"]}, ["image", "out"]),
        ({"layer_names": layers.Dense, "exclude_layers": "shared"}, ["out"]),
        (
            {"exclude_layers": ["shared", "text", layers.LSTM, "joined", "flat"]},
            ["image", "block", "out"],
        ),
        ({"exclude_layers": "block", "nested": True, "layer_names": "*flat"}, ["flat"]),
    ],
)
def test_layers_are_chosen_in_all_the_words_there_are(
    case, activations, options, keys
) -> None:
    model, x = case
    found = tk.get_activations(model, x, **options)
    assert sorted(found) == sorted(keys)
    for key, value in found.items():
        if key in TOP or key in OPENED:
            keras.tree.map_structure(
                partial(np.testing.assert_allclose, rtol=1e-5), value, activations[key]
            )


def test_a_layer_itself_and_a_method_choose(case) -> None:
    model, x = case
    assert list(tk.get_activations(model, x, model.get_layer("out"))) == ["out"]

    class Choice:
        def is_lstm(self, layer: keras.layers.Layer) -> bool:
            return layer.name == "lstm"

    assert list(tk.get_activations(model, x, Choice().is_lstm)) == ["lstm"]


def test_nodes_are_keras_tensors_and_variables(case, activations) -> None:
    model, x = case
    conv, out = model.get_layer("block").get_layer("conv"), model.get_layer("out")
    found = tk.get_activations(
        model,
        x,
        nodes_to_evaluate=[
            out.output,
            conv.output,
            model.get_layer("lstm").output[1],
            model.get_layer("joined").input[1],
            model.inputs[1],
            out.kernel,
        ],
    )
    assert list(found) == [
        "out",
        "block/conv",
        "lstm:1",
        "shared@1",
        "text",
        "out/kernel",
    ]
    np.testing.assert_allclose(found["out"], activations["out"], rtol=1e-5)
    np.testing.assert_allclose(found["lstm:1"], activations["lstm"][1], rtol=1e-5)
    np.testing.assert_allclose(found["shared@1"], activations["shared@1"], rtol=1e-5)
    np.testing.assert_array_equal(found["text"], x["text"])
    np.testing.assert_array_equal(found["out/kernel"], out.kernel.numpy())
    numbered = tk.get_activations(
        model, x, nodes_to_evaluate=[out.bias], output_format="numbered"
    )
    np.testing.assert_array_equal(numbered[0], out.bias.numpy())


def test_a_node_of_a_model_that_is_called_twice_has_two_places() -> None:
    inner = keras.Sequential([layers.Input((2,)), layers.Dense(2, name="fc")], name="b")
    x = keras.Input((2,), name="x")
    model = keras.Model(x, inner(inner(x)))
    with pytest.raises(ValueError, match=r"by 2 calls.*b@0/fc, b@1/fc.*layer_names"):
        tk.get_activations(
            model, np.ones((1, 2)), nodes_to_evaluate=[inner.layers[0].output]
        )


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (
            {"layer_names": "cnov"},
            KeyError,
            "No layer fits 'cnov'.*block/conv.*inputs: image, text",
        ),
        ({"layer_names": []}, UnknownLayerError, "layer_names is empty"),
        ({"exclude_layers": "cnov"}, UnknownLayerError, "No layer fits 'cnov'"),
        ({"layer_names": "out", "exclude_layers": "*"}, ValueError, "No layer is left"),
        ({"layer_names": 1.5}, TypeError, r"can't be selected by 1\.5"),
        ({"nodes_to_evaluate": []}, ValueError, "nodes_to_evaluate is empty"),
        (
            {"nodes_to_evaluate": [], "layer_names": "out"},
            ValueError,
            "beside a choice of layers",
        ),
        ({"nodes_to_evaluate": ["out"]}, TypeError, "got 'out'.*layer_names"),
        (
            {"nodes_to_evaluate": [keras.Input((2,))]},
            ValueError,
            "not one that this model computes",
        ),
        (
            {"nodes_to_evaluate": [keras.Variable(1.0, name="w")]},
            ValueError,
            "'w' is not one of this model",
        ),
        ({"output_format": "fancy"}, ValueError, "'fancy'.*simple, full, numbered"),
    ],
)
def test_bad_arguments_say_what_would_do(case, options, error, text) -> None:
    model, x = case
    with pytest.raises(error, match=f"(?s){text}"):
        tk.get_activations(model, x, **options)


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (np.ones((0, 2)), ValueError, "x holds no samples"),
        ([], ValueError, "x holds no samples"),
        (3.0, ValueError, "holds a single number"),
        ([[1.0, 2.0]], ValueError, "holds a single number"),
        ("text", ValueError, "holds a single number"),
        (object(), TypeError, "x is object and can't become tensors"),
        (
            tf.data.Dataset.from_tensors(np.ones((1, 2))),
            TypeError,
            "one batch",
        ),
        ([np.ones((1, 2)), np.ones((2, 2))], ValueError, r"differ in length: \[1, 2\]"),
    ],
)
def test_bad_input_is_named(x, error, text) -> None:
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1)])
    with pytest.raises(error, match=text):
        tk.get_activations(model, x)


@pytest.mark.parametrize(
    "get", [tk.get_gradients_of_activations, tk.get_gradients_of_trainable_weights]
)
def test_gradients_need_a_compiled_model_and_targets(get) -> None:
    model, x = _model(compiled=False)
    y = np.ones((5, 1))
    with pytest.raises(ValueError, match=r"'model' is not compiled.*model\.compile"):
        get(model, x, y)
    assert not model.compiled
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="y is None"):
        get(model, x, None)
    with pytest.raises(ValueError, match=r"x has 5 samples, y has \[4\]"):
        get(model, x, y[:4])
    with pytest.raises(ValueError, match=r"x has 5 samples, sample_weight has \[1\]"):
        get(model, x, y, sample_weight=np.ones(1))
    with pytest.raises(ValueError, match="not both"):
        get(model, x, y, sample_weight=np.ones(5), class_weight={0: 1.0})


def test_what_is_no_keras_3_model_is_named() -> None:
    with pytest.raises(TypeError, match=r"model is a builtins\.str; .* Keras 3"):
        tk.get_activations("model", np.ones((1, 2)))


def test_activations_need_no_compiled_model_and_compile_none() -> None:
    model, x = _model(compiled=False)
    for auto_compile in (False, True):
        assert "out" in tk.get_activations(model, x, auto_compile=auto_compile)
    assert not model.compiled


def test_the_second_call_builds_nothing(case) -> None:
    model, x = case
    layer = model.get_layer("out")
    y = np.ones((5, 1))
    for call in (
        partial(tk.get_activations, model, x),
        partial(tk.get_activations, model, x, ["out", layers.LSTM], nested=True),
        partial(tk.get_activations, model, x, layer),
        partial(tk.get_gradients_of_activations, model, x, y, exclude_layers=layer),
        partial(tk.get_gradients_of_trainable_weights, model, x, y),
    ):
        call()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "tensorboard_keract.core.capture.describe_model",
                lambda *_: pytest.fail("A pass was built again."),
            )
            call()


def test_only_so_many_passes_of_a_model_are_kept() -> None:
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1)])
    first = compiled_pass(model, select=len)
    for number in range(40):
        compiled_pass(model, select=partial(max, default=number))
    assert compiled_pass(model, select=len) is not first


def test_arrays_are_the_callers_own() -> None:
    """Though the layers' tensors share memory with one another, a weight and x."""

    class Passes(keras.layers.Layer):
        def call(self, x):
            return x

    class Weight(keras.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(2, 3), name="w", initializer="ones")

        def call(self, x):
            return self.w + 0 if x.shape[-1] == 9 else tf.convert_to_tensor(self.w)

    model = keras.Sequential(
        [
            layers.Input((3,)),
            Passes(name="a"),
            layers.Dropout(0.5, name="dropout"),
            Weight(name="w"),
        ]
    )
    x = np.ones((2, 3), np.float32)
    names = ["a", "dropout", "w"]
    found = tk.get_activations(model, x, names)
    for number, name in enumerate(names, 7):
        found[name][:] = number
    assert [found[name][0, 0] for name in names] == [7, 8, 9]
    assert (x == 1).all()
    assert (model.layers[-1].w.numpy() == 1).all()
    again = tk.get_activations(model, x, names)
    assert all((again[name] == 1).all() for name in names)


def test_inputs_come_back_as_they_were_given() -> None:
    model = keras.Sequential([layers.Input((2,), name="x"), layers.Dense(1)])
    x = np.array([[0.1, 1e-30]])
    found = tk.get_activations(model, x)["x"]
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, x)


def test_weight_gradients_are_in_the_order_of_the_trainable_weights(case) -> None:
    model, x = case
    found = tk.get_gradients_of_trainable_weights(model, x, np.ones((5, 1)))
    assert {"block/conv/kernel", "shared/bias", "out/kernel"} < set(found)
    assert [g.shape for g in found.values()] == [
        tuple(w.shape) for w in model.trainable_weights
    ]


def test_bfloat16_comes_as_float32() -> None:
    model = keras.Sequential([layers.Input((2,)), layers.Dense(3, dtype="bfloat16")])
    found = list(tk.get_activations(model, np.ones((1, 2))).values())[-1]
    assert found.dtype == np.float32


def test_the_functions_work_on_every_small_model() -> None:
    for make in models.ALL_CASES:
        model, x, y = make()
        found = tk.get_activations(model, x)
        gradients = tk.get_gradients_of_activations(model, x, y)
        assert list(found)[-len(gradients) :] == list(gradients)
        assert tk.get_gradients_of_trainable_weights(model, x, y)
