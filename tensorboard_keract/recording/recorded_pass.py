"""The compiled pass that a recorder runs: a probe through a model, reduced in place.

Built once, at construction. While it is traced the layers are chosen, the rows of
the tables and the maps are planned, all from static shapes; so every record has the
same rows and the same maps.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import keras
import tensorflow as tf

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.core.capture import Captured, CompiledPass, Loss
from tensorboard_keract.core.layer_selection import (
    LayerSelectors,
    UnknownLayerError,
    select_layers,
)
from tensorboard_keract.core.model_layout import LayerInfo, LayerOutput, ModelLayout
from tensorboard_keract.core.model_state import build
from tensorboard_keract.recording import reduce, wire_format
from tensorboard_keract.recording.budget import RecordPlan, plan_record
from tensorboard_keract.recording.layout import (
    Limits,
    TensorPlan,
    name_axes,
    plan_tensor,
)
from tensorboard_keract.recording.probe import Probe, ProbeError
from tensorboard_keract.recording.record import Reduced, StoredTensor

_GRADIENT_KINDS: Final = (metadata.ACTIVATION_GRADIENT, metadata.WEIGHT_GRADIENT)

# Layers whose maps say what those of the layer before say.
_LAYERS_WITHOUT_MAPS: Final = (
    "Reshape",
    "Flatten",
    "Permute",
    "RepeatVector",
    "Identity",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "ActivityRegularization",
    "Masking",
    "Rescaling",
    "Normalization",
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "UnitNormalization",
)

# Inputs are stored once, and outputs are mostly small: they may be larger than maps.
_END_LIMITS: Final = {"pixels": 256, "units": 4096}
# Small tensors are stored as they are: coding would save next to nothing.
_EXACT_VALUES_PER_SAMPLE: Final = 16_384


@dataclass(frozen=True)
class Row:
    """A row of the tables: a tensor, and what of its layer decides how it is drawn."""

    kind: str
    path: str
    layer_path: str
    shape: tuple[int, ...]
    dtype: str
    class_name: str
    data_format: str
    has_maps: bool

    def message(self) -> plugin_data_pb2.TableRow:
        """The row as the model's description has it."""
        count = math.prod(self.shape)
        return plugin_data_pb2.TableRow(
            kind=self.kind,
            path=self.path,
            layer_path=self.layer_path,
            shape=self.shape,
            dtype=self.dtype,
            histogram_stride=wire_format.histogram_stride(count),
        )


