"""Trains a conv net on MNIST and records what happens inside.

What you will see in TensorBoard's Keract tab: the feature maps of ten test digits
at each hundredth batch, and how far the gradients reach.

    python examples/mnist.py [--log-dir logs/mnist] [--epochs 2]

The first run downloads MNIST through `keras.datasets`. About a minute an epoch on a
CPU. Without a network, see digits.py.
"""

from __future__ import annotations

import argparse

import keras
import numpy as np

import tensorboard_keract as tk


def build_model() -> keras.Model:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28, 1), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(128, activation="relu", name="dense"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(10, activation="softmax", name="probs"),
        ],
        name="mnist",
    )
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--log-dir", default="logs/mnist")
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()

    (x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
    x, x_test = (part[..., None].astype("float32") / 255 for part in (x, x_test))

    chosen = [int(np.argmax(y_test == digit)) for digit in range(10)]
    callback = tk.KeractCallback(
        arguments.log_dir,
        probe=(x_test[chosen], y_test[chosen]),
        update_freq=100,
        class_names=[str(digit) for digit in range(10)],
        max_samples=10,
    )
    build_model().fit(
        x,
        y,
        batch_size=128,
        validation_data=(x_test, y_test),
        epochs=arguments.epochs,
        callbacks=[callback],
    )
    print(f"\nTo look at it: tensorboard --logdir {arguments.log_dir}")


if __name__ == "__main__":
    main()
