"""Trains a net to read a digit in clutter, and draws where it looks.

What you will see: each picture has one handwritten digit somewhere, among strokes that
mean nothing. Nobody tells the net where the digit is, and yet, with training, the
heatmaps come to lie on it: in the Keract tab of TensorBoard from step to step. How much
of the heat does is printed, before and after.

    python examples/explain.py [--output explanations] [--log-dir logs/explain]
        [--epochs 8]

Uses the digits that come with scikit-learn. Runs on a CPU in half a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

import tensorboard_keract as tk

SIZE = 24
DIGIT = 8
METHODS = {
    "grad_cam": tk.grad_cam,
    "layer_cam": tk.layer_cam,
    "integrated_gradients": tk.integrated_gradients,
    "guided_backprop": tk.guided_backprop,
    "occlusion": tk.occlusion,
}


def make_data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images [sample, 24, 24, 1] of 0 to 1, labels, and top and left of each digit."""
    digits, labels = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    images = np.zeros((len(digits), SIZE, SIZE), np.float32)
    places = random.integers(0, SIZE - DIGIT + 1, (len(digits), 2))
    for image, digit, (top, left) in zip(images, digits, places, strict=True):
        for _ in range(6):  # Strokes: straight, so that no digit comes of them.
            at = random.integers(0, SIZE - 6, 2)
            length = random.integers(3, 7)
            row, column = random.permutation([length, 1])
            image[at[0] : at[0] + row, at[1] : at[1] + column] = random.uniform(0.5, 1)
        image[top : top + DIGIT, left : left + DIGIT] = digit.reshape(8, 8) / 16
    return images[..., np.newaxis], labels.astype("int32"), places


def build_model() -> keras.Model:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((SIZE, SIZE, 1), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="strokes"),
            layers.Conv2D(64, 3, activation="relu", name="parts"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(96, 3, activation="relu", name="digits"),
            layers.GlobalMaxPooling2D(name="anywhere"),
            layers.Dense(10, activation="softmax", name="probs"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(2e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def share_on_digit(explanation: tk.Explanation, places: np.ndarray) -> float:
    """Of all heat above zero, how much lies where the digit is; the mean of samples."""
    heat = np.maximum(explanation.resized(), 0)
    shares = []
    for one, (top, left) in zip(heat, places, strict=True):
        inside = one[top : top + DIGIT, left : left + DIGIT].sum()
        shares.append(inside / one.sum() if one.sum() else 0.0)
    return float(np.mean(shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", default="explanations", help="where pictures go")
    parser.add_argument("--log-dir", default="logs/explain", help="of the run")
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args()
    output = Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(0)
    x, y, places = make_data()
    shown, targets, boxes = x[-16:], y[-16:], places[-16:]
    model = build_model()
    before = {
        name: share_on_digit(method(model, shown, targets), boxes)
        for name, method in METHODS.items()
    }
    callback = tk.KeractCallback(
        arguments.log_dir,
        probe=(shown, targets),
        attributions=["grad_cam", ("integrated_gradients", {"steps": 20}), "occlusion"],
    )
    model.fit(
        x[:-300],
        y[:-300],
        epochs=arguments.epochs,
        batch_size=64,
        verbose=2,
        callbacks=[callback],
    )
    _, accuracy = model.evaluate(x[-300:], y[-300:], verbose=0)
    print(f"\nReads {accuracy:.0%} of 300 digits that it has not seen.")
    print(f"Of the heat on a digit, {DIGIT**2 / SIZE**2:.0%} of the picture:")
    for name, method in METHODS.items():
        explanation = method(model, shown, targets)
        after = share_on_digit(explanation, boxes)
        print(f"{name:<22}{before[name]:>5.0%} untrained{after:>6.0%} trained")
        for sample in range(4):
            picture = explanation.to_png(sample)
            (output / f"{name}_{sample}.png").write_bytes(picture)
    print(f"Pictures are in {output}/. Over the steps of training they are here:")
    print(f"    tensorboard --logdir {arguments.log_dir}")


if __name__ == "__main__":
    main()