class RecordedPass:
    """A probe's pass through a model, with its reduction, compiled once.

    Attributes:
      layout: what the pass found in the model.
      rows: of the two tables.
      plan: the maps of a record.
    """

    layout: ModelLayout
    rows: tuple[Row, ...]
    plan: RecordPlan

    def __init__(
        self,
        model: keras.Model,
        probe: Probe,
        layers: LayerSelectors | None,
        exclude_layers: LayerSelectors | None = None,
        *,
        kinds: Sequence[str],
        loss: Loss | None,
        limits: Limits,
        precision: str,
        budget_bytes: int,
    ) -> None:
        """Traces the pass and plans the record. The arguments are `Recorder`'s.

        Raises:
          ProbeError, UnknownLayerError, ValueError: as `Recorder` says.
        """
        self._layers = layers
        self._exclude_layers = exclude_layers
        self._kinds = kinds
        self._limits = limits
        self._precision = precision
        self._budget_bytes = budget_bytes
        self._probe = probe
        self._arguments = probe.tensors()
        self._inputs: tuple[TensorPlan, ...] = ()
        self._outputs: tuple[TensorPlan, ...] = ()
        gradients = any(kind in _GRADIENT_KINDS for kind in kinds)
        if gradients:
            _check_loss(model, loss, probe)
        self._pass = CompiledPass(
            model, gradients=gradients, loss=loss, reduce=self._reduce
        )
        self._previous_weights: list[tf.Tensor] = []
        with _explaining_refusal(model, self._arguments):
            build(model, self._arguments[0])
            if metadata.WEIGHT in kinds:
                self._previous_weights = [
                    tf.convert_to_tensor(weight.value) for weight in model.weights
                ]
            self._pass.trace(*self._arguments, self._extra(0))
        self._model_name = str(model.name)
        self._model_class = type(model).__name__
        self._parameter_count = int(model.count_params())

    def __call__(self, steps_since_last: int) -> Reduced:
        """Runs the pass on the model as it is.

        Args:
          steps_since_last: training steps since the last run; 0 where there was none.
        """
        result = self._pass(*self._arguments, self._extra(steps_since_last))
        self._previous_weights = result["weights"]
        plans = (*self.plan.tensors, *self._outputs, *self._inputs)
        stored = tuple(
            StoredTensor(plan, *planes)
            for plan, planes in zip(plans, result["planes"], strict=True)
        )
        first_input = len(stored) - len(self._inputs)
        return Reduced(
            statistics=result["statistics"],
            histograms=result["histograms"],
            maps=stored[:first_input],
            inputs=stored[first_input:],
            loss=result["loss"],
        )

    def note(self, kind: str, path: str) -> str:
        """What a reader should know of a tensor's values; mostly nothing."""
        is_gradient = kind == metadata.ACTIVATION_GRADIENT
        return self._pass.gradient_notes.get(path, "") if is_gradient else ""

    def describe_model(self) -> plugin_data_pb2.ModelDescription:
        """The model, the rows of the tables, the probe and the plan."""
        with_maps = {plan.path for plan in self.plan.tensors}
        samples = int(keras.tree.flatten(self._arguments[0])[0].shape[0])
        samples_recorded = min(samples, self.plan.limits.samples)
        notes = []
        if self.plan.left_out:
            notes.append(
                "Maps that do not fit the budget of a record are left out: "
                + ", ".join(self.plan.left_out)
            )
        return plugin_data_pb2.ModelDescription(
            format_version=metadata.FORMAT_VERSION,
            name=self._model_name,
            class_name=self._model_class,
            layers=[
                *map(_input_message, self.layout.inputs),
                *(_layer_message(layer, with_maps) for layer in self.layout.layers),
            ],
            rows=[row.message() for row in self.rows],
            statistics=metadata.STATISTICS,
            record_values=metadata.RECORD_VALUES,
            probe=plugin_data_pb2.Probe(
                samples=samples,
                samples_recorded=samples_recorded,
                labels=self._probe.sample_labels()[:samples_recorded],
                class_names=self._probe.class_names,
                input_paths=[end.path for end in self.layout.inputs],
                output_paths=[end.path for end in self.layout.outputs],
            ),
            parameter_count=self._parameter_count,
            planned_bytes_per_record=self.plan.byte_count,
            notes=notes,
        )

    def _extra(self, steps_since_last: int) -> tuple[list[tf.Tensor], tf.Tensor]:
        return self._previous_weights, tf.constant(steps_since_last, tf.float32)

    def _reduce(
        self,
        captured: Captured,
        layout: ModelLayout,
        extra: tuple[list[tf.Tensor], tf.Tensor],
    ) -> dict[str, Any]:
        """While the pass is traced: plans the record, and reduces to it."""
        previous_weights, steps = extra
        self.layout = layout
        try:
            rows = self._choose_rows(captured, layout)
        except (UnknownLayerError, TypeError, ValueError) as error:
            raise _SelectionRefusedError(error) from error
        self.rows = tuple(row for row, _ in rows)
        self.plan = plan_record(
            [partial(self._plan_row, row) for row in self.rows if row.has_maps],
            self._limits,
            self._budget_bytes,
        )
        tensors = {(row.kind, row.path): source.values for row, source in rows}
        maps = [tensors[plan.kind, plan.path] for plan in self.plan.tensors]
        self._outputs, outputs = self._plan_ends(metadata.OUTPUT, captured.outputs)
        self._inputs, inputs = self._plan_ends(metadata.INPUT, captured.inputs)
        plans = (*self.plan.tensors, *self._outputs, *self._inputs)
        weights = list(previous_weights)
        update_ratios = {}
        if previous_weights:
            for info in layout.weights:
                current = captured.weights[info.path]
                update_ratios[info.path] = reduce.update_ratio(
                    current, previous_weights[info.index], steps
                )
                weights[info.index] = current
        return {
            "statistics": reduce.statistics_table(
                [source for _, source in rows],
                [
                    update_ratios.get(row.path) if row.kind == metadata.WEIGHT else None
                    for row, _ in rows
                ],
            ),
            "histograms": reduce.histograms([source.values for _, source in rows]),
            "planes": [
                reduce.store(plan, values)
                for plan, values in zip(plans, (*maps, *outputs, *inputs), strict=True)
            ],
            "loss": captured.loss,
            "weights": weights,
        }

    def _choose_rows(
        self, captured: Captured, layout: ModelLayout
    ) -> list[tuple[Row, reduce.RowSource]]:
        selected = set(
            select_layers(
                [(layer.path, layer.layer()) for layer in layout.layers],
                self._layers,
                self._exclude_layers,
                containers=[(path, held()) for path, held in layout.containers],
            )
        )
        layers = [layer for layer in layout.layers if layer.path in selected]
        owners = {path: layer for layer in layers for path in layer.weight_paths}
        of_kind = {
            metadata.ACTIVATION: captured.activations,
            metadata.ACTIVATION_GRADIENT: captured.activation_gradients,
            metadata.WEIGHT: captured.weights,
            metadata.WEIGHT_GRADIENT: captured.weight_gradients,
        }
        rows = []
        for kind in self._kinds:
            if kind in (metadata.WEIGHT, metadata.WEIGHT_GRADIENT):
                owned = list(owners.items())
            else:
                owned = [(end.path, layer) for layer in layers for end in layer.outputs]
            rows += [
                _row(kind, path, layer, of_kind[kind][path], self._layers is None)
                for path, layer in owned
                if path in of_kind[kind] and _is_countable(of_kind[kind][path])
            ]
        if not rows:
            raise ValueError(
                f"Nothing to record: the layers {sorted(selected)} have none of the kinds"
                f" {', '.join(self._kinds)}."
            )
        return rows

    def _plan_row(self, row: Row, limits: Limits) -> TensorPlan:
        names = name_axes(
            row.kind,
            row.path,
            row.shape,
            class_name=row.class_name,
            data_format=row.data_format,
        )
        return plan_tensor(
            row.kind, row.path, row.dtype, names, row.shape, limits, self._precision
        )

    def _plan_ends(
        self, kind: str, ends: dict[str, tf.Tensor]
    ) -> tuple[tuple[TensorPlan, ...], list[tf.Tensor]]:
        """Plans of the model's inputs or outputs, and the tensors planned."""
        limits = replace(self._limits, samples=self.plan.limits.samples, **_END_LIMITS)
        countable = {p: t for p, t in ends.items() if _is_countable(t)}
        plans = []
        for path, tensor in countable.items():
            shape = tensor.shape.as_list()
            names = name_axes(
                kind, path, shape, data_format=keras.config.image_data_format()
            )
            is_small = math.prod(shape[1:]) <= _EXACT_VALUES_PER_SAMPLE
            precision = "float32" if is_small else self._precision
            plans.append(
                plan_tensor(
                    kind, path, tensor.dtype.name, names, shape, limits, precision
                )
            )
        return tuple(plans), list(countable.values())


