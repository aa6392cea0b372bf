"""One image's content with another's style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tensorboard_keract.core.arguments import check_model
from tensorboard_keract.core.call_selection import CallSelection
from tensorboard_keract.core.feature_visualization.canvas import Canvas
from tensorboard_keract.core.feature_visualization.objectives import (
    Content,
    Style,
    gram,
)
from tensorboard_keract.core.feature_visualization.options import (
    Array,
    Options,
    OptionsDict,
)
from tensorboard_keract.core.feature_visualization.parameterization import Pixels
from tensorboard_keract.core.feature_visualization.regularizers import TotalVariation
from tensorboard_keract.core.feature_visualization.step import look
from tensorboard_keract.core.feature_visualization.task import Task, built_canvas
from tensorboard_keract.core.feature_visualization.visualization import (
    FeatureVisualization,
)
from tensorboard_keract.core.layer_selection import (
    LayerSelector,
    LayerSelectors,
    listed,
)
from tensorboard_keract.core.model_state import lock_of, losses_kept

if TYPE_CHECKING:
    from typing_extensions import Unpack


def style_transfer(
    model: keras.Model,
    content: Any,
    style: Any,
    content_layers: LayerSelectors,
    style_layers: LayerSelectors,
    *,
    content_weight: float = 1.0,
    style_weight: float = 1.0,
    regularizers: Sequence[Any] = ((TotalVariation(), 1.0),),
    **options: Unpack[OptionsDict],
) -> FeatureVisualization:
    """The content of images, in the style of another.

    Gatys et al. 2015, https://arxiv.org/abs/1508.06576: activations stay near the
    content's, Gram matrices come near the style's. Each term is divided by what it is at
    first for the style's layers, and by the mean square of the content's activations, so
    that weights do not depend on the size of activations.

    Args:
      model: as in `minimize`.
      content: [image, height, width, channel], in the input range; where it begins.
      style: [1, height, width, channel], of any size that the model takes; or one for
        each content.
      content_layers, style_layers: one or several, as in `maximize_activation`.
      content_weight, style_weight: of each layer's term.
      regularizers: as in `minimize`.
      **options: as in `minimize`; by default "pixels" by Adam(0.02).

    Returns:
      An image for each content.

    Raises:
      NotFiniteError, UnknownLayerError, ValueError, TypeError, RuntimeError: as
        `minimize`.
    """
    check_model(model)
    content = np.asarray(content, np.float32)
    style = np.asarray(style, np.float32)
    given: dict[str, Any] = {
        "parameterization": Pixels(),
        "optimizer": keras.optimizers.Adam(0.02, name="images"),
        **options,
        "seed_input": content,
    }
    chosen = Options(**given)
    canvas = built_canvas(model, chosen)
    of_content = activations_of(model, canvas, content, listed(content_layers), chosen)
    layers = listed(style_layers)
    wanted, at_first = (
        [
            gram(values).numpy()
            for values in activations_of(model, canvas, x, layers, chosen)
        ]
        for x in (style, content)
    )
    objectives: list[Any] = [
        (Content(layer, target), content_weight / _size(np.square(target)))
        for layer, target in zip(listed(content_layers), of_content, strict=True)
    ]
    objectives += [
        (Style(layer, target), style_weight / _size(np.square(first - target)))
        for layer, target, first in zip(layers, wanted, at_first, strict=True)
    ]
    task = Task.of(model, objectives, regularizers, (), chosen, len(content), canvas)
    return task.result("style_transfer", task.run())


def activations_of(
    model: keras.Model,
    canvas: Canvas,
    images: Array,
    layers: Sequence[LayerSelector],
    options: Options,
) -> list[Array]:
    """What layers give for images, [image, …, channel] each, as objectives see it."""
    selections = [CallSelection.of([layer], (), nested=False) for layer in layers]

    def values() -> list[tf.Tensor]:
        given = tf.convert_to_tensor(images)
        if options.preprocess is not None:
            given = options.preprocess(given)
        fixed = [
            tf.repeat(tf.constant(values[:1]), len(images), axis=0)
            for values in canvas.fixed
        ]
        with lock_of(model), losses_kept(model), tf.GradientTape() as tape:
            seen = look(model, canvas, tf.constant(images), given, fixed, tape)
            return [seen.activation(selection) for selection in selections]

    if getattr(model, "run_eagerly", False):
        return [found.numpy() for found in values()]
    return [found.numpy() for found in tf.function(values, autograph=False)()]


def _size(values: Array) -> float:
    return float(values.mean()) or 1.0
