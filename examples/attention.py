"""Trains one attention layer to find runners in the order of a race.

What you will see: eight runners come in, in random order, and the net is to say at
what place each one is. There is one way to know: position r, which answers for runner
r, has to look at the place where that runner stands. Pictures of
`attention/attention_scores`, a map for each head, a row for each query, a column for
each key, show that it learns to: before training every key gets an eighth of each query;
after it one head has one bright key in each row, and another one in another race.

    python examples/attention.py [--output activations/attention] [--epochs 3]

Needs no data. Runs on a CPU in some seconds.
"""

from __future__ import annotations

import argparse

import keras
import numpy as np

import tensorboard_keract as tk

RUNNERS = 8


class Positions(keras.layers.Layer):
    """Adds to each vector of a sequence one that is learned for its position."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.vectors = self.add_weight(
            shape=input_shape[1:], initializer="random_normal", name="vectors"
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs + self.vectors


def build_model() -> keras.Model:
    layers = keras.layers
    arrivals = layers.Input((RUNNERS,), dtype="int32", name="arrivals")
    runners = layers.Embedding(RUNNERS, 16, name="runners")(arrivals)
    placed = Positions(name="positions")(runners)
    found = layers.MultiHeadAttention(2, 16, name="attention")(placed, placed)
    places = layers.Dense(RUNNERS, activation="softmax", name="places")(found)
    model = keras.Model(arrivals, places, name="race")
    model.compile(
        keras.optimizers.Adam(5e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def races(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Runners by place, and places by runner, each [race, 8]."""
    random = np.random.default_rng(0)
    arrivals = random.permuted(np.tile(np.arange(RUNNERS), (count, 1)), axis=1)
    return arrivals.astype("int32"), np.argsort(arrivals)


def attention_scores(model: keras.Model, arrivals: np.ndarray) -> np.ndarray:
    """[race, head, query, key], a share of 1 for each key."""
    name = "attention/attention_scores"
    return tk.get_activations(model, arrivals, layer_names=name)[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", default="activations/attention")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)

    arrivals, places = races(4000)
    model = build_model()
    before = attention_scores(model, arrivals[:1])
    model.fit(arrivals[100:], places[100:], epochs=arguments.epochs, verbose=2)
    scores = attention_scores(model, arrivals[:100])

    looked_at = scores.argmax(axis=-1)  # [race, head, query]
    right = (looked_at == places[:100, np.newaxis]).sum(axis=(0, 2))
    print(f"\nattention/attention_scores, [race, head, query, key]: {scores.shape}")
    for head, count in enumerate(right):
        print(f"head {head} looks at the right key for {count} of 800 queries")
    head = int(right.argmax())
    print(f"\nrace 1: {arrivals[0]} in this order; through head {head}")
    for query, key in enumerate(looked_at[0, head]):
        share = scores[0, head, query, key]
        runner = arrivals[0, key]
        print(f"query {query} looks at key {key} ({share:.2f}): runner {runner}")

    pictures = tk.display_activations(
        {
            "attention_scores of race 1, untrained": before,
            "attention_scores of race 1": scores[:1],
            "attention_scores of race 2": scores[1:2],
        },
        save=True,
        directory=arguments.output,
        data_format="channels_first",  # Heads come second; each is a map.
    )
    print("\nPictures:", *pictures, sep="\n")


if __name__ == "__main__":
    main()
