"""Lays what VGG16's first convolution sees over a photograph.

What you will see: a photograph of a temple, and the 64 feature maps of `block1_conv1`,
once by themselves and once over the photograph. Each of its filters looks at 3 × 3
pixels: some answer to edges of one direction, some to a colour, some pass the image on.
Nothing behind this layer is computed.

    python examples/vgg16_first_conv.py [--output activations/vgg16_first_conv]

The first run downloads the weights through `keras.applications`, 58 MB. Without a
network, `--weights none` shows what random filters see. Runs on a CPU in seconds. The
photograph comes with scikit-learn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_sample_image

import tensorboard_keract as tk

LAYER = "block1_conv1"


def photograph(side: int) -> np.ndarray:
    """[height, width, channel] of 0 ... 255: the middle, made smaller."""
    image = load_sample_image("china.jpg").astype("float32")
    return np.asarray(
        keras.ops.image.resize(
            image, (side, side), antialias=True, crop_to_aspect_ratio=True
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", default="activations/vgg16_first_conv")
    parser.add_argument("--weights", choices=["imagenet", "none"], default="imagenet")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)

    weights = None if arguments.weights == "none" else arguments.weights
    model = keras.applications.VGG16(include_top=False, weights=weights)
    image = photograph(side=224)
    x = keras.applications.vgg16.preprocess_input(image[np.newaxis].copy())

    activations = tk.get_activations(model, x, layer_names=LAYER)
    maps = activations[LAYER]
    print(f"Of {len(model.layers)} layers: {', '.join(activations)}, {maps.shape}")
    answering = (maps > 0).mean(axis=(0, 1, 2))  # [channel]
    for channel in answering.argsort()[[0, -1]]:
        print(f"filter {channel} answers to {answering[channel]:.0%} of the pixels")

    output = Path(arguments.output)
    pictures = tk.display_activations(activations, save=True, directory=output / "maps")
    pictures += tk.display_heatmaps(
        activations, image, save=True, directory=output / "heatmaps"
    )
    print("\nPictures:", *pictures, sep="\n")


if __name__ == "__main__":
    main()
