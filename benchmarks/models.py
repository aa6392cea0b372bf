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


def lenet(keras: Any, batch: int = 128) -> Case:
    """The convolutional net of keract's README, a batch of 28 × 28."""
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
    return Case(model, _images(batch, 28, 28, 1), _classes(10, batch))


def vgg16(keras: Any, batch: int = 2) -> Case:
    """VGG16, a batch of 224 × 224."""
    model = keras.applications.VGG16(weights=None)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return Case(model, _images(batch, 224, 224, 3), _classes(1000, batch))


def resnet50(keras: Any, batch: int = 8) -> Case:
    """ResNet50, a batch of 224 × 224."""
    model = keras.applications.ResNet50(weights=None)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return Case(model, _images(batch, 224, 224, 3), _classes(1000, batch))


def lstm(keras: Any, batch: int = 32) -> Case:
    """Two LSTMs, a batch of 100 steps."""
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
    return Case(model, _images(batch, 100, 32), _classes(10, batch))


CASES: dict[str, Callable[..., Case]] = {
    "lenet": lenet,
    "lstm": lstm,
    "vgg16": vgg16,
    "resnet50": resnet50,
}

TITLES = {
    "lenet": "LeNet",
    "lstm": "two LSTMs",
    "vgg16": "VGG16",
    "resnet50": "ResNet50",
}


def first_samples(values: Any, count: int) -> Any:
    """So many samples of a batch, from its start again where it has fewer."""
    return np.resize(values, (count, *values.shape[1:]))
