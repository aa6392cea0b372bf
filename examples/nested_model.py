"""Compares two digits with one encoder, and picks layers inside it.

What you will see: a model that calls another model twice, for the left image and for
the right one. Each call has a path of its own, so that one sees what one convolution
makes of two images: `encoder@0/conv` and `encoder@1/conv`. Of the pictures, `codes` has
three rows of units: those of a digit, of another image of the same digit, and of
another digit; the first two are alike. The printed lines show ways to choose layers.

    python examples/nested_model.py [--output activations/nested_model] [--epochs 8]

Runs on a CPU in some seconds. The digits, 8 × 8 pixels, come with scikit-learn.
"""

from __future__ import annotations

import argparse
from typing import Any

import keras
import numpy as np
from sklearn.datasets import load_digits

import tensorboard_keract as tk


def build_model() -> keras.Model:
    layers = keras.layers
    encoder = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(24, activation="tanh", name="code"),
        ],
        name="encoder",
    )
    left = layers.Input((8, 8, 1), name="left")
    right = layers.Input((8, 8, 1), name="right")
    difference = keras.ops.abs(encoder(left) - encoder(right))
    same = layers.Dense(1, activation="sigmoid", name="same")(difference)
    model = keras.Model([left, right], same, name="siamese")
    model.compile(
        keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"]
    )
    return model


def pairs(
    images: np.ndarray, digits: np.ndarray, count: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Pairs of images, half of them of one digit, and whether they are."""
    random = np.random.default_rng(0)
    left = random.integers(0, len(digits), count)
    same = random.random(count) < 0.5
    right = [
        random.choice(np.flatnonzero((digits == digits[i]) == is_same))
        for i, is_same in zip(left, same, strict=True)
    ]
    return [images[left], images[right]], same[:, np.newaxis].astype("float32")


def print_chosen(model: keras.Model, x: list[np.ndarray], **choice: Any) -> None:
    words = [f"{k}={getattr(v, '__name__', repr(v))}" for k, v in choice.items()]
    chosen = tk.get_activations(model, x, **choice)
    print(f"{', '.join(words) or 'all'}:\n    {', '.join(chosen)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", default="activations/nested_model")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)

    data = load_digits()
    digits, images = data.target, (data.images[..., np.newaxis] / 16).astype("float32")
    unseen = np.arange(len(images)) % 6 == 0
    model = build_model()
    x, y = pairs(images[~unseen], digits[~unseen], 4500)
    model.fit(x, y, epochs=arguments.epochs, verbose=2)
    x, y = pairs(images[unseen], digits[unseen], 1000)
    _, accuracy = model.evaluate(x, y, verbose=0)
    print(f"\nright on {accuracy:.0%} of pairs of images that it was not trained on\n")

    threes = np.flatnonzero(unseen & (digits == 3))
    four = np.flatnonzero(unseen & (digits == 4))[0]
    x = [images[[threes[0], threes[0]]], images[[threes[1], four]]]
    print_chosen(model, x)
    print_chosen(model, x, nested=True)
    print_chosen(model, x, layer_names="encoder@1/conv")
    print_chosen(model, x, layer_names="encoder/conv")
    print_chosen(model, x, layer_names=["left", "*/pool"])
    print_chosen(model, x, layer_names=keras.layers.Conv2D, nested=True)
    print_chosen(model, x, layer_names="encoder@1", nested=True)
    print_chosen(model, x, nested=True, exclude_layers=["pool", "flatten"])

    activations = tk.get_activations(model, x, nested=True)
    for pair, (same,) in zip(("3 and 3", "3 and 4"), activations["same"], strict=True):
        print(f"\n{pair}: the same with probability {same:.2f}", end="")
    code, other_code = activations["encoder@0/code"], activations["encoder@1/code"]
    codes = np.stack([code[0], *other_code])
    names = ("left", "encoder@0/conv", "right", "encoder@1/conv")
    pictures = tk.display_activations(
        {name: activations[name][:1] for name in names}
        | {"codes": codes[np.newaxis, :, :, np.newaxis]},
        save=True,
        directory=arguments.output,
    )
    print("\n\nPictures:", *pictures, sep="\n")


if __name__ == "__main__":
    main()
