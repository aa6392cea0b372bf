"""Trains a small conv net on handwritten digits and records what happens inside.

What you will see in TensorBoard's Keract tab: ten handwritten digits pass through
the net at every tenth batch. In `conv1`, edge detectors form out of noise within the
first epoch; in `conv2`, strokes; in `probs`, the bars settle on the right digit. The
heatmaps say which strokes speak for a digit, and which against it.

    python examples/digits.py [--log-dir logs/digits] [--epochs 6]

Runs on a CPU in well under a minute. The digits, 8 × 8 pixels, come with
scikit-learn.
"""

from __future__ import annotations

import argparse
import logging

import keras
import numpy as np
from sklearn.datasets import load_digits

import tensorboard_keract as tk


def build_model() -> keras.Model:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Resizing(24, 24, interpolation="bicubic", name="resize"),
            layers.Conv2D(16, 5, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(64, activation="relu", name="dense"),
            layers.Dense(10, activation="softmax", name="probs"),
        ],
        name="digits",
    )
    model.compile(
        keras.optimizers.Adam(2e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--log-dir", default="logs/digits")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("tensorboard_keract").setLevel(logging.INFO)
    keras.utils.set_random_seed(arguments.seed)

    digits = load_digits()
    images = (digits.images[..., None] / 16).astype("float32")
    x, y = images[:1500], digits.target[:1500]
    x_test, y_test = images[1500:], digits.target[1500:]

    # The probe: the first digit of each class that the net is not trained on.
    chosen = [int(np.argmax(y_test == digit)) for digit in range(10)]
    callback = tk.KeractCallback(
        arguments.log_dir,
        probe=(x_test[chosen], y_test[chosen]),
        update_freq=10,
        class_names=[str(digit) for digit in range(10)],
        max_samples=10,
        attributions=["grad_cam", "integrated_gradients", "occlusion"],
    )
    build_model().fit(
        x,
        y,
        validation_data=(x_test, y_test),
        epochs=arguments.epochs,
        callbacks=[callback],
    )
    print(
        f"\nRecorded to {arguments.log_dir}. To look at it:\n\n"
        f"    tensorboard --logdir {arguments.log_dir}\n\n"
        "and open the Keract tab."
    )


if __name__ == "__main__":
    main()
