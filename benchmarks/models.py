"""The models that the benchmarks measure, with a batch for each.

Each is built with the Keras it is handed: Keras 3, or for a peer that needs it, the
legacy one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """A compiled model and a batch."""

    model: Any
    x: Any
    y: Any


def _classes(count: int, batch: int) -> Any:
    return np.random.default_rng(1).integers(0, count, batch).astype(np.int32)


def _images(*shape: int) -> Any:
    return np.random.default_rng(0).random(shape, np.float32)


def lenet(keras: Any) -> Case:
    """The convolutional net of keract's README, batch 128 of 28 × 28."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return Case(model, _images(128, 28, 28, 1), _classes(10, 128))


def vgg16(keras: Any) -> Case:
    """VGG16, batch 2 of 224 × 224."""
    model = keras.applications.VGG16(weights=None)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return Case(model, _images(2, 224, 224, 3), _classes(1000, 2))


def resnet50(keras: Any) -> Case:
    """ResNet50, batch 8 of 224 × 224."""
    model = keras.applications.ResNet50(weights=None)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return Case(model, _images(8, 224, 224, 3), _classes(1000, 8))


def lstm(keras: Any) -> Case:
    """Two LSTMs, batch 32 of 100 steps."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((100, 32)),
            layers.LSTM(64, return_sequences=True),
            layers.LSTM(64),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return Case(model, _images(32, 100, 32), _classes(10, 32))


CASES: dict[str, Callable[[Any], Case]] = {
    "lenet": lenet,
    "lstm": lstm,
    "vgg16": vgg16,
    "resnet50": resnet50,
}
