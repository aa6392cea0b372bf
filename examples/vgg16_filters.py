"""Draws what filters of VGG16 look for, from edges to heads.

What you will see: for some layers of VGG16, trained on ImageNet, the images that excite
eight of their filters most: colours and edges first, then textures, then parts of
things. The weights (58 MB) are downloaded once; `--random` does without, and shows what
an untrained net looks for.

    python examples/vgg16_filters.py [--output vgg16_filters] [--size 128] [--random]

Takes some minutes on a CPU, most of them for the last layer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras

import tensorboard_keract as tk

LAYERS = (
    "block1_conv2",
    "block2_conv2",
    "block3_conv3",
    "block4_conv3",
    "block5_conv3",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", default="vgg16_filters", help="where pictures go")
    parser.add_argument("--layers", nargs="+", default=LAYERS)
    parser.add_argument("--filters", type=int, default=8, help="how many of a layer")
    parser.add_argument("--size", type=int, default=128, help="of an image, pixels")
    parser.add_argument("--iterations", type=int, default=256)
    parser.add_argument("--random", action="store_true", help="download no weights")
    arguments = parser.parse_args()
    output = Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(
        weights=None if arguments.random else "imagenet", include_top=False
    )
    for layer in arguments.layers:
        found = tk.maximize_activation(
            model,
            layer,
            range(arguments.filters),
            input_shape=(arguments.size, arguments.size, 3),
            input_range=(0, 255),
            preprocess=keras.applications.vgg16.preprocess_input,
            max_iter=arguments.iterations,
        )
        path = output / f"{layer}.png"
        path.write_bytes(found.to_png())
        rise = found.scores + found.losses["Channel"][0]
        told = ", ".join(f"{of_filter:.2f}" for of_filter in rise)
        print(f"{layer}: activations rose by {told}; see {path}")


if __name__ == "__main__":
    main()
