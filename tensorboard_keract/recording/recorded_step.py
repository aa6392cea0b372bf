"""The training step that a recorder captures, reduced in its twin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf

from tensorboard_keract import metadata
from tensorboard_keract.core.step_trace import CapturedStep
from tensorboard_keract.core.training_step import Tap
from tensorboard_keract.recording import reduce_tables, replicas
from tensorboard_keract.recording.record import Reduced
from tensorboard_keract.recording.reduction import Choice, Parts, Reduction
from tensorboard_keract.recording.rows import GRADIENT_KINDS


class RecordedStep:
    """The training steps of a model, with their reduction.

    Attributes:
      reduction: what is recorded; planned when a step is first captured.
    """

    def __init__(self, model: keras.Model, choice: Choice, optimizer: Any) -> None:
        self.reduction = Reduction(choice)
        self._model = model
        self._kinds = choice.kinds
        self._optimizer = optimizer
        self._taps: dict[Parts, Tap] = {}
        self._delivered: dict[str, Any] | None = None
        self._notes: dict[str, str] = {}
        self._gradient_notes: dict[str, str] = {}

    def tap(self, parts: Parts) -> Tap:
        """Where to capture a step for these parts of a record."""
        self._delivered = None
        if parts not in self._taps:
            self._taps[parts] = Tap(
                self._model, _PartsOfStep(self, parts), self._take, self._optimizer
            )
        return self._taps[parts]

    def collect(self) -> tuple[Reduced, bool | None] | None:
        """What the last step gave, and whether it skipped its update.

        None where nothing was captured; unknown where no loss is scaled.
        """
        result = self._delivered
        if result is None:
            return None
        skipped = result["update_skipped"]
        return self.reduction.collect(result), None if skipped is None else skipped > 0

    def note(self, kind: str, path: str) -> str:
        """What a reader should know of a tensor's values; mostly nothing."""
        notes = [self._notes.get(path, "")]
        if kind == metadata.ACTIVATION_GRADIENT:
            notes.insert(0, self._gradient_notes.get(path, ""))
        return " ".join(filter(None, notes))

    def _take(self, result: dict[str, Any]) -> None:
        self._delivered = result

    def check(self, step: CapturedStep) -> None:
        """Raises ValueError where gradients are wanted and the step takes none."""
        wants_gradients = any(kind in GRADIENT_KINDS for kind in self._kinds)
        if wants_gradients and not step.captured.weight_gradients:
            raise ValueError(
                "The step takes no gradient of the model's weights by"
                " tf.GradientTape.gradient, or takes it inside a loop."
            )

    def reduce(self, step: CapturedStep, parts: Parts) -> dict[str, Any]:
        """What is kept of a step, while it is traced."""
        self._notes |= step.notes
        self._gradient_notes |= step.captured.gradient_notes
        update_ratios = {}
        if parts.tables and metadata.WEIGHT in self._kinds:
            paths = list(step.updated_weights)
            weights = [step.updated_weights[path] for path in paths]
            now, before = (
                reduce_tables.weight_samples([of[path] for path in paths])
                for of in (step.updated_weights, step.captured.weights)
            )
            ratios = reduce_tables.update_ratios(weights, now, before, tf.ones(()))
            update_ratios = dict(zip(paths, ratios, strict=True))
        result = self.reduction(step.captured, step.layout, parts, update_ratios)
        skipped = step.update_skipped
        result["update_skipped"] = (
            None if skipped is None else tf.cast(skipped, tf.float32)
        )
        return result


class _PartsOfStep:
    """Reduces steps to these parts of a record: a `StepReduction`."""

    def __init__(self, step: RecordedStep, parts: Parts) -> None:
        self._step = step
        self._parts = parts

    def reduce(self, step: CapturedStep) -> dict[str, Any]:
        self._step.check(step)
        return self._step.reduce(step, self._parts)

    def reduce_on_replica(self, step: CapturedStep) -> dict[str, Any]:
        self._step.check(step)
        # Planned with the weight gradients, computed without: their sum is wanted.
        self._step.reduction.plan_for(step.captured, step.layout)
        gradients = step.captured.weight_gradients if self._parts.gradients else {}
        alone = replace(step, captured=replace(step.captured, weight_gradients={}))
        return self._step.reduce(alone, self._parts) | {"weight_gradients": gradients}

    def combine(
        self, strategy: tf.distribute.Strategy, results: dict[str, Any]
    ) -> dict[str, Any]:
        skipped = results.pop("update_skipped")
        combined = self._step.reduction.combine(strategy, results, self._parts)
        combined["update_skipped"] = (
            None if skipped is None else replicas.summed(strategy, skipped)
        )
        return combined
