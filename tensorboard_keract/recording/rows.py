"""Which tensors have rows in the tables and maps: chosen once, the same at every step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import tensorflow as tf

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.core.capture import Captured
from tensorboard_keract.core.layer_selection import LayerSelectors, select_layers
from tensorboard_keract.core.model_layout import LayerInfo, ModelLayout
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.reduce_tables import RowSource

KINDS: Final = (
    metadata.ACTIVATION,
    metadata.ACTIVATION_GRADIENT,
    metadata.WEIGHT,
    metadata.WEIGHT_GRADIENT,
)
GRADIENT_KINDS: Final = (metadata.ACTIVATION_GRADIENT, metadata.WEIGHT_GRADIENT)
WEIGHT_KINDS: Final = (metadata.WEIGHT, metadata.WEIGHT_GRADIENT)

# Layers whose activations say what those of the layer before say.
_LEFT_OUT: Final = (
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


def check_kinds(kinds: Iterable[str] | None) -> tuple[str, ...]:
    """Kinds of tensors in the order of recording; all for None.

    Raises:
      ValueError: for an unknown one, or none.
    """
    given = (
        KINDS if kinds is None else (kinds,) if isinstance(kinds, str) else tuple(kinds)
    )
    unknown = [kind for kind in given if kind not in KINDS]
    if unknown or not given:
        raise ValueError(
            f"Unknown kinds {unknown}; use one or several of: {', '.join(KINDS)}."
            if unknown
            else f"No kinds to record; use one or several of: {', '.join(KINDS)}."
        )
    return tuple(kind for kind in KINDS if kind in given)


@dataclass(frozen=True)
class Row:
    """A row of the tables: a tensor, and what of its layer decides how it is drawn.

    Attributes:
      shape: None for an axis whose size differs from step to step.
      has_maps: whether the row's tensor has maps, too: where its shape is known.
    """

    kind: str
    path: str
    layer_path: str
    shape: tuple[int | None, ...]
    dtype: str
    class_name: str
    data_format: str
    activation: str
    has_maps: bool

    def message(self) -> plugin_data_pb2.TableRow:
        """The row as the model's description has it."""
        sizes = [size for size in self.shape if size is not None]
        is_known = len(sizes) == len(self.shape)
        return plugin_data_pb2.TableRow(
            kind=self.kind,
            path=self.path,
            layer_path=self.layer_path,
            shape=[-1 if size is None else size for size in self.shape],
            dtype=self.dtype,
            histogram_stride=wire_format.histogram_stride(math.prod(sizes), self.shape)
            if is_known
            else 0,
        )

    @property
    def channel_axis(self) -> int | None:
        """Along which dead channels are counted."""
        rank = len(self.shape)
        if rank < 2:
            return None
        is_first = (
            self.kind not in WEIGHT_KINDS
            and rank > 3
            and self.data_format == "channels_first"
        )
        axis = 1 if is_first else rank - 1
        return None if self.shape[axis] is None else axis

    @property
    def channels(self) -> int:
        """How many channels may be dead; 0 for none."""
        axis = self.channel_axis
        return 0 if axis is None else self.shape[axis] or 0

    def source(self, values: tf.Tensor) -> RowSource:
        """What the reductions need of the row's tensor."""
        return RowSource(values, self.channel_axis, self.activation)


def tensors_of_kind(captured: Captured) -> dict[str, Mapping[str, tf.Tensor]]:
    return {
        metadata.ACTIVATION: captured.activations,
        metadata.ACTIVATION_GRADIENT: captured.activation_gradients,
        metadata.WEIGHT: captured.weights,
        metadata.WEIGHT_GRADIENT: captured.weight_gradients,
    }


def choose_rows(
    captured: Captured,
    layout: ModelLayout,
    kinds: Sequence[str],
    layers: LayerSelectors | None,
    exclude_layers: LayerSelectors | None,
) -> tuple[Row, ...]:
    """The rows of the tables: kind by kind, in the order of the layers.

    Where no layers are named, activations of those that only reshape, pad, crop, drop
    or normalise, and their gradients, are left out.

    Raises:
      UnknownLayerError, TypeError: for a selector that fits no layer, or is none.
      ValueError: if nothing is left to record.
    """
    selected = set(
        select_layers(
            [(layer.path, layer.layer()) for layer in layout.layers],
            layers,
            exclude_layers,
            containers=[(path, held()) for path, held in layout.containers],
        )
    )
    chosen = [layer for layer in layout.layers if layer.path in selected]
    tensors = tensors_of_kind(captured)
    rows = [
        _row(kind, path, layer, tensors[kind][path])
        for kind in kinds
        for path, layer in _owned(kind, chosen)
        if path in tensors[kind] and is_countable(tensors[kind][path])
    ]
    if layers is None:
        # Where nothing but such layers is there, they are what is wanted.
        rows = [row for row in rows if not _is_left_out(row)] or rows
    if not rows:
        raise ValueError(
            f"Nothing to record: the layers {sorted(selected)} have none of the kinds"
            f" {', '.join(kinds)}."
        )
    return tuple(rows)


def _owned(kind: str, layers: Sequence[LayerInfo]) -> Iterable[tuple[str, LayerInfo]]:
    if kind in WEIGHT_KINDS:
        return {path: layer for layer in layers for path in layer.weight_paths}.items()
    return [(end.path, layer) for layer in layers for end in layer.outputs]


def _row(kind: str, path: str, layer: LayerInfo, values: tf.Tensor) -> Row:
    shape = tuple(values.shape.as_list())
    return Row(
        kind=kind,
        path=path,
        layer_path=layer.path,
        shape=shape,
        dtype=values.dtype.name,
        class_name=layer.class_name,
        data_format=layer.data_format,
        activation=layer.activation if kind == metadata.ACTIVATION else "",
        has_maps=None not in shape[0 if kind in WEIGHT_KINDS else 1 :],
    )


def _is_left_out(row: Row) -> bool:
    return row.kind not in WEIGHT_KINDS and row.class_name in _LEFT_OUT


def is_countable(tensor: tf.Tensor) -> bool:
    """Whether it holds real numbers or booleans, and its rank is known."""
    dtype = tensor.dtype
    is_number = dtype.is_floating or dtype.is_integer or dtype.is_bool
    return bool(is_number and tensor.shape.rank is not None)
