"""Trains a net to read digits, and draws what it takes for each of the ten.

What you will see: ten images that no one has written. Each began as grey noise and was
changed, step by step, until the net was sure of its class, and smooth and dark besides:
most look like the digit. Further pictures have them on their way.

    python examples/class_images.py [--output class_images] [--epochs 25]

Uses the digits that come with scikit-learn. Runs on a CPU in half a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import tensorboard_keract as tk
from tensorboard_keract import regularizers, transforms

SIZE = 16
CLASSES = 10

# A digit that is shifted, turned and scaled a little is the same digit.
TRANSFORMS = [
    transforms.Pad(1, 0.0),
    transforms.Jitter(1),
    transforms.Scale(0.9, 1.1),
    transforms.Rotate(8),
]
# Strokes are smooth, and paper is black where there are none.
REGULARIZERS = [
    (regularizers.TotalVariation(), 0.3),
    (regularizers.LpNorm(centre=0.0), 1.0),
]


def make_data() -> tuple[np.ndarray, np.ndarray]:
    """Images [sample, 16, 16, 1] of 0 to 1, and labels."""
    digits, labels = load_digits(return_X_y=True)
    images = digits.reshape(-1, 8, 8, 1).astype("float32") / 16
    return np.asarray(tf.image.resize(images, (SIZE, SIZE))), labels.astype("int32")


def build_model() -> keras.Model:
    """Sees noise and shifts while it trains, so that it learns shapes, not pixels."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((SIZE, SIZE, 1), name="image"),
            layers.GaussianNoise(0.7),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
            layers.Conv2D(
                16, 3, strides=2, padding="same", activation="relu", name="strokes"
            ),
            layers.Conv2D(
                32, 3, strides=2, padding="same", activation="relu", name="parts"
            ),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(CLASSES, activation="softmax", name="probs"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(2e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def unsure_of_class(seen) -> tf.Tensor:
    """How far the net is from being sure that image 0 is a 0, image 1 a 1, …"""
    return keras.losses.sparse_categorical_crossentropy(
        tf.range(CLASSES), seen.output(), from_logits=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", default="class_images", help="where pictures go")
    parser.add_argument("--epochs", type=int, default=25)
    arguments = parser.parse_args()
    output = Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(0)
    x, y = make_data()
    model = build_model()
    model.fit(x[:-300], y[:-300], epochs=arguments.epochs, batch_size=64, verbose=2)
    _, accuracy = model.evaluate(x[-300:], y[-300:], verbose=0)
    print(f"\nReads {accuracy:.0%} of 300 digits that it has not seen.")

    found = tk.minimize(
        model, [unsure_of_class], REGULARIZERS, TRANSFORMS, images=CLASSES, max_iter=400
    )
    (output / "classes.png").write_bytes(found.to_png(domain=(0, 1)))
    for frame, iteration in enumerate(found.frame_iterations):
        name = f"classes_{iteration:03d}.png"
        (output / name).write_bytes(found.to_png(domain=(0, 1), frame=frame))
    probabilities = model.predict(found.images, verbose=0)
    print("Its own images, as it reads them:")
    for digit, of_image in enumerate(probabilities):
        print(f"{digit} is read as {of_image.argmax()}, {of_image.max():.0%} sure")

    print(f"Pictures are in {output}/.")


if __name__ == "__main__":
    main()
