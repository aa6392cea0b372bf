"""The compiled pass that a recorder runs: a probe through a model, reduced in place.

Traced at construction, so that whatever the model or its loss refuses is told at once.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tensorboard_keract import metadata
from tensorboard_keract.core.capture import Captured, CompiledPass, Loss
from tensorboard_keract.core.layer_selection import UnknownLayerError
from tensorboard_keract.core.model_layout import ModelLayout, is_real
from tensorboard_keract.core.model_state import build
from tensorboard_keract.recording import reduce_tables
from tensorboard_keract.recording.budget import PlanTensor
from tensorboard_keract.recording.probe import Probe, ProbeError
from tensorboard_keract.recording.record import Reduced
from tensorboard_keract.recording.reduction import Choice, Parts, Reduction
from tensorboard_keract.recording.refusal import (
    SelectionRefusedError,
    check_loss,
    explaining_refusal,
)
from tensorboard_keract.recording.rows import GRADIENT_KINDS


class RecordedPass:
    """A probe's pass through a model, with its reduction, compiled once.

    Attributes:
      reduction: what is recorded.
    """

    def __init__(
        self,
        model: keras.Model,
        probe: Probe,
        choice: Choice,
        *,
        loss: Loss | None,
        parts: Parts,
        heatmaps: Sequence[PlanTensor] = (),
    ) -> None:
        """Traces the pass for these parts of a record, and plans it.

        The other arguments are `Recorder`'s; `heatmaps` share the bytes of a record.

        Raises:
          ProbeError, UnknownLayerError, ValueError: as `Recorder` says.
        """
        self.reduction = Reduction(choice, heatmaps)
        self.probe = probe
        self._model = model
        self._loss = loss
        self._kinds = choice.kinds
        self._arguments = probe.tensors()
        self._kept_weights: list[tf.Tensor] = []
        self._passes: dict[Parts, CompiledPass] = {}
        if any(kind in GRADIENT_KINDS for kind in choice.kinds):
            check_loss(model, loss)
            _check_targets(probe)
        with _explaining_refusal(model, self._arguments):
            build(model, self._arguments[0])
            if parts.tables and metadata.WEIGHT in choice.kinds:
                self._kept_weights = reduce_tables.weight_samples(
                    [weight.value for weight in model.weights if is_real(weight)]
                )
            self._pass(parts).trace(*self._arguments, self._extra(0))

    def __call__(self, steps_since_last: int, parts: Parts) -> Reduced:
        """Runs the pass on the model as it is.

        Args:
          steps_since_last: training steps since the last run; 0 where there was none.
          parts: what is wanted of it. A pass is compiled for each choice.
        """
        result = self._pass(parts)(*self._arguments, self._extra(steps_since_last))
        if parts.tables:
            self._kept_weights = result.pop("kept_weights")
        return self.reduction.collect(result)

    @property
    def samples(self) -> int:
        """Samples of the probe."""
        return int(keras.tree.flatten(self._arguments[0])[0].shape[0])

    def note(self, kind: str, path: str) -> str:
        """What a reader should know of a tensor's values; mostly nothing."""
        notes = [
            compiled.gradient_notes.get(path, "") for compiled in self._passes.values()
        ]
        return max(notes) if kind == metadata.ACTIVATION_GRADIENT else ""

    def _pass(self, parts: Parts) -> CompiledPass:
        if parts not in self._passes:
            wants_gradients = parts.gradients and any(
                kind in GRADIENT_KINDS for kind in self._kinds
            )
            self._passes[parts] = CompiledPass(
                self._model,
                gradients=wants_gradients,
                loss=self._loss,
                reduce=functools.partial(self._reduce, parts),
            )
        return self._passes[parts]

    def _extra(self, steps_since_last: int) -> tuple[list[tf.Tensor], tf.Tensor]:
        return self._kept_weights, tf.constant(steps_since_last, tf.float32)

    def _reduce(
        self,
        parts: Parts,
        captured: Captured,
        layout: ModelLayout,
        extra: tuple[list[tf.Tensor], tf.Tensor],
    ) -> dict[str, Any]:
        before, steps = extra
        kept, update_ratios = before, {}
        if before and parts.tables:
            infos = sorted(layout.weights, key=lambda info: info.index)
            weights = [captured.weights[info.path] for info in infos]
            kept = reduce_tables.weight_samples(weights)
            ratios = reduce_tables.update_ratios(weights, kept, before, steps)
            paths = [info.path for info in infos]
            update_ratios = dict(zip(paths, ratios, strict=True))
        try:
            result = self.reduction(captured, layout, parts, update_ratios)
        except (UnknownLayerError, TypeError, ValueError) as error:
            if self.reduction.is_planned:
                raise
            raise SelectionRefusedError(error) from error
        return result | ({"kept_weights": kept} if parts.tables else {})


def _check_targets(probe: Probe) -> None:
    if probe.y is None:
        raise ProbeError(
            "Gradients need targets, and the probe has no y. Give probe=(x, y), or"
            ' record without gradients: kinds=("activation", "weight").'
        )


def _explaining_refusal(
    model: keras.Model, arguments: Sequence[Any]
) -> contextlib.AbstractContextManager[None]:
    def what() -> str:
        x, y, _ = (
            keras.tree.map_structure(_describe_tensor, part) for part in arguments
        )
        return f"the probe: x is {x}, y is {y}"

    advice = "Give the probe what you give to `fit`."
    return explaining_refusal(model, what, advice, ProbeError)


def _describe_tensor(tensor: tf.Tensor | None) -> str:
    if tensor is None:
        return "missing"
    return f"{tensor.dtype.name}{tensor.shape.as_list()}"
