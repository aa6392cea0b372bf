"""keract's functions on functional models that are wired at random.

What they should give is worked out from the nodes of the Keras graph alone: which calls
there are, in what order, and, by evaluating the graph call for call in eager mode,
what each one gives and what the loss has for a gradient there.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

import tensorboard_keract as tk

layers = keras.layers

BATCH = 3

# Keras' default float, and that of the layers.
PRECISIONS = [("float32", "float32"), ("float64", "float64"), ("float32", "float64")]

# Random models.


@dataclass(frozen=True)
class _Case:
    """A compiled model with a batch for it.

    Attributes:
      floatx: Keras' default float.
      x, y: in the structures that the model takes and gives.
      training: whether to call it so.
      loss_weights: of the outputs, flat.
    """

    floatx: str
    model: keras.Model
    x: Any
    y: Any
    training: bool
    loss_weights: list[float]

    @property
    def inputs(self) -> dict[str, Any]:
        names = [str(tensor.name) for tensor in self.model.inputs]
        return dict(zip(names, keras.tree.flatten(self.x), strict=True))

    def tensors(self) -> list[tf.Tensor]:
        symbolic = {tensor.name: tensor for tensor in self.model.inputs}
        return [
            tf.cast(array, symbolic[name].dtype) for name, array in self.inputs.items()
        ]

    def loss(self, outputs: Sequence[tf.Tensor]) -> tf.Tensor:
        """That of `compile`: weighted squared errors and the weights' penalties."""
        targets = keras.tree.flatten(self.y)
        losses = [
            tf.cast(weight * tf.reduce_mean((output - target) ** 2), tf.float64)
            for weight, output, target in zip(
                self.loss_weights, outputs, targets, strict=True
            )
        ]
        penalties = [
            tf.cast(weight.regularizer(weight), tf.float64)
            for weight in self.model.trainable_weights
            if weight.regularizer is not None
        ]
        return tf.add_n(losses + penalties)

    def assert_close(self, actual: Any, expected: Sequence[Any]) -> None:
        """Within what the precision gives of the greatest value of each array."""
        actual = _listed(actual)
        assert len(actual) == len(expected)
        tolerance = 1e-9 if self.floatx == "float64" else 1e-4
        for found, wanted in zip(actual, map(np.float64, expected), strict=True):
            scale = max(1.0, np.max(np.abs(np.nan_to_num(wanted))))
            np.testing.assert_allclose(
                np.float64(found), wanted, rtol=0, atol=tolerance * scale
            )


