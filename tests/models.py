"""Small Keras models of every kind, with a batch that fits each. Seconds to train."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np

layers = keras.layers


class ModelCase(NamedTuple):
    """A compiled model, and x and y for it."""

    model: keras.Model
    x: Any
    y: Any


def _random(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def sequential() -> ModelCase:
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5, name="dropout"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, name="dense", kernel_regularizer="l2"),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"])
    return ModelCase(model, _random(4, 8, 8, 1), _random(4, 3))


def classifier() -> ModelCase:
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, activation="softmax", name="probs"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return ModelCase(model, _random(4, 8, 8, 1), np.array([0, 1, 2, 1]))


def nested() -> ModelCase:
    block = keras.Sequential(
        [
            layers.Conv2D(6, 3, name="conv", activation="relu"),
            layers.MaxPooling2D(name="pool"),
        ],
        name="block",
    )
    image = layers.Input((8, 8, 1), name="image")
    flat = layers.Flatten(name="flatten")(block(image))
    model = keras.Model(image, layers.Dense(3, name="dense")(flat))
    model.compile("adam", "mse")
    return ModelCase(model, _random(4, 8, 8, 1), _random(4, 3))


def shared() -> ModelCase:
    twice = layers.Dense(4, activation="tanh", name="twice")
    x = layers.Input((4,), name="x")
    both = layers.Add(name="both")([twice(x), twice(twice(x))])
    model = keras.Model(x, layers.Dense(3, name="dense")(both))
    model.compile("adam", "mse")
    return ModelCase(model, _random(4, 4), _random(4, 3))


def several_ends() -> ModelCase:
    a, b = layers.Input((5,), name="a"), layers.Input((5,), name="b")
    total = layers.Add(name="total")([a, b])
    ends = [layers.Dense(1, name="one")(total), layers.Dense(2, name="two")(total)]
    model = keras.Model([a, b], ends)
    model.compile("adam", ["mse", "mae"], loss_weights=[1.0, 0.5])
    return ModelCase(
        model, [_random(4, 5), _random(4, 5) + 1], [_random(4, 1), _random(4, 2)]
    )


def recurrent() -> ModelCase:
    tokens = layers.Input((7,), dtype="int32", name="tokens")
    vectors = layers.Embedding(20, 4, name="embedding")(tokens)
    sequence, state, _ = layers.LSTM(
        5, return_sequences=True, return_state=True, name="lstm"
    )(vectors)
    pooled = layers.GlobalAveragePooling1D(name="pooled")(sequence)
    joined = layers.Concatenate(name="joined")([pooled, state])
    model = keras.Model(tokens, layers.Dense(3, name="dense")(joined))
    model.compile("adam", "mse")
    x = np.random.default_rng(0).integers(0, 20, (4, 7)).astype(np.int32)
    return ModelCase(model, x, _random(4, 3))


@keras.saving.register_keras_serializable()
class Subclassed(keras.Model):
    """A model with a call of its own, a nested model, and a weight of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.conv = layers.Conv2D(4, 3, activation="relu", name="conv")
        self.flatten = layers.Flatten(name="flatten")
        self.block = keras.Sequential(
            [layers.Dense(5, name="dense"), layers.ReLU(name="relu")], name="block"
        )
        self.head = layers.Dense(3, name="head")
        self.scale = self.add_weight(shape=(3,), name="scale", initializer="ones")

    def call(self, x: Any) -> Any:
        hidden = self.block(self.flatten(self.conv(x)))
        return (self.head(hidden) + self.head(hidden * 2)) * self.scale


def subclassed() -> ModelCase:
    model = Subclassed(name="subclassed")
    model.compile("adam", "mse")
    x = _random(4, 8, 8, 1)
    model(x)
    return ModelCase(model, x, _random(4, 3))


ALL_CASES = (
    sequential,
    classifier,
    nested,
    shared,
    several_ends,
    recurrent,
    subclassed,
)