def _row(
    kind: str, path: str, layer: LayerInfo, values: tf.Tensor, leave_out_maps: bool
) -> tuple[Row, reduce.RowSource]:
    is_activation = kind in (metadata.ACTIVATION, metadata.ACTIVATION_GRADIENT)
    rank = values.shape.rank
    channel_axis = None
    if rank > 1:
        first = is_activation and rank > 3 and layer.data_format == "channels_first"
        channel_axis = 1 if first else rank - 1
    row = Row(
        kind=kind,
        path=path,
        layer_path=layer.path,
        shape=tuple(values.shape.as_list()),
        dtype=values.dtype.name,
        class_name=layer.class_name,
        data_format=layer.data_format,
        has_maps=not (
            is_activation
            and leave_out_maps
            and layer.class_name in _LAYERS_WITHOUT_MAPS
        ),
    )
    activation = layer.activation if kind == metadata.ACTIVATION else ""
    return row, reduce.RowSource(values, channel_axis, activation)


def _is_countable(tensor: tf.Tensor) -> bool:
    """Whether it holds numbers, and its shape is the same at every step."""
    dtype = tensor.dtype
    is_number = dtype.is_floating or dtype.is_integer or dtype.is_bool
    return bool(is_number and tensor.shape.is_fully_defined())


