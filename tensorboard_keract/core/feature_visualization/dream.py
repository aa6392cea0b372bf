"""What a layer sees in an image, made more of: deep dream and caricature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tensorboard_keract.core.arguments import check_model
from tensorboard_keract.core.attribution.resizing import resized
from tensorboard_keract.core.feature_visualization.objectives import (
    Caricature,
    DeepDream,
)
from tensorboard_keract.core.feature_visualization.options import (
    Array,
    Options,
    OptionsDict,
)
from tensorboard_keract.core.feature_visualization.parameterization import Pixels
from tensorboard_keract.core.feature_visualization.style import activations_of
from tensorboard_keract.core.feature_visualization.task import Task, built_canvas
from tensorboard_keract.core.feature_visualization.transforms import Jitter
from tensorboard_keract.core.feature_visualization.visualization import (
    FeatureVisualization,
)
from tensorboard_keract.core.layer_selection import (
    LayerSelector,
    LayerSelectors,
    listed,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack


def deep_dream(
    model: keras.Model,
    images: Any,
    layers: LayerSelectors,
    *,
    octaves: int = 1,
    octave_scale: float = 1.4,
    regularizers: Sequence[Any] = (),
    transforms: Sequence[Any] | None = None,
    **options: Unpack[OptionsDict],
) -> FeatureVisualization:
    """Deep dream: images with more of whatever the layers see in them.

    Mordvintsev et al. 2015, "Inceptionism": the mean squares of activations rise, from
    the images on, a little.

    Args:
      model: as in `minimize`.
      images: what to begin with, [image, height, width, channel], as `seed_input`.
      layers: one or several, as in `maximize_activation`.
      octaves: how many sizes, the smallest first; what was dreamt there is enlarged and
        added. More than one needs a model that takes images of any size.
      octave_scale: from one size to the next.
      regularizers, transforms: as in `minimize`; None shifts by a sixteenth.
      **options: as in `minimize`; by default 64 iterations an octave of "pixels" by
        Adam(0.01).

    Returns:
      The images, with the losses of the last octave.

    Raises:
      NotFiniteError, UnknownLayerError, ValueError, TypeError, RuntimeError: as
        `minimize`.
    """
    if octaves < 1 or octave_scale <= 1:
        raise ValueError(
            f"octaves={octaves} and octave_scale={octave_scale}; give one octave at"
            " least, and a scale above 1, such as 3 and 1.4."
        )
    check_model(model)
    options.setdefault("max_iter", 64)
    chosen = _from_images(images, options)
    objectives = [DeepDream(layer) for layer in listed(layers)]

    def task(seeds: Any) -> Task:
        given = replace(chosen, seed_input=seeds)
        canvas = built_canvas(model, given)
        by = _shift(canvas.shape) if transforms is None else transforms
        return Task.of(model, objectives, regularizers, by, given, None, canvas)

    if octaves == 1:
        whole = task(images)
        return whole.result("deep_dream", whole.run(), octaves=1)
    original = np.asarray(getattr(images, "images", images), np.float32)
    if original.ndim != 4:
        raise ValueError(
            f"Octaves are of images [image, height, width, channel]; these are"
            f" {original.shape}."
        )
    detail = np.zeros_like(original)
    for octave in reversed(range(octaves)):
        size = [max(1, round(n / octave_scale**octave)) for n in original.shape[1:3]]
        base = _resized(original, size)
        dreamt = _in_range(base + _resized(detail, size), chosen)
        this = task(dreamt)
        found = this.run()
        detail = found.images - base
    return this.result("deep_dream", found, octaves=octaves)


def caricature(
    model: keras.Model,
    images: Any,
    layer: LayerSelector,
    *,
    cosine_power: float = 1.0,
    regularizers: Sequence[Any] = (),
    transforms: Sequence[Any] | None = None,
    **options: Unpack[OptionsDict],
) -> FeatureVisualization:
    """Caricature: images from noise that excite a layer as the given ones do, but more.

    Olah et al. 2018, https://distill.pub/2018/building-blocks: the dot product with the
    layer's activation for the image, times their cosine, rises.

    Args:
      model, layer, **options: as in `maximize_activation`.
      images: those that are caricatured, in the input range, [image, …].
      cosine_power: of the cosine.
      regularizers, transforms: as in `minimize`; None shifts by a sixteenth.

    Returns:
      An image for each.

    Raises:
      NotFiniteError, UnknownLayerError, ValueError, TypeError, RuntimeError: as
        `minimize`.
    """
    check_model(model)
    images = np.asarray(images, np.float32)
    chosen = Options(**{"input_shape": images.shape[1:], **options})
    canvas = built_canvas(model, chosen)
    [target] = activations_of(model, canvas, images, [layer], chosen)
    by = _shift(canvas.shape) if transforms is None else transforms
    task = Task.of(
        model,
        [Caricature(layer, target, cosine_power)],
        regularizers,
        by,
        chosen,
        len(images),
        canvas,
    )
    return task.result("caricature", task.run())


def _from_images(images: Any, options: OptionsDict) -> Options:
    if images is None:
        raise ValueError("There are no images to begin with; give some.")
    given: dict[str, Any] = {
        "parameterization": Pixels(),
        "optimizer": keras.optimizers.Adam(0.01, name="images"),
        **options,
        "seed_input": images,
    }
    return Options(**given)


def _shift(shape: tuple[int, ...]) -> list[Any]:
    by = min(shape[:-1], default=0) // 16
    return [Jitter(by)] if by else []


def _resized(images: Array, size: Sequence[int]) -> Array:
    return resized(images, size).astype(np.float32)


def _in_range(images: Array, options: Options) -> Array:
    return images if options.input_range is None else images.clip(*options.input_range)
