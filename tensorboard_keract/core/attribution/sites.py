"""At which layer a heatmap is made: one that still knows where things are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import keras
import tensorflow as tf

from tensorboard_keract.core.call_selection import CallSelection
from tensorboard_keract.core.model_state import has_gradient
from tensorboard_keract.core.trace import ATTENTION_SCORES, LayerCall

# They keep what a layer found and lose where, or change nothing at inference.
_PASSED_OVER: Final = (
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.AveragePooling3D,
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.MaxPooling3D,
    keras.layers.Dropout,
    keras.layers.GaussianNoise,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)

_SPATIAL_RANKS: Final = (3, 4, 5)


def output_of(call: LayerCall) -> tf.Tensor | None:
    """The first output of a call that gradients reach, if there is one."""
    return next((t for t in call.outputs if t is not None and has_gradient(t)), None)


def is_spatial(call: LayerCall) -> bool:
    """Whether a call gives a map for each channel."""
    output = output_of(call)
    return (
        output is not None
        and output.shape.rank in _SPATIAL_RANKS
        and call.name != ATTENTION_SCORES
    )


def chosen_call(calls: Sequence[LayerCall], selection: CallSelection) -> LayerCall:
    """The one call that is selected.

    Raises:
      UnknownLayerError: if none fits; lists the layers.
      ValueError: if several fit, or the one has no spatial axes.
    """
    fitting = selection(calls)
    if len(fitting) > 1:
        paths = ", ".join(call.path() for call in fitting)
        raise ValueError(f"Several layer calls fit: {paths}. Name one.")
    [call] = fitting
    if not is_spatial(call):
        output = output_of(call)
        shape = "no floating output" if output is None else tuple(output.shape)
        raise ValueError(
            f"The layer {call.path()} gives {shape}: a heatmap needs a layer with spatial"
            f" axes, [batch, …, channel]. {_suitable(calls)}"
        )
    return call


def candidates(calls: Sequence[LayerCall], input_rank: int | None) -> list[LayerCall]:
    """The calls that a heatmap may be made of, the last first.

    Those with as many axes as the input, if there are any: of an image maps, of a
    sequence, be it of tokens, sequences.

    Raises:
      ValueError: if no layer has spatial axes.
    """
    spatial = [c for c in calls if not c.is_container and is_spatial(c)]
    ranks = [_rank(call) for call in spatial]
    rank = 3 if input_rank == 2 else input_rank
    if rank not in ranks:
        rank = max(ranks, default=None)
    fitting = [
        call
        for call, its_rank in zip(spatial, ranks, strict=True)
        if its_rank == rank and not isinstance(call.operation, _PASSED_OVER)
    ]
    if not fitting:
        raise ValueError(
            "No layer of the model has spatial axes, [batch, …, channel], so there is"
            " nothing to make a class activation map of. Gradients with respect to the"
            " input need none: saliency, integrated_gradients."
        )
    return fitting[::-1]


def not_differentiable(call: LayerCall, calls: Sequence[LayerCall]) -> ValueError:
    """For a layer whose output the score can't be differentiated by."""
    return ValueError(
        f"The score does not depend on the layer {call.path()}, or not in a"
        f" differentiable way. {_suitable([c for c in calls if c is not call])}"
    )


def _rank(call: LayerCall) -> int:
    output = output_of(call)
    assert output is not None
    return int(output.shape.rank)


def _suitable(calls: Sequence[LayerCall]) -> str:
    found = [c for c in calls if not c.is_container and is_spatial(c)]
    if not found:
        return "No layer of this model has them."
    listed = ", ".join(f"{c.path()} {_shape(c)}" for c in found)
    return f"Layers with them: {listed}."


def _shape(call: LayerCall) -> tuple[int | None, ...]:
    output = output_of(call)
    assert output is not None
    return tuple(output.shape)