def _check_loss(model: keras.Model, loss: Loss | None, probe: Probe) -> None:
    if loss is None and not getattr(model, "compiled", False):
        raise ValueError(
            "Gradients need a loss, and this model is not compiled. Call"
            " model.compile(optimizer, loss), or pass loss=function(y, y_pred), or"
            ' record without gradients: kinds=("activation", "weight").'
        )
    if probe.y is None:
        raise ProbeError(
            "Gradients need targets, and the probe has no y. Give probe=(x, y), or"
            ' record without gradients: kinds=("activation", "weight").'
        )


class _SelectionRefusedError(Exception):
    """Carries what is wrong with the selected layers past `_explaining_refusal`."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextlib.contextmanager
def _explaining_refusal(model: keras.Model, arguments: Sequence[Any]) -> Iterator[None]:
    """Turns what the model or its loss raises about the probe into a `ProbeError`."""
    try:
        yield
    except _SelectionRefusedError as refused:
        raise refused.cause from None
    except Exception as error:  # Layers and losses are users' code: it can be anything.
        x, y, _ = (
            keras.tree.map_structure(_describe_tensor, part) for part in arguments
        )
        expected = getattr(model, "input_shape", None)
        wanted = f" It takes inputs of shape {expected}." if expected else ""
        raise ProbeError(
            f"The model or its loss refuses the probe: x is {x}, y is {y}.{wanted} Give"
            f" the probe what you give to `fit`. The cause: {error}"
        ) from error


def _describe_tensor(tensor: tf.Tensor | None) -> str:
    if tensor is None:
        return "missing"
    return f"{tensor.dtype.name}{tensor.shape.as_list()}"


def _input_message(end: LayerOutput) -> plugin_data_pb2.Layer:
    return plugin_data_pb2.Layer(
        path=end.path,
        class_name="InputLayer",
        outputs=[_output_message(end)],
        maps_recorded=True,
    )


def _layer_message(layer: LayerInfo, with_maps: set[str]) -> plugin_data_pb2.Layer:
    recorded = (*layer.weight_paths, *(end.path for end in layer.outputs))
    return plugin_data_pb2.Layer(
        path=layer.path,
        class_name=layer.class_name,
        parents=layer.parents,
        outputs=[_output_message(end) for end in layer.outputs],
        parameter_count=layer.parameter_count,
        trainable=layer.trainable,
        activation=layer.activation,
        weights=layer.weight_paths,
        maps_recorded=any(path in with_maps for path in recorded),
        note=layer.note,
    )


def _output_message(end: LayerOutput) -> plugin_data_pb2.OutputSpec:
    shape = [-1 if size is None else size for size in end.shape]
    return plugin_data_pb2.OutputSpec(shape=shape, dtype=end.dtype, path=end.path)
