"""Shows a net an image and a number, and asks it whether the image is of that number.

What you will see: one image is shown with each of the ten numbers; the answers are no,
but for one. The activations come by name, those of the two inputs first. Pictures have
a row for each number, a column for each unit: `question`, what the number asks for;
`product`, that times the evidence in the image, positive only in the row of the right
number; and how strongly the loss pulls at the evidence if all ten answers are to be
yes: in that row not at all.

    python examples/multi_input.py [--output activations/multi_input] [--epochs 15]

Runs on a CPU in some seconds. The digits, 8 × 8 pixels, come with scikit-learn.
"""

from __future__ import annotations

import argparse

import keras
import numpy as np
from sklearn.datasets import load_digits

import tensorboard_keract as tk


def build_model() -> keras.Model:
    layers = keras.layers
    image = layers.Input((8, 8, 1), name="image")
    number = layers.Input((), dtype="int32", name="number")
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv")(image)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    evidence = layers.Dense(20, activation="relu", name="evidence")(x)
    question = layers.Embedding(10, 20, name="question")(number)
    product = layers.Multiply(name="product")([evidence, question])
    score = keras.ops.sum(product, axis=1, keepdims=True)
    answer = layers.Activation("sigmoid", name="answer")(score)
    model = keras.Model({"image": image, "number": number}, answer, name="is_it")
    model.compile(
        keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"]
    )
    return model


def questions(images: np.ndarray, digits: np.ndarray) -> tuple[dict, np.ndarray]:
    """Each image twice: with its own number, and with another one."""
    others = (digits + np.random.default_rng(0).integers(1, 10, len(digits))) % 10
    x = {
        "image": np.concatenate([images, images]),
        "number": np.concatenate([digits, others]).astype("int32"),
    }
    y = np.repeat([1.0, 0.0], len(digits))[:, np.newaxis]
    return x, y


def as_map(values: np.ndarray) -> np.ndarray:
    """[number, unit] as one map, [1, number, unit, 1]."""
    return values[np.newaxis, :, :, np.newaxis]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", default="activations/multi_input")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)

    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16).astype("float32")
    x, y = questions(images[:1500], digits.target[:1500])
    model = build_model()
    model.fit(x, y, batch_size=64, epochs=arguments.epochs, verbose=2)
    x_test, y_test = questions(images[1500:], digits.target[1500:])
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"\nright on {accuracy:.0%} of what it was not trained on\n")

    # One image, ten numbers.
    chosen = 1500 + int(np.argmax(digits.target[1500:] == 4))
    x = {
        "image": np.repeat(images[chosen : chosen + 1], 10, axis=0),
        "number": np.arange(10, dtype="int32"),
    }
    activations = tk.get_activations(model, x)
    gradients = tk.get_gradients_of_activations(model, x, np.ones((10, 1)))
    for name, values in activations.items():
        print(f"{name}: {values.shape}")
    print(f"\nAn image of a {digits.target[chosen]}")
    for number, (answer,) in enumerate(activations["answer"]):
        pull = np.abs(gradients["evidence"][number]).max()
        print(f"is it a {number}? {answer:.2f}; gradient for a yes: {pull:.4f}")

    pictures = tk.display_activations(
        {
            "image": activations["image"][:1],
            "conv": activations["conv"][:1],
            "question": as_map(activations["question"]),
            "product": as_map(activations["product"]),
            "gradient of evidence, absolute": as_map(np.abs(gradients["evidence"])),
        },
        save=True,
        directory=arguments.output,
    )
    print("\nPictures:", *pictures, sep="\n")


if __name__ == "__main__":
    main()
