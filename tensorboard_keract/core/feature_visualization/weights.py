"""Kernels of a convolution as images: what the first layer looks for, as it is."""

from __future__ import annotations

import keras
import numpy as np

from tensorboard_keract.core.arguments import check_model
from tensorboard_keract.core.feature_visualization.visualization import (
    FeatureVisualization,
)
from tensorboard_keract.core.layer_selection import LayerSelector, select_layers


def visualize_weights(
    model: keras.Model, layer: LayerSelector | None = None
) -> FeatureVisualization:
    """The kernels of a two-dimensional convolution as images, one for each filter.

    A filter of the first layer gives most for what looks like its kernel. Deeper ones
    have no such images: see `maximize_activation`.

    Args:
      model: a built Keras 3 model.
      layer: name, path, glob, layer, class or index; None for the first convolution.

    Returns:
      Images float32 [filter, height, width, input channel], the weights as they are.

    Raises:
      UnknownLayerError: a KeyError, if no layer fits; lists the layers.
      ValueError: if the model has no convolution, several layers fit, or the layer is
        none or not built.
      TypeError: if `model` is no Keras 3 model.
    """
    check_model(model)
    known = list(_paths(model, ""))
    convolutions = {path for path, one in known if _has_kernels(one)}
    listed = ", ".join(path for path, _ in known if path in convolutions) or "none"
    if layer is None:
        chosen = [path for path, _ in known if path in convolutions][:1]
    else:
        chosen = list(dict.fromkeys(select_layers(known, layer)))
    if len(chosen) != 1 or chosen[0] not in convolutions:
        what = ", ".join(chosen) or "Nothing"
        raise ValueError(
            f"{what} is not one built two-dimensional convolution. The model has:"
            f" {listed}."
        )
    kernel = np.asarray(dict(known)[chosen[0]].kernel, np.float32)
    images = np.moveaxis(kernel, -1, 0)
    return FeatureVisualization(
        method="visualize_weights",
        images=images,
        scores=np.full(len(images), np.nan, np.float32),
        site=chosen[0],
        units=np.arange(len(images)),
    )


def _has_kernels(layer: keras.layers.Layer) -> bool:
    is_convolution = isinstance(layer, keras.layers.Conv2D)
    return is_convolution and getattr(layer, "kernel", None) is not None


def _paths(
    layer: keras.layers.Layer, above: str
) -> list[tuple[str, keras.layers.Layer]]:
    """All layers in a layer with their paths, whether they are called or not."""
    found = []
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        path = f"{above}/{inner.name}" if above else str(inner.name)
        found += [(path, inner), *_paths(inner, path)]
    return found
