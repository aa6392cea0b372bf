"""Reads digits row by row with an LSTM, and watches it make up its mind.

What you will see: the net gets an 8 × 8 digit as eight rows, one after the other, and
guesses the digit after each. After the first row the guess is spread over many digits,
after the last one is left; the picture `guess` has a row for each step, a column for
each digit. The LSTM returns its states at all steps, the last state and the last cell:
a list under its name, and three pictures. `lstm:0` is a strip for each unit, from the
first step to the last; in `lstm:1` and `lstm:2` units lie side by side.

    python examples/recurrent.py [--output activations/recurrent] [--epochs 12]

Runs on a CPU in some seconds. The digits come with scikit-learn.
"""

from __future__ import annotations

import argparse

import keras
import numpy as np
from sklearn.datasets import load_digits

import tensorboard_keract as tk

STEPS = 8


def build_model() -> keras.Model:
    layers = keras.layers
    rows = layers.Input((STEPS, 8), name="rows")
    states, _, _ = layers.LSTM(
        36, return_sequences=True, return_state=True, name="lstm"
    )(rows)
    guess = layers.Dense(10, activation="softmax", name="guess")(states)
    model = keras.Model(rows, guess, name="reader")
    model.compile(
        keras.optimizers.Adam(5e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", default="activations/recurrent")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)

    digits = load_digits()
    rows = (digits.images / 16).astype("float32")
    unseen = np.arange(len(rows)) % 6 == 0
    answers = np.repeat(digits.target[:, np.newaxis], STEPS, axis=1)
    model = build_model()
    model.fit(rows[~unseen], answers[~unseen], epochs=arguments.epochs, verbose=2)

    guesses = tk.get_activations(model, rows[unseen], layer_names="guess")["guess"]
    right = (guesses.argmax(axis=-1) == answers[unseen]).mean(axis=0)
    chosen = int(np.flatnonzero(unseen & (digits.target == 3))[0])
    activations = tk.get_activations(model, rows[chosen : chosen + 1])

    states, last_state, last_cell = activations["lstm"]
    print(f"\nlstm, a list: {states.shape}, {last_state.shape}, {last_cell.shape}")
    same = np.array_equal(states[:, -1], last_state)
    print(f"its last state is the second of them: {same}")
    print(
        "\nOf digits that it was not trained on, a 3, and how often it is right on all"
    )
    for step in range(STEPS):
        row = "".join(" .:*#"[round(value * 4)] for value in rows[chosen, step])
        guess = activations["guess"][0, step]
        print(
            f"after row {step + 1} |{row}| {guess.argmax()} ({guess.max():.2f}),"
            f" right on {right[step]:.0%}"
        )

    pictures = tk.display_activations(
        {
            "rows": activations["rows"][..., np.newaxis],  # As one map each.
            "lstm": activations["lstm"],
            "guess": activations["guess"][..., np.newaxis],
        },
        save=True,
        directory=arguments.output,
    )
    print("\nPictures:", *pictures, sep="\n")


if __name__ == "__main__":
    main()
