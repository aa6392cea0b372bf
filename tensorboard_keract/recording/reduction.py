"""From captured tensors to what a record holds, inside the compiled function.

A `Reduction` chooses rows and plans maps when it first sees a model's tensors, from
static shapes, and does the same ever after: at each step, in each compiled function.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract import metadata
from tensorboard_keract.core.capture import Captured
from tensorboard_keract.core.layer_selection import LayerSelectors
from tensorboard_keract.core.model_layout import ModelLayout
from tensorboard_keract.recording import reduce_maps, reduce_tables, replicas
from tensorboard_keract.recording.budget import PlanTensor, RecordPlan, plan_record
from tensorboard_keract.recording.layout import (
    Limits,
    TensorPlan,
    name_axes,
    plan_tensor,
)
from tensorboard_keract.recording.pacing import Pacing
from tensorboard_keract.recording.record import Reduced
from tensorboard_keract.recording.rows import (
    GRADIENT_KINDS,
    WEIGHT_KINDS,
    Row,
    choose_rows,
    is_countable,
    tensors_of_kind,
)
from tensorboard_keract.recording.statistics import merge_statistics

# Inputs are stored once, and outputs are mostly small: they may be larger than maps.
_END_LIMITS: Final = {"pixels": 256, "units": 4096}
# Small tensors are stored as they are: coding would save next to nothing.
_EXACT_VALUES_PER_SAMPLE: Final = 16_384


@dataclass(frozen=True)
class Parts:
    """What one record holds of all that is recorded.

    Attributes:
      tables: statistics.
      histograms: only beside statistics.
      maps: of layers and weights, and the model's inputs and outputs.
      ends: inputs and outputs where there are no maps.
      gradients: rows and maps of both kinds of gradients.
    """

    tables: bool = True
    histograms: bool = True
    maps: bool = True
    ends: bool = False
    gradients: bool = True


@dataclass(frozen=True)
class Choice:
    """What a recorder was asked to record, of each tensor and of which."""

    kinds: tuple[str, ...]
    layers: LayerSelectors | None
    exclude_layers: LayerSelectors | None
    limits: Limits
    precision: str
    budget_bytes: int


class Reduction:
    """What is recorded of a model, and how it is computed on the device.

    Attributes:
      layout: what was found in the model.
      rows: of the two tables.
      plan: the maps of a record, but for heatmaps, which are not computed here. Its
        bytes and limits are those of both.
      heatmaps: the plans of those that the budget allows.
    """

    layout: ModelLayout
    rows: tuple[Row, ...]
    plan: RecordPlan
    heatmaps: tuple[TensorPlan, ...]

    def __init__(self, choice: Choice, heatmaps: Sequence[PlanTensor] = ()) -> None:
        self._choice = choice
        self._plan_heatmaps = heatmaps
        self._inputs: tuple[TensorPlan, ...] = ()
        self._outputs: tuple[TensorPlan, ...] = ()
        self.is_planned = False

    def __call__(
        self,
        captured: Captured,
        layout: ModelLayout,
        parts: Parts,
        update_ratios: Mapping[str, tf.Tensor],
    ) -> dict[str, Any]:
        """Reduces what was captured, while the compiled function is traced.

        Args:
          captured: as a pass or step has it. Rows of what is absent are NaN.
          layout: of the model.
          parts: what is wanted of it.
          update_ratios: by weight path, as far as known.

        Returns:
          Nested tensors, which `collect` makes a `Reduced` of.

        Raises:
          UnknownLayerError, TypeError, ValueError: at the first call, as `choose_rows`.
        """
        self.plan_for(captured, layout)
        pacing = Pacing()
        tensors = tensors_of_kind(captured)
        if not parts.gradients:
            tensors |= {kind: {} for kind in GRADIENT_KINDS}
        result: dict[str, Any] = {"loss": captured.loss}
        if parts.tables:
            result |= self._tables(tensors, parts, update_ratios)
        if parts.maps or parts.ends:
            plans = [
                (plan, tensors[plan.kind][plan.path])
                for plan in (self.plan.tensors if parts.maps else ())
                if plan.path in tensors[plan.kind]
            ]
            ends = (
                (self._outputs, captured.outputs),
                (self._inputs, captured.inputs),
            )
            for planned, found in ends:
                plans += [(p, found[p.path]) for p in planned if p.path in found]
            result["planes"] = reduce_maps.store_all(plans)
        for kind in (metadata.ACTIVATION, *GRADIENT_KINDS):
            pacing.wait_for_readers(tensors[kind].values())
        return result

    def combine(
        self,
        strategy: tf.distribute.Strategy,
        results: dict[str, Any],
        parts: Parts,
    ) -> dict[str, Any]:
        """What several replicas captured, as if one had, in the compiled function.

        Statistics and histograms are those of the batch of all replicas; maps are the
        first replica's. Weight gradients are summed, as the optimizer does: each
        replica's loss is scaled to its share of the whole.

        Args:
          strategy: that ran on the replicas.
          results: of each, as this object gave it, with its `weight_gradients`.
          parts: what is wanted.
        """
        gradients = {
            path: replicas.summed(strategy, gradient)
            for path, gradient in results.pop("weight_gradients").items()
        }
        planes = results.pop("planes", {})
        result: dict[str, Any] = {
            "loss": None
            if results["loss"] is None
            else replicas.summed(strategy, results["loss"])
        }
        none: dict[str, tf.Tensor] = {}
        empty = Captured(none, none, none, weight_gradients=gradients)
        of_gradients = self(empty, self.layout, parts, {}) if gradients else {}
        if parts.maps:
            first = tf.nest.map_structure(
                lambda value: strategy.experimental_local_results(value)[0], planes
            )
            result["planes"] = first | of_gradients.get("planes", {})
        # In this order on each worker: TensorFlow numbers collectives by their order.
        for name in ("statistics", "dead", "histograms"):
            if name in results:
                result[name] = replicas.stacked(strategy, results[name])
        is_gradient = np.array(
            [row.kind == metadata.WEIGHT_GRADIENT for row in self.rows]
        )[:, None]
        if of_gradients and parts.tables:
            result["statistics"] = tf.where(
                is_gradient, of_gradients["statistics"], result["statistics"]
            )
        if parts.histograms:
            # The weights are the same on each replica.
            is_weight = np.array([row.kind in WEIGHT_KINDS for row in self.rows])
            histograms = result["histograms"]
            total = tf.where(
                is_weight[:, None], histograms[0], tf.reduce_sum(histograms, axis=0)
            )
            if of_gradients:
                total = tf.where(is_gradient, of_gradients["histograms"][0], total)
            result["histograms"] = total[None]
        return result

    def collect(self, result: dict[str, Any]) -> Reduced:
        """What a compiled function returned, as a record holds it."""
        of_layers = (*self.plan.tensors, *self._outputs)
        stored = reduce_maps.stored_tensors(
            (*of_layers, *self._inputs), result.get("planes", {})
        )
        statistics = result.get("statistics")
        if statistics is not None and statistics.shape[0] == 1:
            statistics = statistics[0]
        elif statistics is not None:
            statistics = tf.constant(self._merged(statistics, result["dead"]))
        return Reduced(
            statistics=statistics,
            histograms=result["histograms"][0] if "histograms" in result else None,
            maps=tuple(stored[plan] for plan in of_layers if plan in stored),
            inputs=tuple(stored[plan] for plan in self._inputs if plan in stored),
            loss=result["loss"],
        )

    def plan_for(self, captured: Captured, layout: ModelLayout) -> None:
        """Chooses rows and plans maps, the first time; from then on they stay."""
        if self.is_planned:
            return
        choice = self._choice
        self.layout = layout
        self.rows = choose_rows(
            captured, layout, choice.kinds, choice.layers, choice.exclude_layers
        )
        maps = [partial(self._plan_row, row) for row in self.rows if row.has_maps]
        plan = plan_record(
            [*self._plan_heatmaps, *maps], choice.limits, choice.budget_bytes
        )
        is_heatmap = [tensor.kind == metadata.HEATMAP for tensor in plan.tensors]
        self.heatmaps = plan.tensors[: sum(is_heatmap)]
        self.plan = replace(plan, tensors=plan.tensors[sum(is_heatmap) :])
        self._outputs = self._plan_ends(metadata.OUTPUT, captured.outputs)
        self._inputs = self._plan_ends(metadata.INPUT, captured.inputs)
        self.is_planned = True

    def _tables(
        self,
        tensors: Mapping[str, Mapping[str, tf.Tensor]],
        parts: Parts,
        update_ratios: Mapping[str, tf.Tensor],
    ) -> dict[str, tf.Tensor]:
        present = [
            (index, row)
            for index, row in enumerate(self.rows)
            if row.path in tensors[row.kind]
        ]
        sources = [row.source(tensors[row.kind][row.path]) for _, row in present]
        statistics, dead = reduce_tables.statistics_table(
            sources,
            [
                update_ratios.get(row.path) if row.kind == metadata.WEIGHT else None
                for _, row in present
            ],
        )
        places = [index for index, _ in present]
        statistics = self._in_all_rows(statistics, places)
        tables = {
            "statistics": statistics[None],
            "dead": self._in_all_channels(dead, present)[None],
        }
        if parts.histograms:
            histograms = self._in_all_rows(reduce_tables.histograms(sources), places)
            tables["histograms"] = histograms[None]
        return tables

    def _in_all_rows(self, table: tf.Tensor, places: Sequence[int]) -> tf.Tensor:
        """A table of some rows as one of all, NaN in the others."""
        if len(places) == len(self.rows):
            return table
        empty = tf.fill([len(self.rows), tf.shape(table)[1]], np.float32(np.nan))
        indices = np.array(places, np.int32)[:, None]
        return tf.tensor_scatter_nd_update(empty, indices, table)

    def _in_all_channels(
        self, dead: tf.Tensor, present: Sequence[tuple[int, Row]]
    ) -> tf.Tensor:
        if len(present) == len(self.rows):
            return dead
        parts = iter(tf.split(dead, [row.channels for _, row in present]))
        of_row = {index: next(parts) for index, _ in present}
        return tf.concat(
            [
                of_row.get(index, tf.zeros(row.channels))
                for index, row in enumerate(self.rows)
            ],
            axis=0,
        )

    def _merged(
        self, statistics: tf.Tensor, dead: tf.Tensor
    ) -> npt.NDArray[np.float32]:
        """One table of those of all replicas."""
        tables = statistics.numpy()
        merged, _ = merge_statistics(
            tables, dead.numpy(), [row.channels for row in self.rows]
        )
        is_weight = np.array([row.kind in WEIGHT_KINDS for row in self.rows])
        # Each replica has the same weights.
        return np.where(is_weight[:, None], tables[0], merged).astype(np.float32)

    def _plan_row(self, row: Row, limits: Limits) -> TensorPlan:
        return self._plan_tensor(
            row.kind,
            row.path,
            row.dtype,
            row.shape,
            limits,
            self._choice.precision,
            row.class_name,
            row.data_format,
        )

    def _plan_ends(
        self, kind: str, ends: Mapping[str, tf.Tensor]
    ) -> tuple[TensorPlan, ...]:
        """Plans of the model's inputs or outputs."""
        samples = self.plan.limits.samples
        limits = replace(self._choice.limits, samples=samples, **_END_LIMITS)
        plans = []
        for path, tensor in ends.items():
            shape = tensor.shape.as_list() if is_countable(tensor) else [None, None]
            if not shape or None in shape[1:]:
                continue
            is_small = math.prod(shape[1:]) <= _EXACT_VALUES_PER_SAMPLE
            plans.append(
                self._plan_tensor(
                    kind,
                    path,
                    tensor.dtype.name,
                    shape,
                    limits,
                    "float32" if is_small else self._choice.precision,
                    "",
                    keras.config.image_data_format(),
                )
            )
        return tuple(plans)

    def _plan_tensor(
        self,
        kind: str,
        path: str,
        dtype: str,
        shape: Sequence[int | None],
        limits: Limits,
        precision: str,
        class_name: str,
        data_format: str,
    ) -> TensorPlan:
        # A batch of unknown size may be as large as what is stored of it at most.
        sizes = [
            self._choice.limits.samples if size is None else size for size in shape
        ]
        names = name_axes(
            kind, path, sizes, class_name=class_name, data_format=data_format
        )
        return plan_tensor(kind, path, dtype, names, sizes, limits, precision)