@contextlib.contextmanager
def _defaults(floatx: str, dtype: str) -> Iterator[None]:
    """With Keras' default float, and another for layers."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


@contextlib.contextmanager
def _random_case(random: Random) -> Iterator[_Case]:
    floatx, dtype = random.choice(PRECISIONS)
    with _defaults(floatx, dtype):
        training = random.choice([False, True])
        graph = _Graph(random, training)
        model = graph.model("model", random.randint(1, 3), max_steps=8)
        values = np.random.default_rng(random.randint(0, 9))
        _randomize_weights(model, values)
        weights = [random.choice([1.0, 0.25]) for _ in model.outputs]
        model.compile(
            "sgd",
            keras.tree.map_structure(lambda _: "mse", model.output),
            loss_weights=keras.tree.pack_sequence_as(model.output, weights),
            run_eagerly=random.choice([False, True]),
        )

        def batch(tensor: Any) -> Any:
            return values.normal(size=(BATCH, *tensor.shape[1:])).astype(np.float32)

        note(
            f"{training=}, {floatx=}, {model.run_eagerly=}, a model of\n"
            + "\n".join(graph.text)
        )
        yield _Case(
            floatx=floatx,
            model=model,
            x=keras.tree.map_structure(batch, model.input),
            y=keras.tree.map_structure(batch, model.output),
            training=training,
            loss_weights=weights,
        )


def _randomize_weights(model: keras.Model, random: np.random.Generator) -> None:
    """Gains of 1 and offsets of 0 would hide mistakes."""
    for weight in model.weights:
        values = random.normal(0, 0.6, weight.shape)
        is_variance = weight.path.endswith("moving_variance")
        weight.assign(np.abs(values) + 0.5 if is_variance else values)


class _Known(NamedTuple):
    """A layer or model that may be called once more."""

    operation: Any
    input_shapes: list[tuple[int | None, ...]]


class _Graph:
    """A functional model that grows by random steps.

    Attributes:
      text: says what was done, line by line.
    """

    def __init__(self, random: Random, training: bool) -> None:
        self.text: list[str] = []
        self._random = random
        self._training = training
        self._depth = 0
        self._names: Counter[str] = Counter()
        self._known: list[_Known] = []
        self._tensors: list[Any] = []

    def model(self, name: str, input_count: int, max_steps: int) -> keras.Model:
        shapes = [(4,), (3,), (4, 4, 2)]
        inputs = [
            layers.Input(self._random.choice(shapes), name=self._name("x"))
            for _ in range(input_count)
        ]
        self._say(f"inputs {', '.join(f'{x.name} {x.shape[1:]}' for x in inputs)}")
        self._tensors = list(inputs)
        for _ in range(self._random.randint(max_steps // 2, max_steps)):
            step = self._random.choice(_STEPS)
            self._tensors += step(self)
        candidates = self._tensors[input_count:]
        # Of the last tensors, so that most layers are above; some are for nothing.
        outputs = [self._random.choice(candidates[-2:])]
        if self._random.choice([False, True]):
            outputs.append(self._random.choice(candidates))
        outputs = list({id(tensor): tensor for tensor in outputs}.values())
        self._say(f"outputs {', '.join(t.name for t in outputs)}")
        return keras.Model(
            self._structure({x.name: x for x in inputs}),
            self._structure({f"y{i}": y for i, y in enumerate(outputs)}),
            name=name,
        )

    def _structure(self, tensors: dict[str, Any]) -> Any:
        kinds = ["list", "dict"] if len(tensors) > 1 else ["list", "dict", "single"]
        kind = self._random.choice(kinds)
        if kind == "dict":
            # In another order than Keras', which sorts the names.
            return dict(reversed(tensors.items()))
        values = list(tensors.values())
        return values if kind == "list" else values[0]

    def _name(self, stem: str) -> str:
        self._names[stem] += 1
        return f"{stem}{self._names[stem]}"

    def _say(self, text: str) -> None:
        self.text.append("  " * self._depth + text)

    def _any(self) -> Any:
        last = self._tensors[-2:]
        return self._random.choice(self._random.choice([last, last, self._tensors]))

    def _two_alike(self) -> list[Any]:
        """Two tensors of one shape, or one tensor twice."""
        first = self._any()
        alike = [t for t in self._tensors if t.shape == first.shape]
        return [first, self._random.choice(alike)]

    def _call(self, operation: Any, inputs: Any) -> list[Any]:
        tensors = keras.tree.flatten(inputs)
        outputs = keras.tree.flatten(operation(inputs))
        self._say(
            f"{operation.name}({', '.join(t.name for t in tensors)})"
            f" = {', '.join(t.name for t in outputs)}"
        )
        self._known.append(_Known(operation, [t.shape for t in tensors]))
        return outputs

    def _computed(self, text: str, outputs: Any) -> list[Any]:
        outputs = keras.tree.flatten(outputs)
        self._say(f"{text} = {', '.join(t.name for t in outputs)}")
        return outputs

    # Steps. Each returns new tensors.

    def weighted(self) -> list[Any]:
        tensor = self._any()
        # Keras fails to add penalties of another dtype to the loss.
        is_default = keras.config.dtype_policy().name == keras.config.floatx()
        penalties = ["l2"] if is_default else []
        options = {
            "activation": self._random.choice([None, "tanh", "relu", "softmax"]),
            "kernel_regularizer": self._random.choice([None, *penalties]),
        }
        if tensor.shape[1:-1] and self._random.choice([False, True]):
            name = self._name("conv")
            layer = layers.Conv2D(2, 3, padding="same", name=name, **options)
        else:
            units = self._random.randint(2, 4)
            layer = layers.Dense(units, name=self._name("dense"), **options)
        return self._call(layer, tensor)

    def plain(self) -> list[Any]:
        tensor = self._any()
        rate = 0.0 if self._training else 0.5
        kinds: list[tuple[Any, dict[str, Any]]] = [
            (layers.Dropout, {"rate": rate}),
            (layers.Activation, {"activation": "sigmoid"}),
            (layers.Identity, {}),
            (layers.BatchNormalization, {}),
            (layers.LayerNormalization, {}),
            (layers.Flatten, {}),
        ]
        if tensor.shape[1:-1]:
            kinds += [
                (layers.MaxPooling2D, {"padding": "same"}),
                (layers.GlobalAveragePooling2D, {}),
            ]
        kind, options = self._random.choice(kinds)
        name = self._name(kind.__name__.lower())
        return self._call(kind(**options, name=name), tensor)

    def merged(self) -> list[Any]:
        kind = self._random.choice([layers.Add, layers.Multiply, layers.Concatenate])
        layer = kind(name=self._name(kind.__name__.lower()))
        return self._call(layer, self._two_alike())

    def operator(self) -> list[Any]:
        a, b = self._two_alike()
        of_two = f"({a.name}, {b.name})"
        kind = self._random.choice(["add", "tanh", "scale", "split", "where"])
        if kind == "tanh":
            return self._computed(f"tanh({a.name})", keras.ops.tanh(a))
        if kind == "scale":
            return self._computed(f"1 - {a.name} / 2", 1 - a / 2)
        if kind == "split" and a.shape[-1] % 2 == 0:
            return self._computed(f"split({a.name})", keras.ops.split(a, 2, axis=-1))
        if kind == "where":
            return self._computed(f"where{of_two}", keras.ops.where(a > 0, b, a))
        return self._computed(f"add{of_two}", a + b)

    def again(self) -> list[Any]:
        """One more call of a layer or model."""
        shapes = {tensor.shape for tensor in self._tensors}
        possible = [k for k in self._known if shapes.issuperset(k.input_shapes)]
        if not possible:
            return self.weighted()
        return self._call_known(self._random.choice(possible))

    def model_within(self) -> list[Any]:
        if self._depth == 2:
            return self.weighted()
        kind = self._random.choice([self._functional, self._sequential])
        name = self._name("model")
        self._say(f"{name}:")
        around = self._names, self._known, self._tensors
        if self._random.choice([False, True]):
            # Its names may be those of layers outside, but are none of its layers.
            self._names, self._known = Counter(), []
        self._depth += 1
        model = kind(name)
        self._depth -= 1
        self._names, self._known, self._tensors = around
        known = _Known(model, [tensor.shape for tensor in model.inputs])
        for shape in known.input_shapes:
            if all(tensor.shape != shape for tensor in self._tensors):
                self._tensors += self._reshaped(self._any(), shape)
        return self._call_known(known)

    def _functional(self, name: str) -> keras.Model:
        return self.model(name, self._random.randint(1, 2), max_steps=4)

    def _sequential(self, name: str) -> keras.Model:
        # Its layers are its own: what is not built has no shape to go by.
        kinds = [
            lambda: layers.Dense(3, name=self._name("dense")),
            lambda: layers.ReLU(name=self._name("relu")),
            lambda: layers.Identity(name=self._name("identity")),
        ]
        chosen = self._random.choices(kinds, k=self._random.randint(1, 3))
        model = keras.Sequential(
            [layers.Input((4,)), *(kind() for kind in chosen)],
            name=name,
        )
        self._say(f"a sequence of {', '.join(layer.name for layer in model.layers)}")
        return model

    def _reshaped(self, tensor: Any, shape: tuple[int | None, ...]) -> list[Any]:
        flat = self._call(layers.Flatten(name=self._name("flatten")), tensor)[0]
        units = int(np.prod(shape[1:]))
        dense = layers.Dense(units, name=self._name("dense"))
        reshape = layers.Reshape(shape[1:], name=self._name("reshape"))
        return self._call(reshape, self._call(dense, flat)[0])

    def _call_known(self, known: _Known) -> list[Any]:
        inputs = []
        for shape in known.input_shapes:
            fitting = [t for t in self._tensors if t.shape == shape]
            inputs.append(self._random.choice(fitting))
        operation = known.operation
        if isinstance(operation, keras.Model):
            return self._call(
                operation, keras.tree.pack_sequence_as(_graph(operation).input, inputs)
            )
        return self._call(operation, inputs if len(inputs) > 1 else inputs[0])


_STEPS = [
    _Graph.weighted,
    _Graph.plain,
    _Graph.merged,
    _Graph.operator,
    _Graph.again,
    _Graph.model_within,
]


# What should be found in them.


@dataclass(frozen=True)
class _Call:
    """A call, by the node that it left in the graph of the model it is part of."""

    path: str
    node: Any
    parent: _Call | None

    @property
    def is_model(self) -> bool:
        return isinstance(self.node.operation, keras.Model)


def _graph(model: keras.Model) -> Any:
    return getattr(model, "_functional", None) or model  # A Sequential keeps one.


def _node_of(tensor: Any) -> Any:
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


def _nodes(model: keras.Model) -> list[Any]:
    """The nodes above the outputs, in the order of computation, without inputs."""
    above: dict[int, Any] = {}
    waiting = [_node_of(tensor) for tensor in _graph(model).outputs]
    while waiting:
        node = waiting.pop()
        if id(node) not in above and not node.is_input:
            above[id(node)] = node
            waiting += [_node_of(tensor) for tensor in node.input_tensors]
    by_depth = _graph(model)._nodes_by_depth
    ordered = [n for depth in sorted(by_depth, reverse=True) for n in by_depth[depth]]
    found = [node for node in ordered if id(node) in above]
    assert len(found) == len(above)
    return found


def _calls(model: keras.Model, parent: _Call | None = None) -> list[_Call]:
    """The calls in a model, in the order of keys; those in a model before its own."""
    of_operation = defaultdict(list)
    for node in _nodes(model):
        of_operation[id(node.operation)].append(node)
    found = []
    for operation in _graph(model).operations:
        nodes = of_operation[id(operation)]
        for i, node in enumerate(nodes):
            name = operation.name if len(nodes) == 1 else f"{operation.name}@{i}"
            call = _Call(f"{parent.path}/{name}" if parent else name, node, parent)
            if call.is_model:
                found += _calls(operation, call)
            found.append(call)
    return found


def _values_of_cut_model(
    case: _Case, tensors: Sequence[Any], parent: _Call | None
) -> list[tf.Tensor]:
    """What a model that ends at these Keras tensors gives."""
    if parent is None:
        model, feed = case.model, case.tensors()
    else:
        model = parent.node.operation
        feed = _values_of_cut_model(case, parent.node.input_tensors, parent.parent)
    cut = keras.Model(_graph(model).inputs, list(tensors))
    with keras.StatelessScope():  # Training would change moving statistics.
        return keras.tree.flatten(cut(feed, training=case.training))


def _evaluate(
    model: keras.Model,
    feed: Sequence[tf.Tensor],
    training: bool,
    replaced: Mapping[str, Sequence[tf.Tensor]],
    above: str = "",
) -> list[tf.Tensor]:
    """The outputs of a model, evaluated call for call from the outputs upwards.

    Args:
      replaced: by path, what stands in for the outputs of a call.
      above: the path of the model, with a slash.
    """
    paths = {
        id(call.node): above + call.path
        for call in _calls(model)
        if call.parent is None
    }
    values = {
        id(symbolic): tensor
        for symbolic, tensor in zip(_graph(model).inputs, feed, strict=True)
    }

    def value(symbolic: Any) -> tf.Tensor:
        if id(symbolic) not in values:
            node = _node_of(symbolic)
            for tensor, output in zip(node.outputs, outputs_of(node), strict=True):
                values[id(tensor)] = output
        return values[id(symbolic)]

    def outputs_of(node: Any) -> Sequence[tf.Tensor]:
        path, operation = paths[id(node)], node.operation
        if path in replaced:
            return replaced[path]
        inputs = [value(tensor) for tensor in node.input_tensors]
        if isinstance(operation, keras.Model):
            return _evaluate(operation, inputs, training, replaced, f"{path}/")
        by_id = {id(t): v for t, v in zip(node.input_tensors, inputs, strict=True)}
        args, kwargs = node.arguments.fill_in(by_id)
        if getattr(operation, "_call_has_training_arg", False):
            kwargs["training"] = training
        with keras.StatelessScope():  # Training would change moving statistics.
            return keras.tree.flatten(operation(*args, **kwargs))

    return [value(symbolic) for symbolic in _graph(model).outputs]


def _gradients_from(case: _Case, call: _Call) -> list[Any]:
    """Gradients of the loss as a function of what one call gave."""
    values = _values_of_cut_model(case, call.node.outputs, call.parent)
    # One tensor that is given twice would have one gradient, of both together.
    values = [tf.identity(value) for value in values]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([value for value in values if value.dtype.is_floating])
        outputs = _evaluate(
            case.model, case.tensors(), case.training, {call.path: values}
        )
        loss = case.loss(outputs)
    return [
        tape.gradient(loss, value, unconnected_gradients="zero")
        if value.dtype.is_floating
        else np.full(value.shape, np.nan)
        for value in values
    ]


def _listed(arrays: Any) -> list[Any]:
    return arrays if isinstance(arrays, list) else [arrays]


# Tests.


graphs = st.randoms(use_true_random=False)

# Always the same. A failure is not made smaller, which takes minutes: to look into one,
# add Phase.shrink.
a_few_graphs = settings(
    max_examples=20,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@a_few_graphs
@given(graphs)
def test_each_call_appears_once_with_the_shape_and_dtype_of_its_keras_tensor(
    random: Random,
) -> None:
    with _random_case(random) as case:
        activations = tk.get_activations(case.model, case.x, nested=True)
        calls = [c for c in _calls(case.model) if not c.is_model]
        assert list(activations) == [*case.inputs, *(call.path for call in calls)]
        for call in calls:
            assert [
                (a.shape, a.dtype.name) for a in _listed(activations[call.path])
            ] == [
                ((BATCH, *tensor.shape[1:]), tensor.dtype)
                for tensor in call.node.outputs
            ]


@a_few_graphs
@given(graphs)
def test_calls_of_the_model_itself_come_in_the_order_of_its_operations(
    random: Random,
) -> None:
    with _random_case(random) as case:
        activations = tk.get_activations(case.model, case.x)
        count = Counter(node.operation.name for node in _nodes(case.model))
        expected = list(case.inputs)
        for operation in case.model.operations:
            name, calls = operation.name, count[operation.name]
            expected += [name] if calls == 1 else [f"{name}@{i}" for i in range(calls)]
        # An input is an operation, too; it has no call.
        assert list(activations) == [key for key in expected if key in activations]
        assert len(activations) == len(case.inputs) + count.total()


@a_few_graphs
@given(graphs)
def test_activations_are_those_of_a_model_cut_there(random: Random) -> None:
    with _random_case(random) as case:
        nested, own = (
            tk.get_activations(
                case.model, case.x, nested=is_nested, training=case.training
            )
            for is_nested in (True, False)
        )
        for name, array in case.inputs.items():
            np.testing.assert_array_equal(nested[name], array)
        for call in _calls(case.model):
            expected = _values_of_cut_model(case, call.node.outputs, call.parent)
            if not call.is_model:
                case.assert_close(nested[call.path], expected)
            if call.parent is None:
                case.assert_close(own[call.path], expected)


@a_few_graphs
@given(graphs)
def test_gradients_of_activations_are_those_of_the_rest_of_the_graph(
    random: Random,
) -> None:
    with _random_case(random) as case:
        nested, own = (
            tk.get_gradients_of_activations(
                case.model, case.x, case.y, nested=is_nested, training=case.training
            )
            for is_nested in (True, False)
        )
        calls = _calls(case.model)
        assert list(nested) == [call.path for call in calls if not call.is_model]
        for call in calls:
            expected = _gradients_from(case, call)
            if not call.is_model:
                case.assert_close(nested[call.path], expected)
            if call.parent is None:
                case.assert_close(own[call.path], expected)


@a_few_graphs
@given(graphs)
def test_gradients_of_weights_are_those_of_a_plain_tape(random: Random) -> None:
    with _random_case(random) as case:
        gradients = tk.get_gradients_of_trainable_weights(
            case.model, case.x, case.y, training=case.training
        )
        variables = [variable.value for variable in case.model.trainable_weights]
        with tf.GradientTape() as tape:
            outputs = _evaluate(case.model, case.tensors(), case.training, {})
            loss = case.loss(outputs)
        expected = tape.gradient(loss, variables, unconnected_gradients="zero")
        case.assert_close(list(gradients.values()), expected)


# What they have shown, small enough for a calculation by hand.


class _Multiples(layers.Layer):
    """Gives twice its input, and three times that."""

    def __init__(self) -> None:
        super().__init__(name="multiples")
        self.twice = _twice()

    def call(self, inputs: Any) -> list[Any]:
        doubled = self.twice(inputs)
        return [doubled, 3 * doubled]


def _multiples_model() -> keras.Model:
    x = layers.Input((1,))
    doubled = _twice()(x)
    return keras.Model(x, [doubled, 3 * doubled], name="multiples")


def _twice() -> Any:
    two = keras.initializers.Constant(2)
    return layers.Dense(1, use_bias=False, kernel_initializer=two, name="twice")


@pytest.mark.parametrize("multiples", [_Multiples, _multiples_model])
def test_an_output_that_is_used_inside_as_well_has_the_gradient_of_the_output(
    multiples: Callable[[], Any],
) -> None:
    x = layers.Input((1,))
    doubled, sextupled = multiples()(x)
    model = keras.Model(x, doubled + sextupled)
    model.compile("sgd", "mse")
    # The output is 8, its gradient 2 * 8; what is used inside has that of 3 more.
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    gradients = tk.get_gradients_of_activations(model, one, zero)
    np.testing.assert_allclose(gradients["multiples"], [[[16]], [[16]]])
    nested = tk.get_gradients_of_activations(model, one, zero, nested=True)
    np.testing.assert_allclose(nested["multiples/twice"], [[64]])


def test_dropout_that_drops_nothing_has_its_own_gradient() -> None:
    x = layers.Input((1,), name="x")
    dropped = layers.Dropout(0.5, name="dropout")(x)
    model = keras.Model(x, 3 * dropped + 5 * x)
    model.compile("sgd", "mse")
    gradients = tk.get_gradients_of_activations(
        model, np.ones((1, 1)), np.zeros((1, 1))
    )
    # The output is 8, its gradient 2 * 8.
    np.testing.assert_allclose(gradients["dropout"], [[3 * 16]])


def test_a_list_of_one_target_does_for_a_model_that_has_not_been_fitted() -> None:
    x = layers.Input((1,), name="x")
    model = keras.Model(x, [_twice()(x)])
    model.compile("sgd", "mse")
    one = np.ones((1, 1))
    gradients = tk.get_gradients_of_activations(model, one, [one])
    np.testing.assert_allclose(gradients["twice"], [[2]])
