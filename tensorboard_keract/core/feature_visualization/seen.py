"""What an objective sees of a model: its activations, while a step is traced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import keras
import tensorflow as tf

from tensorboard_keract.core.attribution.sites import output_of
from tensorboard_keract.core.call_selection import CallSelection
from tensorboard_keract.core.layer_selection import LayerSelector
from tensorboard_keract.core.model_layout import data_format, named_outputs
from tensorboard_keract.core.trace import LayerCall

_RELUS: Final = ("Relu", "Relu6")


@dataclass(frozen=True)
class Limit:
    """What the numbers in an array must be below; as `Seen.require_below` says."""

    name: str
    count: int
    what: str
    axis: int | None

    def check(self, arrays: Mapping[str, Any]) -> None:
        """Raises ValueError for numbers that are not 0 to `count` − 1."""
        numbers = arrays[self.name]
        numbers = numbers if self.axis is None else numbers[..., self.axis]
        for number in (int(numbers.min()), int(numbers.max())):
            if not 0 <= number < self.count:
                raise ValueError(
                    f"{self.name} holds {number}; {self.what} 0 to {self.count - 1}."
                )


class Seen:
    """What a model made of the images, handed to each objective.

    Attributes:
      images: [image, …], as the model was given them: after the transforms, before
        `preprocess`.
      outputs: what the model returned.
      arrays: of the objective that looks, by name.
      paths: of the layers that were looked at.
      sources: for each of them "logits" or "activation".
      limits: what `require_below` was told.
    """

    def __init__(
        self,
        model: keras.Model,
        calls: Sequence[LayerCall],
        images: tf.Tensor,
        outputs: Any,
    ) -> None:
        """From one traced call of the model."""
        self.images = images
        self.outputs = outputs
        self.arrays: Mapping[str, tf.Tensor] = {}
        self.paths: list[str] = []
        self.sources: list[str] = []
        self.limits: list[Limit] = []
        self._model = model
        self._calls = calls

    def activation(
        self,
        layer: LayerSelector | CallSelection,
        use_logits: bool = True,
        leak: float = 0.0,
    ) -> tf.Tensor:
        """The output of a layer, float32 [image, …, channel].

        Args:
          layer: as in `grad_cam`.
          use_logits: whether to take, of a layer that ends in a softmax or sigmoid, the
            values before it.
          leak: of a layer that ends in a ReLU, the share of gradients that passes where
            the ReLU gives 0; values stay. Else nothing would lead to an image that
            excites a channel from one that does not. Compiled passes only.

        Raises:
          UnknownLayerError: if no layer fits; lists the layers.
          ValueError: if several calls fit, or the output is not floating.
        """
        selection = (
            layer
            if isinstance(layer, CallSelection)
            else CallSelection.of([layer], (), nested=False)
        )
        fitting = selection(self._calls)
        if len(fitting) > 1:
            paths = ", ".join(call.path() for call in fitting)
            raise ValueError(f"Several layer calls fit: {paths}. Name one.")
        [call] = fitting
        output = output_of(call)
        if output is None:
            raise ValueError(
                f"The layer {call.path()} has no floating output to be optimised for."
            )
        [place] = [i for i, t in enumerate(call.outputs) if t is output]
        logits = call.logits[place] if use_logits else None
        self._note(call.path(), logits is not None)
        values = tf.cast(output if logits is None else logits, tf.float32)
        if leak and not tf.executing_eagerly() and output.op.type in _RELUS:
            below = tf.minimum(tf.cast(output.op.inputs[0], tf.float32), 0.0)
            values += leak * (below - tf.stop_gradient(below))
        if data_format(call) == "channels_first" and values.shape.rank > 2:
            values = tf.moveaxis(values, 1, -1)
        return values

    def output(self, name: str | None = None, use_logits: bool = True) -> tf.Tensor:
        """An output of the model, float32 [image, …]; the first by default.

        Raises:
          ValueError: if there is none of this name.
        """
        outputs = named_outputs(self._model, self.outputs)
        chosen = next(iter(outputs)) if name is None else name
        if chosen not in outputs:
            raise ValueError(
                f"The model has no output {name!r}; it has: {', '.join(outputs)}."
            )
        output = outputs[chosen]
        logits = getattr(output, "_keras_logits", None) if use_logits else None
        self._note(chosen, logits is not None)
        return tf.cast(output if logits is None else logits, tf.float32)

    def require_below(
        self, name: str, count: int, what: str, axis: int | None = None
    ) -> None:
        """Has the numbers in one of the arrays checked, before each run, against a size.

        Args:
          name: of the array.
          count: how many there are of what it numbers.
          what: "conv1 has the channels", to be followed by "0 to 31".
          axis: which number of the last axis; None for all of the array.
        """
        self.limits.append(Limit(name, count, what, axis))

    def _note(self, path: str, is_logits: bool) -> None:
        self.paths.append(path)
        self.sources.append("logits" if is_logits else "activation")
