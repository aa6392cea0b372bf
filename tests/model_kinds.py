"""Every kind of Keras model, tiny, and what a plain call and a plain tape say of each.

`plain_run` is the reference that the functions are held against: an eager call of the
model in which each layer adds a zero to its output. The gradient of the loss with
respect to that zero is the gradient with respect to the output, whatever the layer
does and however often it is called. Nothing of `tensorboard_keract` takes part.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

layers = keras.layers
ops = keras.ops

BATCH: Final = 3


@dataclass
class Kind:
    """A compiled model that was never fit, and what is to be found in it.

    Attributes:
      x, y: a batch.
      inputs, layers: the keys of the activations, in their order. Globs, as Keras
        numbers the names that it gives itself.
      weights: the keys of the weight gradients, in theirs.
      sample_weight: of the batch.
      trainings: which values of `training` to try; one where tracing takes long.
    """

    model: keras.Model
    x: Any
    y: Any
    inputs: Sequence[str]
    layers: Sequence[str]
    weights: Sequence[str]
    sample_weight: Any = None
    trainings: tuple[bool, ...] = (False, True)


def random(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Normally distributed float32, the same at every call."""
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def tokens(*shape: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Integers of 0 to 6, the same at every call; zeros end the first rows."""
    found = np.random.default_rng(0).integers(1, 7, shape).astype(np.int32)
    found[0, -2:] = found[1, -1:] = 0
    return found


def dense_weights(*paths: str) -> list[str]:
    """The kernel and the bias at each path."""
    return [f"{path}/{name}" for path in paths for name in ("kernel", "bias")]


@dataclass
class PlainRun:
    """What a plain call gives: for each layer of the model, call by call, its outputs.

    Attributes:
      activations, gradients: by the key that a layer's call should have.
      weight_gradients: in the order of `model.trainable_weights`.
    """

    activations: dict[str, list[np.ndarray[Any, Any]]] = field(default_factory=dict)
    gradients: dict[str, list[np.ndarray[Any, Any]]] = field(default_factory=dict)
    weight_gradients: list[np.ndarray[Any, Any]] = field(default_factory=list)


def as_tensors(structure: Any) -> Any:
    """Arrays of any structure as tensors."""
    return keras.tree.map_structure(
        lambda value: None if value is None else tf.convert_to_tensor(value), structure
    )


def plain_run(kind: Kind, training: bool = False) -> PlainRun:
    """Calls the model eagerly, as anyone would, and differentiates with a plain tape.

    What the call changes, as any call in training does, is put back.
    """
    before = [(variable, variable.numpy()) for variable in kind.model.variables]
    try:
        return _plain_run(kind, training)
    finally:
        for variable, value in before:
            variable.assign(value)


def _plain_run(kind: Kind, training: bool) -> PlainRun:
    model = kind.model
    x, y, sample_weight = as_tensors((kind.x, kind.y, kind.sample_weight))
    takes_training = {"training": training} if model._call_has_training_arg else {}
    with tf.GradientTape() as tape:
        with _zeros_added(_operations(model), tape) as seen, _call_in_python(model):
            y_pred = model(x, **takes_training)
        loss = model.compute_loss(x, y, y_pred, sample_weight, training=training)
    zeros = {
        name: [[zero for _, zero in outputs] for outputs in calls]
        for name, calls in seen.items()
    }
    of_zeros, of_weights = tape.gradient(
        loss,
        (zeros, [weight.value for weight in model.trainable_weights]),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )

    run = PlainRun(weight_gradients=[_as_array(g) for g in of_weights])
    for name, calls in seen.items():
        for number, outputs in enumerate(calls):
            key = name if len(calls) == 1 else f"{name}@{number}"
            run.activations[key] = [_as_array(output) for output, _ in outputs]
            run.gradients[key] = [
                _as_array(gradient) if output.dtype.is_floating else _nan(output.shape)
                for (output, _), gradient in zip(
                    outputs, of_zeros[name][number], strict=True
                )
            ]
    return run


def _nan(shape: Any) -> np.ndarray[Any, Any]:
    return np.full(shape, np.nan, np.float32)


def _operations(model: keras.Model) -> list[Any]:
    found = [*getattr(model, "operations", []), *model.layers]
    unique = {id(operation): operation for operation in found}.values()
    return [o for o in unique if not isinstance(o, keras.layers.InputLayer)]


@contextlib.contextmanager
def _zeros_added(
    operations: Sequence[Any], tape: tf.GradientTape
) -> Iterator[dict[str, list[list[tuple[Any, Any]]]]]:
    """Yields, by layer name and call, the outputs and the zeros added to them."""
    seen: dict[str, list[list[tuple[Any, Any]]]] = defaultdict(list)

    def adding(operation: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            outputs: list[tuple[Any, Any]] = []

            def add(tensor: Any) -> Any:
                if not isinstance(tensor, tf.Tensor):
                    return tensor
                zero = tf.zeros_like(tensor, tf.float32)
                changed = tensor
                if tensor.dtype.is_floating:
                    zero = tf.cast(zero, tensor.dtype)
                    tape.watch(zero)
                    changed = tensor + zero
                    mask = getattr(tensor, "_keras_mask", None)
                    if mask is not None:
                        changed._keras_mask = mask
                outputs.append((changed, zero))
                return changed

            changed = keras.tree.map_structure(add, plain(*args, **kwargs))
            seen[operation.name].append(outputs)
            return changed

        return call

    for operation in operations:
        # Past Keras' tracking of attributes.
        object.__setattr__(operation, "call", adding(operation, operation.call))
    try:
        yield seen
    finally:
        for operation in operations:
            object.__delattr__(operation, "call")


@contextlib.contextmanager
def _call_in_python(model: keras.Model) -> Iterator[None]:
    """While a `tf.function` that is the model's `call` is the plain method it wraps."""
    python_function = getattr(type(model).call, "python_function", None)
    if python_function is None:
        yield
        return
    object.__setattr__(model, "call", python_function.__get__(model))
    try:
        yield
    finally:
        object.__delattr__(model, "call")


@contextlib.contextmanager
def missing_gradients_ignored() -> Iterator[None]:
    """No warning from `fit` where the loss does not depend on a weight."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gradients do not exist")
        yield


def fit_one_batch(kind: Kind) -> None:
    """Trains the model on the batch, as `fit` does: its state, metrics and optimizer.

    Eagerly, which is a tenth of a second rather than one.
    """
    model, eagerly = kind.model, kind.model.run_eagerly
    model.run_eagerly = True
    with missing_gradients_ignored():
        model.fit(kind.x, kind.y, sample_weight=kind.sample_weight, verbose=0)
    model.run_eagerly = eagerly


def _as_array(value: Any) -> np.ndarray[Any, Any]:
    tensor = tf.convert_to_tensor(value)
    wide = tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor
    return np.asarray(wide.numpy())


def _compiled(model: keras.Model, loss: Any = "mse", **options: Any) -> keras.Model:
    model.compile(keras.optimizers.Adam(0.01), loss, **options)
    return model


# Sequential and functional.


def sequential() -> Kind:
    model = keras.Sequential(
        [
            layers.Input((4, 4, 1), name="image"),
            layers.Conv2D(2, 3, activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5, name="drop"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, name="dense", kernel_regularizer="l2"),
        ]
    )
    return Kind(
        _compiled(model, metrics=["mae"]),
        random(BATCH, 4, 4, 1),
        random(BATCH, 3),
        ["image"],
        ["conv", "norm", "drop", "flatten", "dense"],
        [
            *dense_weights("conv"),
            "norm/gamma",
            "norm/beta",
            *dense_weights("dense"),
        ],
    )


def lazy_sequential() -> Kind:
    model = keras.Sequential(
        [layers.Dense(3, activation="tanh", name="hidden"), layers.Dense(2, name="out")]
    )
    return Kind(
        _compiled(model),
        random(BATCH, 4),
        random(BATCH, 2),
        ["input_layer*"],
        ["hidden", "out"],
        dense_weights("hidden", "out"),
    )


def residual() -> Kind:
    x = layers.Input((4,), name="x")
    first = layers.Dense(4, activation="tanh", name="first")(x)
    second = layers.Dense(4, activation="tanh", name="second")(first)
    model = keras.Model(x, layers.Add(name="sum")([first, second]))
    return Kind(
        _compiled(model),
        random(BATCH, 4),
        random(BATCH, 4),
        ["x"],
        ["first", "second", "sum"],
        dense_weights("first", "second"),
    )


def inception() -> Kind:
    """Branches of different depth: computed in another order than they are listed."""
    image = layers.Input((4, 4, 2), name="image")
    narrow = layers.Conv2D(2, 1, name="narrow")(image)
    wide = layers.Conv2D(2, 1, activation="relu", name="wide_in")(image)
    wide = layers.Conv2D(2, 3, padding="same", name="wide")(wide)
    deep = layers.Conv2D(2, 1, activation="relu", name="deep_in")(image)
    deep = layers.Dropout(0.5, name="deep_drop")(deep)
    deep = layers.Conv2D(2, 3, padding="same", name="deep")(deep)
    pooled = layers.MaxPooling2D(3, 1, padding="same", name="pool")(image)
    joined = layers.Concatenate(name="joined")([narrow, wide, deep, pooled])
    model = keras.Model(image, layers.GlobalMaxPooling2D(name="out")(joined))
    listed = [layer.name for layer in model.layers]
    return Kind(
        _compiled(model),
        random(BATCH, 4, 4, 2),
        random(BATCH, 8),
        ["image"],
        [name for name in listed if name != "image"],
        dense_weights(*(layer.name for layer in model.layers if layer.weights)),
    )


def operators() -> Kind:
    """Operations and lambdas between the layers."""
    x = layers.Input((4,), name="x")
    hidden = layers.Dense(4, name="hidden")(x)
    total = hidden + x
    bent = ops.tanh(total * 2.0)
    scaled = layers.Lambda(lambda t: t * 3.0, name="scaled")(bent)
    model = keras.Model(x, layers.Dense(2, name="out")(scaled))
    names = [operation.name for operation in model.operations]
    assert [type(o).__name__ for o in model.operations] == [
        "InputLayer",
        "Dense",
        "Add",
        "Multiply",
        "Tanh",
        "Lambda",
        "Dense",
    ]
    return Kind(
        _compiled(model),
        random(BATCH, 4),
        random(BATCH, 2),
        ["x"],
        names[1:],
        dense_weights("hidden", "out"),
    )


# Subclassed.


class _WithContainers(keras.Model):
    """Layers in a list and in a dict, called in a Python loop; Python control flow."""

    def __init__(self) -> None:
        super().__init__(name="containers")
        self.blocks = [layers.Dense(4, name=f"block{i}") for i in range(3)]
        self.heads = {
            "near": layers.Dense(2, name="near"),
            "far": layers.Dense(2, name="far"),
        }

    def build(self, shape: Any) -> None:
        for layer in [*self.blocks, *self.heads.values()]:
            layer.build((None, 4))

    def call(self, x: Any) -> Any:
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number % 2 == 0:
                x = ops.tanh(x)
        for _ in range(2):
            x = self.blocks[0](x)
        return self.heads["near"](x) + self.heads["far"](x)


def containers() -> Kind:
    return Kind(
        _compiled(_WithContainers()),
        random(BATCH, 4),
        random(BATCH, 2),
        ["input"],
        ["block0@0", "block1", "block2", "block0@1", "block0@2", "near", "far"],
        dense_weights("block0", "block1", "block2", "near", "far"),
    )


class _InTensorFlowFunction(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="compiled_call")
        self.hidden = layers.Dense(4, activation="tanh", name="hidden")
        self.head = layers.Dense(2, name="head")

    def build(self, shape: Any) -> None:
        # A function that makes its variables itself has no gradients later on.
        self.hidden.build((None, 4))
        self.head.build((None, 4))

    @tf.function
    def call(self, x: Any) -> Any:
        x = self.hidden(x)
        if tf.reduce_sum(tf.abs(x)) >= 0:  # Known only when it runs.
            x = x * 2
        return self.head(self.hidden(x))


def compiled_call() -> Kind:
    return Kind(
        _compiled(_InTensorFlowFunction()),
        random(BATCH, 4),
        random(BATCH, 2),
        ["input"],
        ["hidden@0", "hidden@1", "head"],
        dense_weights("hidden", "head"),
    )


class _NeverCalled(keras.Model):
    """Builds its layers only when it is called."""

    def __init__(self) -> None:
        super().__init__(name="never_called")
        self.hidden = layers.Dense(4, activation="tanh", name="hidden")
        self.norm = layers.BatchNormalization(name="norm")
        self.drop = layers.Dropout(0.5, seed=1, name="drop")
        self.head = layers.Dense(2, name="head")

    def call(self, x: Any, training: bool = False) -> Any:
        x = self.norm(self.hidden(x), training=training)
        return self.head(self.drop(x, training=training))


def never_called() -> Kind:
    return Kind(
        _compiled(_NeverCalled()),
        random(BATCH, 4),
        random(BATCH, 2),
        ["input"],
        ["hidden", "norm", "drop", "head"],
        [
            *dense_weights("hidden"),
            "norm/gamma",
            "norm/beta",
            *dense_weights("head"),
        ],
    )


class _Eager(keras.Model):
    """Decides by numbers that only eager execution knows."""

    def __init__(self) -> None:
        super().__init__(name="eager")
        self.hidden = layers.Dense(4, activation="tanh", name="hidden")
        self.head = layers.Dense(2, name="head")

    def build(self, shape: Any) -> None:
        self.hidden.build((None, 4))
        self.head.build((None, 4))

    def call(self, x: Any) -> Any:
        for _ in range(2 + int(np.sum(x.numpy()) > 1e6)):
            x = self.hidden(x)
        return self.head(x)


def eager() -> Kind:
    return Kind(
        _compiled(_Eager(), run_eagerly=True),
        random(BATCH, 4),
        random(BATCH, 2),
        ["input"],
        ["hidden@0", "hidden@1", "head"],
        dense_weights("hidden", "head"),
    )


class _Tied(keras.Model):
    """Reads out with the embeddings; never calls the layer that has the scale."""

    def __init__(self) -> None:
        super().__init__(name="tied")
        self.embedding = layers.Embedding(7, 3, name="embedding")
        self.pool = layers.GlobalAveragePooling1D(name="pool")
        self.never = layers.EinsumDense("ab,bc->ac", 7, name="never")

    def build(self, shape: Any) -> None:
        self.embedding.build(shape)
        self.never.build((None, 7))

    def call(self, x: Any) -> Any:
        hidden = self.pool(self.embedding(x))
        logits = ops.matmul(hidden, ops.transpose(self.embedding.embeddings))
        return ops.matmul(logits, self.never.kernel)


def tied() -> Kind:
    return Kind(
        _compiled(_Tied()),
        tokens(BATCH, 5),
        random(BATCH, 7),
        ["input"],
        ["embedding", "pool"],
        ["embedding/embeddings", "tied/never/kernel"],
    )


# Models and layers in models, and shared ones.


def three_deep() -> Kind:
    """A model in a model in a model."""
    inner = keras.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(4, activation="tanh", name="a"),
            layers.Dense(4, name="b"),
        ],
        name="inner",
    )
    x = layers.Input((4,), name="middle_x")
    middle = keras.Model(x, layers.ReLU(name="relu")(inner(x)), name="middle")
    x = layers.Input((4,), name="x")
    model = keras.Model(x, layers.Dense(2, name="head")(middle(x)), name="outer")
    return Kind(
        _compiled(model),
        random(BATCH, 4),
        random(BATCH, 2),
        ["x"],
        ["middle", "head"],
        dense_weights("middle/inner/a", "middle/inner/b", "head"),
    )


class Block(keras.layers.Layer):
    """A composite layer: two layers, and a weight of its own."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.expand = layers.Dense(2 * units, activation="relu", name="expand")
        self.reduce = layers.Dense(units, name="reduce")

    def build(self, shape: Any) -> None:
        self.gain = self.add_weight(shape=(), name="gain", initializer="ones")
        self.expand.build(shape)
        self.reduce.build((*shape[:-1], self.expand.units))

    def call(self, x: Any) -> Any:
        return x + self.gain * self.reduce(self.expand(x))


def composite() -> Kind:
    x = layers.Input((4,), name="x")
    hidden = Block(4, name="one")(x)
    hidden = Block(4, name="two")(hidden)
    model = keras.Model(x, layers.Dense(2, name="head")(hidden))
    own = [
        path
        for block in ("one", "two")
        for path in (
            f"{block}/gain",
            *dense_weights(f"{block}/expand", f"{block}/reduce"),
        )
    ]
    return Kind(
        _compiled(model),
        random(BATCH, 4),
        random(BATCH, 2),
        ["x"],
        ["one", "two", "head"],
        [*own, *dense_weights("head")],
    )


def shared_layer() -> Kind:
    x = layers.Input((4,), name="x")
    shared = layers.Dense(4, activation="tanh", name="shared")
    once = shared(x)
    model = keras.Model(
        x,
        layers.Add(name="sum")([shared(shared(once)), layers.ReLU(name="relu")(once)]),
    )
    return Kind(
        _compiled(model),
        random(BATCH, 4),
        random(BATCH, 4),
        ["x"],
        ["shared@0", "shared@1", "shared@2", "relu", "sum"],
        dense_weights("shared"),
    )


def shared_model() -> Kind:
    block = keras.Sequential(
        [layers.Input((4,)), layers.Dense(4, activation="tanh", name="fc")],
        name="block",
    )
    x = layers.Input((4,), name="x")
    model = keras.Model(x, layers.Dense(2, name="head")(block(block(x))))
    return Kind(
        _compiled(model),
        random(BATCH, 4),
        random(BATCH, 2),
        ["x"],
        ["block@0", "block@1", "head"],
        dense_weights("block/fc", "head"),
    )


# Several inputs and outputs.


def _two_inputs() -> tuple[Any, Any, Any, Any]:
    left, right = layers.Input((3,), name="left"), layers.Input((2,), name="right")
    joined = layers.Concatenate(name="joined")([left, right])
    near = layers.Dense(1, name="near")(joined)
    return left, right, near, layers.Dense(2, name="far")(joined)


_TWO_INPUT_LAYERS: Final = ["joined", "near", "far"]


def lists() -> Kind:
    left, right, near, far = _two_inputs()
    model = keras.Model([left, right], [near, far])
    return Kind(
        _compiled(model, ["mse", "mae"], loss_weights=[1.0, 0.25]),
        [random(BATCH, 3), random(BATCH, 2)],
        [random(BATCH, 1), random(BATCH, 2)],
        ["left", "right"],
        _TWO_INPUT_LAYERS,
        dense_weights("near", "far"),
        [np.array([1, 2, 0], np.float32), np.array([3, 0, 1], np.float32)],
    )


def dict_in_tuple_out() -> Kind:
    left, right, near, far = _two_inputs()
    model = keras.Model((left, right), (near, far))
    return Kind(
        _compiled(model),
        {"right": random(BATCH, 2), "left": random(BATCH, 3)},
        (random(BATCH, 1), random(BATCH, 2)),
        ["left", "right"],
        _TWO_INPUT_LAYERS,
        dense_weights("near", "far"),
    )


def dicts() -> Kind:
    left, right, near, far = _two_inputs()
    model = keras.Model(
        {"right": right, "left": left}, {"near": near, "far": far}, name="dicts"
    )
    weights = {"near": 0.5, "far": 2.0}
    # Keras sorts dicts by key.
    in_order = [layer.name for layer in model.layers[2:]]
    assert in_order == ["joined", "far", "near"]
    return Kind(
        _compiled(model, {"near": "mae", "far": "mse"}, loss_weights=weights),
        {"right": random(BATCH, 2), "left": random(BATCH, 3)},
        {"near": random(BATCH, 1), "far": random(BATCH, 2)},
        ["left", "right"],
        in_order,
        dense_weights("far", "near"),
        {"near": np.array([1, 2, 0], np.float32), "far": np.array([3, 0, 1], "f")},
    )


# Sequences.


def time_distributed() -> Kind:
    x = layers.Input((3, 4), name="x")
    inner = layers.Dense(2, activation="tanh", name="inner")
    each = layers.TimeDistributed(inner, name="each")(x)
    model = keras.Model(x, layers.Flatten(name="flatten")(each))
    return Kind(
        _compiled(model),
        random(BATCH, 3, 4),
        random(BATCH, 6),
        ["x"],
        ["each", "flatten"],
        dense_weights("each/inner"),
    )


_CELL: Final = ("kernel", "recurrent_kernel", "bias")


def masked_bidirectional() -> Kind:
    """Padding that the recurrent layers pass over, and the loss leaves out."""
    x = layers.Input((4,), dtype="int32", name="words")
    vectors = layers.Embedding(7, 3, mask_zero=True, name="embedding")(x)
    rnn = layers.SimpleRNN(2, return_sequences=True, name="rnn")
    both = layers.Bidirectional(rnn, name="both")(vectors)
    model = keras.Model(x, layers.Dense(2, name="head")(both))
    return Kind(
        _compiled(model),
        tokens(BATCH, 4),
        random(BATCH, 4, 2),
        ["words"],
        # The mask is an operation of the model.
        ["embedding", "not_equal*", "both", "head"],
        [
            "embedding/embeddings",
            *(f"both/forward_rnn/simple_rnn_cell/{name}" for name in _CELL),
            *(f"both/backward_rnn/simple_rnn_cell/{name}" for name in _CELL),
            *dense_weights("head"),
        ],
        trainings=(False,),
    )


def recurrent() -> Kind:
    """An LSTM and a GRU that return sequences and states; dropout inside the loop."""
    x = layers.Input((3, 2), name="x")
    sequence, hidden, carry = layers.LSTM(
        2, return_sequences=True, return_state=True, name="lstm"
    )(x)
    last, state = layers.GRU(2, return_state=True, dropout=0.5, name="gru")(sequence)
    joined = layers.Concatenate(name="joined")([hidden, carry, last, state])
    model = keras.Model(x, layers.Dense(2, name="head")(joined))
    return Kind(
        _compiled(model),
        random(BATCH, 3, 2),
        random(BATCH, 2),
        ["x"],
        ["lstm", "gru", "joined", "head"],
        [
            *(f"lstm/lstm_cell/{name}" for name in _CELL),
            *(f"gru/gru_cell/{name}" for name in _CELL),
            *dense_weights("head"),
        ],
    )


def stacked_cells() -> Kind:
    x = layers.Input((3, 2), name="x")
    cells = [layers.SimpleRNNCell(2, name="low"), layers.LSTMCell(3, name="high")]
    stacked = keras.layers.StackedRNNCells(cells, name="stack")
    model = keras.Model(x, layers.RNN(stacked, name="rnn")(x))
    return Kind(
        _compiled(model),
        random(BATCH, 3, 2),
        random(BATCH, 3),
        ["x"],
        ["rnn"],
        [f"rnn/{cell}/{name}" for cell in ("low", "high") for name in _CELL],
        trainings=(False,),
    )


_PROJECTIONS: Final = ("query", "key", "value", "attention_output")


def self_attention() -> Kind:
    """Causal, with dropout."""
    x = layers.Input((3, 4), name="x")
    attention = layers.MultiHeadAttention(2, 2, dropout=0.5, name="mha")
    hidden = attention(x, x, use_causal_mask=True)
    model = keras.Model(x, layers.Dense(1, name="head")(hidden))
    return Kind(
        _compiled(model),
        random(BATCH, 3, 4),
        random(BATCH, 3, 1),
        ["x"],
        ["mha", "head"],
        dense_weights(*(f"mha/{name}" for name in _PROJECTIONS), "head"),
    )


def cross_attention() -> Kind:
    query = layers.Input((3, 4), name="query")
    memory = layers.Input((2, 4), name="memory")
    hidden = layers.GroupQueryAttention(2, 4, 2, name="gqa")(query, memory)
    model = keras.Model([query, memory], hidden)
    return Kind(
        _compiled(model),
        [random(BATCH, 3, 4), random(BATCH, 2, 4)],
        random(BATCH, 3, 4),
        ["query", "memory"],
        ["gqa"],
        dense_weights(*(f"gqa/{name}" for name in _PROJECTIONS)),
    )


# Odd outputs, losses and numbers.


class Parts(keras.layers.Layer):
    """Gives a dict, of which one value is a pair."""

    def call(self, x: Any) -> dict[str, Any]:
        return {"pair": (x[:, :1], x[:, 1:] * 2), "all": ops.tanh(x)}


def several_outputs() -> Kind:
    x = layers.Input((3,), name="x")
    parts = Parts(name="parts")(layers.Dense(3, name="hidden")(x))
    joined = layers.Concatenate(name="joined")([parts["all"], *parts["pair"]])
    model = keras.Model(x, layers.Dense(2, name="head")(joined))
    return Kind(
        _compiled(model),
        random(BATCH, 3),
        random(BATCH, 2),
        ["x"],
        ["hidden", "parts", "joined", "head"],
        dense_weights("hidden", "head"),
    )


class _Penalty(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        self.add_loss(ops.mean(x**2))
        return x * 2


def penalised() -> Kind:
    x = layers.Input((3,), name="x")
    hidden = layers.Dense(
        3, name="hidden", kernel_regularizer="l1", activity_regularizer="l2"
    )(x)
    hidden = _Penalty(name="penalty")(hidden)
    model = keras.Model(x, layers.Dense(2, name="head", bias_regularizer="l2")(hidden))
    return Kind(
        _compiled(model),
        random(BATCH, 3),
        random(BATCH, 2),
        ["x"],
        ["hidden", "penalty", "head"],
        dense_weights("hidden", "head"),
    )


def unconnected() -> Kind:
    """Outputs that are whole numbers, or that the loss does not depend on."""
    x = layers.Input((3,), name="x")
    hidden = layers.Dense(3, name="hidden")(x)
    aside = layers.Dense(2, name="aside")(x)
    best = layers.Lambda(lambda t: ops.argmax(t, axis=-1), name="best")(hidden)
    model = keras.Model(x, [layers.Dense(2, name="head")(hidden), aside, best])
    return Kind(
        _compiled(model, ["mse", None, None]),
        random(BATCH, 3),
        [random(BATCH, 2), None, None],
        ["x"],
        [o.name for o in model.layers[1:]],
        dense_weights("hidden", *("head", "aside")),
    )


def frozen() -> Kind:
    model = keras.Sequential(
        [
            layers.Input((3,), name="x"),
            layers.Dense(3, activation="tanh", name="first"),
            layers.Dense(3, activation="tanh", name="frozen", trainable=False),
            layers.Dense(2, name="last"),
        ]
    )
    return Kind(
        _compiled(model),
        random(BATCH, 3),
        random(BATCH, 2),
        ["x"],
        ["first", "frozen", "last"],
        dense_weights("first", "last"),
    )


def convolutions() -> Kind:
    """Along one and three axes, and with the channels first."""
    signal = layers.Input((5, 2), name="signal")
    volume = layers.Input((3, 3, 3, 1), name="volume")
    image = layers.Input((2, 4, 4), name="image")
    one = layers.Conv1D(2, 3, name="one")(signal)
    three = layers.Conv3D(2, 2, name="three")(volume)
    first = "channels_first"
    two = layers.Conv2D(2, 3, data_format=first, activation="relu", name="two")(image)
    two = layers.MaxPooling2D(data_format=first, name="two_pool")(two)
    joined = layers.Concatenate(name="joined")(
        [
            layers.Flatten(name="one_flat")(one),
            layers.Flatten(name="two_flat")(two),
            layers.Flatten(name="three_flat")(three),
        ]
    )
    model = keras.Model(
        [signal, volume, image], layers.Dense(2, name="head")(joined), name="convs"
    )
    return Kind(
        _compiled(model),
        [random(BATCH, 5, 2), random(BATCH, 3, 3, 3, 1), random(BATCH, 2, 4, 4)],
        random(BATCH, 2),
        ["signal", "volume", "image"],
        [o.name for o in model.layers if not isinstance(o, layers.InputLayer)],
        dense_weights(
            *(o.name for o in model.layers if o.name in ("one", "two", "three")), "head"
        ),
    )


def jit_compiled() -> Kind:
    kind = residual()
    _compiled(kind.model, jit_compile=True)
    return kind


def half_precision() -> Kind:
    """Layers of float16 and bfloat16, by their own policies."""
    model = keras.Sequential(
        [
            layers.Input((3,), name="x"),
            layers.Dense(4, dtype="mixed_float16", activation="tanh", name="half"),
            layers.Dense(4, dtype="mixed_bfloat16", activation="tanh", name="brain"),
            layers.Dense(2, name="head"),
        ]
    )
    return Kind(
        _compiled(model),
        random(BATCH, 3),
        random(BATCH, 2),
        ["x"],
        ["half", "brain", "head"],
        dense_weights("half", "brain", "head"),
    )


ALL_KINDS: Final = (
    sequential,
    lazy_sequential,
    residual,
    inception,
    operators,
    containers,
    compiled_call,
    never_called,
    eager,
    tied,
    three_deep,
    composite,
    shared_layer,
    shared_model,
    lists,
    dict_in_tuple_out,
    dicts,
    time_distributed,
    masked_bidirectional,
    recurrent,
    stacked_cells,
    self_attention,
    cross_attention,
    several_outputs,
    penalised,
    unconnected,
    frozen,
    convolutions,
    jit_compiled,
    half_precision,
)
