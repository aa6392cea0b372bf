"""Class activation maps: which places of a layer's maps speak for a class.

With A [batch, *spatial, channel] the output of a layer, s the score, and
G = ∂s/∂A. Sums and means over places are over all spatial axes, be they of images,
series or volumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tensorboard_keract.core.attribution.explaining import (
    Array,
    Batch,
    Options,
    OptionsDict,
    score_alone,
    site_of,
)
from tensorboard_keract.core.attribution.explanation import Explanation
from tensorboard_keract.core.attribution.resizing import resized
from tensorboard_keract.core.attribution.score_pass import INPUT, Explained, Reduce
from tensorboard_keract.core.attribution.targets import Targets
from tensorboard_keract.core.layer_selection import LayerSelector

if TYPE_CHECKING:
    from typing_extensions import Unpack


def grad_cam(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    layer: LayerSelector | None = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """Grad-CAM: channels weighted by the mean of their gradients.

    ReLU(Σₖ αₖ Aₖ), αₖ = mean over places of Gₖ. Selvaraju et al. 2017,
    https://arxiv.org/abs/1610.02391.

    Example:

    ```python
    explanation = grad_cam(model, images)
    explanation.heatmap.shape  # (8, 14, 14)
    grad_cam(model, images, targets=281, layer="block5_conv3")
    grad_cam(model, images, lambda y: tf.reduce_mean(y[..., 1], axis=(1, 2)))
    ```

    Args:
      model: any Keras 3 model; it need not be compiled.
      x: what `model.predict` takes, as arrays or tensors; batch axis first.
      targets: what is explained: None for each sample's top prediction; a class id, or
        one for each sample; or a function of the model's outputs that gives a score
        [batch]. A sigmoid of one unit has the classes 0 and 1.
      layer: at which the heatmap is made: name, path ("block/conv"), glob, layer, class
        or index. None takes the last that has spatial axes, as many as the input has,
        and is no pooling or dropout.
      **options: `input` and `output`, names where the model has several;
        `use_logits=False` to explain probabilities rather than what a softmax or
        sigmoid makes them of; `memory_limit`, bytes of activations and gradients at
        once; `progress`.

    Returns:
      The explanation; heatmap float32 [batch, *spatial of the layer], 0 and above, in
      units of the score. Where a gradient is NaN or ±Inf so is the heatmap.

    Raises:
      UnknownLayerError: a KeyError, if no layer fits; lists the layers.
      ValueError: if several layers fit, the one has no spatial axes, or the score does
        not depend on it; if a target is beyond the classes; for an unknown input or
        output; if the output has no class axis and targets are no function.
      TypeError: if `model` is no Keras 3 model, or targets are of another type.
      RuntimeError: if Keras runs on another backend than TensorFlow.
    """
    return _mapped("grad_cam", _grad_cam, model, x, targets, layer, options)


def grad_cam_plus_plus(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    layer: LayerSelector | None = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """Grad-CAM++: positive gradients, weighted so that several objects all count.

    ReLU(Σₖ wₖ Aₖ), wₖ = Σ over places of αₖ ReLU(Gₖ) with
    αₖ = Gₖ² / (2 Gₖ² + Gₖ³ Σ Aₖ), 0 where Gₖ is. Chattopadhay et al. 2018,
    https://arxiv.org/abs/1710.11063, eq. 19, which takes the exponential of s as the
    score; its factor exp(s), the same at all places of a sample, is left out.

    Arguments, result and errors are those of `grad_cam`.
    """
    return _mapped(
        "grad_cam_plus_plus", _grad_cam_plus_plus, model, x, targets, layer, options
    )


def hires_cam(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    layer: LayerSelector | None = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """HiResCAM: each value weighted by its own gradient.

    Σₖ Gₖ Aₖ. For a model that ends in one dense layer over the flattened maps it sums up
    to the score but for the bias. Draelos and Carin 2020,
    https://arxiv.org/abs/2011.08891.

    Arguments and errors are those of `grad_cam`. The heatmap is signed: values below
    zero speak against the target.
    """
    return _mapped("hires_cam", _hires_cam, model, x, targets, layer, options, True)


def layer_cam(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    layer: LayerSelector | None = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """LayerCAM: each value weighted by its own gradient, where that is positive.

    ReLU(Σₖ ReLU(Gₖ) Aₖ); made for early layers as well. Jiang et al. 2021,
    https://doi.org/10.1109/TIP.2021.3089943.

    Arguments, result and errors are those of `grad_cam`.
    """
    return _mapped("layer_cam", _layer_cam, model, x, targets, layer, options)


def score_cam(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    layer: LayerSelector | None = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """Score-CAM: channels weighted by the score of the input seen through them.

    ReLU(Σₖ αₖ Aₖ), α the softmax over channels of s(x Hₖ) − s(0), where Hₖ is Aₖ in the
    size of the input, brought to 0 … 1; a constant channel lets nothing through. No
    gradient is needed, but one forward pass for each channel. Wang et al. 2020,
    https://arxiv.org/abs/1910.01279, algorithm 1.

    Arguments, result and errors are those of `grad_cam`, and

    Raises:
      ValueError: if the input is of whole numbers, or has not the spatial axes of the
        layer.
    """
    batch = Batch.of(model, x, targets, Options(**options))
    asked = batch.ask(site_of(layer), _maps, gradients=False)
    found = batch.whole(asked)
    maps = found["maps"]
    samples, channels = maps.shape[0], maps.shape[-1]
    sizes = batch.explained.shape[1 : maps.ndim - 1]
    if len(sizes) < maps.ndim - 2:
        raise ValueError(
            f"The input {batch.explained.shape} lacks spatial axes of {asked.path},"
            f" {maps.shape}: it can't be seen through its maps."
        )
    masks = _to_unit_range(maps)

    def through_channel(copy: Array, sample: Array) -> tuple[Any, Any]:
        # The last copy of each sample sees nothing at all.
        mask = masks[sample, ..., np.minimum(copy, channels - 1)]
        mask[copy == channels] = 0
        mask = resized(mask, sizes)
        return mask.reshape(*mask.shape, *[1] * (batch.site_rank - mask.ndim)), 0

    forward = batch.ask(INPUT, score_alone, gradients=False)
    seen = np.empty((channels + 1, samples), np.float32)
    ids = found.get("target", batch.ids)
    for copy, sample, part in batch.evaluated(
        forward, through_channel, channels + 1, ids
    ):
        seen[copy, sample] = part["score"]
    gains = seen[:-1] - seen[-1]
    weights = np.exp(gains - gains.max(axis=0))
    weights /= weights.sum(axis=0)
    heatmap = np.maximum(np.einsum("n...k,kn->n...", maps, weights), 0)
    return batch.explanation("score_cam", asked, heatmap, found, signed=False)


def activation_heatmap(
    model: keras.Model,
    x: Any,
    layer: LayerSelector | None = None,
    channel: int | None = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """What a layer answers to each place of the input: keract's heatmaps.

    A[k], or the mean over channels. It explains no class.

    Args:
      model, x, layer, **options: as in `grad_cam`.
      channel: k; None merges all.

    Returns:
      The explanation; heatmap float32 [batch, *spatial of the layer], signed where the
      layer gives values below zero; scores are means over places; no targets.

    Raises:
      UnknownLayerError, ValueError, TypeError, RuntimeError: as `grad_cam`, of the
        arguments that there are.
      ValueError: if the layer has no such channel.
    """
    batch = Batch.of(model, x, _no_score, Options(**options))
    asked = batch.ask(site_of(layer), _maps, gradients=False)
    maps = batch.whole(asked)["maps"]
    channels = maps.shape[-1]
    if channel is not None and not 0 <= channel < channels:
        raise ValueError(
            f"channel={channel}; {asked.path} has the channels 0 to {channels - 1}."
        )
    heatmap = maps.mean(axis=-1) if channel is None else maps[..., channel]
    scores = heatmap.mean(axis=tuple(range(1, heatmap.ndim)))
    return batch.explanation(
        "activation_heatmap",
        asked,
        heatmap,
        {"score": scores},
        signed=bool((heatmap < 0).any()),
    )


def _no_score(outputs: Any) -> tf.Tensor:
    first = keras.tree.flatten(outputs)[0]
    return tf.zeros(tf.shape(first)[:1])


def _mapped(
    method: str,
    reduce: Reduce,
    model: keras.Model,
    x: Any,
    targets: Targets,
    layer: LayerSelector | None,
    options: OptionsDict,
    signed: bool = False,
) -> Explanation:
    batch = Batch.of(model, x, targets, Options(**options))
    asked = batch.ask(site_of(layer), reduce)
    found = batch.whole(asked)
    return batch.explanation(method, asked, found["heatmap"], found, signed=signed)


def _grad_cam(site: Explained) -> dict[str, tf.Tensor]:
    maps, gradients = _with_channels_last(site)
    weights = tf.reduce_mean(gradients, _places(maps), keepdims=True)
    return {"heatmap": tf.nn.relu(tf.reduce_sum(weights * maps, -1))}


def _grad_cam_plus_plus(site: Explained) -> dict[str, tf.Tensor]:
    maps, gradients = _with_channels_last(site)
    square = tf.square(gradients)
    total = tf.reduce_sum(maps, _places(maps), keepdims=True)
    shares = tf.math.divide_no_nan(square, 2 * square + square * gradients * total)
    weights = tf.reduce_sum(
        shares * tf.nn.relu(gradients), _places(maps), keepdims=True
    )
    return {"heatmap": tf.nn.relu(tf.reduce_sum(weights * maps, -1))}


def _hires_cam(site: Explained) -> dict[str, tf.Tensor]:
    maps, gradients = _with_channels_last(site)
    return {"heatmap": tf.reduce_sum(gradients * maps, -1)}


def _layer_cam(site: Explained) -> dict[str, tf.Tensor]:
    maps, gradients = _with_channels_last(site)
    return {"heatmap": tf.nn.relu(tf.reduce_sum(tf.nn.relu(gradients) * maps, -1))}


def _maps(site: Explained) -> dict[str, tf.Tensor]:
    maps, _ = _with_channels_last(site)
    return {"maps": maps}


def _with_channels_last(site: Explained) -> tuple[tf.Tensor, tf.Tensor]:
    """The maps and their gradients; zeros in a pass without."""
    gradient = tf.zeros_like(site.value) if site.gradient is None else site.gradient
    if not site.channels_first:
        return site.value, gradient
    order = [0, *range(2, site.value.shape.rank), 1]
    return tf.transpose(site.value, order), tf.transpose(gradient, order)


def _places(maps: tf.Tensor) -> list[int]:
    """The spatial axes."""
    return list(range(1, maps.shape.rank - 1))


def _to_unit_range(maps: Array) -> Array:
    """Each map [batch, *spatial, channel] brought to 0 … 1; a constant one to 0."""
    places = tuple(range(1, maps.ndim - 1))
    low = maps.min(places, keepdims=True)
    span = maps.max(places, keepdims=True) - low
    unit: Array = np.divide(maps - low, span, out=np.zeros_like(maps), where=span > 0)
    return unit
