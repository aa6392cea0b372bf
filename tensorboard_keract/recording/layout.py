"""How a tensor lies in planes: which axis is which, and what of each is stored.

A plan is made once, from static shapes. `store` carries it out in NumPy; `reduce_maps.py`
does the same inside the compiled pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import wire_format

BATCH: Final = "batch"
POOLING_METHOD: Final = "area_mean"

# Axes along which neighbours belong together, so that an area has a mean. Channels,
# units and the like have no order: of those, the first are stored.
POOLED_AXES: Final = ("depth", "height", "width", "time", "query", "key")

_WEIGHT_KINDS: Final = (metadata.WEIGHT, metadata.WEIGHT_GRADIENT)

_ACTIVATION_AXES: Final = {
    0: (),
    1: (BATCH,),
    2: (BATCH, "unit"),
    3: (BATCH, "time", "unit"),
    4: (BATCH, "height", "width", "channel"),
    5: (BATCH, "depth", "height", "width", "channel"),
}
# Of attention: the scores, and what its inputs are projected to, by their paths' ends.
_SCORES: Final = "attention_scores"
_SCORES_AXES: Final = (BATCH, "head", "query", "key")
_PROJECTIONS: Final = ("query", "key", "value")
_PROJECTION_AXES: Final = (BATCH, "time", "head", "unit")
_KERNEL_AXES: Final = {
    0: (),
    1: ("unit",),
    2: ("in", "out"),
    3: ("time", "in", "out"),
    4: ("height", "width", "in", "out"),
    5: ("depth", "height", "width", "in", "out"),
}


@dataclass(frozen=True)
class Limits:
    """How much of a tensor is stored at most.

    Attributes:
      samples: of the batch.
      channels: planes along each channel axis.
      pixels: along each pooled axis; longer ones are averaged by whole factors.
      units: along an axis in a plane that can't be pooled.
    """

    samples: int = 8
    channels: int = 64
    pixels: int = 64
    units: int = 256


# A single row of units, such as a dense layer's output, may be longer than the side
# of a matrix: 4,096 is the widest layer of VGG.
_ROW_UNITS_FACTOR: Final = 16


@dataclass(frozen=True)
class StoredAxis:
    """One axis of a tensor: its name, its size, and what of it is stored."""

    name: str
    size: int
    stored: int
    pooling: int = 1


@dataclass(frozen=True)
class TensorPlan:
    """What of a tensor is stored, and how it lies in planes.

    Attributes:
      axes: in the tensor's order.
      channel_axes, height_axis, width_axis: the roles of the axes in a plane, by
        name; empty where a plane has no such axis.
      precision: of the codes.
    """

    kind: str
    path: str
    dtype: str
    axes: tuple[StoredAxis, ...]
    channel_axes: tuple[str, ...]
    height_axis: str
    width_axis: str
    precision: str = "uint8"

    def stored(self, axis: str) -> int:
        """Stored entries of an axis; 1 for the empty name."""
        return next((a.stored for a in self.axes if a.name == axis), 1)

    @property
    def plane_shape(self) -> tuple[int, int, int, int]:
        """Stored [blob, channel, height, width]."""
        channels = math.prod(self.stored(axis) for axis in self.channel_axes)
        return (
            self.stored(BATCH),
            channels,
            self.stored(self.height_axis),
            self.stored(self.width_axis),
        )

    @property
    def byte_count(self) -> int:
        """Bytes before compression: codes, and eight for the range of each plane."""
        blobs, channels, height, width = self.plane_shape
        item = np.dtype(self.precision).itemsize
        return blobs * channels * (height * width * item + 8)

    @property
    def transposition(self) -> tuple[int, ...]:
        """The order of the tensor's axes that brings it to planes; size-1 rests first."""
        names = [axis.name for axis in self.axes]
        roles = [BATCH, *self.channel_axes, self.height_axis, self.width_axis]
        placed = [names.index(role) for role in roles if role in names]
        rest = [i for i in range(len(names)) if i not in placed]
        return (*rest, *placed)

    def header(self) -> plugin_data_pb2.TensorHeader:
        """The header of every record of the tensor, without its values."""
        return plugin_data_pb2.TensorHeader(
            kind=self.kind,
            path=self.path,
            dtype=self.dtype,
            axes=[
                plugin_data_pb2.Axis(
                    name=a.name, size=a.size, stored=a.stored, pooling=a.pooling
                )
                for a in self.axes
            ],
            channel_axes=self.channel_axes,
            height_axis=self.height_axis,
            width_axis=self.width_axis,
            pooling_method=POOLING_METHOD
            if any(axis.pooling > 1 for axis in self.axes)
            else "",
        )


def name_axes(
    kind: str,
    path: str,
    shape: Sequence[int],
    *,
    class_name: str = "",
    data_format: str = "channels_last",
) -> tuple[str, ...]:
    """Names of a tensor's axes, as far as its kind, owner and rank tell them.

    Args:
      kind: one of `metadata.TENSOR_KINDS`.
      path: its last part is the name of a weight, or tells a part of attention.
      shape: of the tensor.
      class_name: of the layer that owns it.
      data_format: of that layer.
    """
    rank = len(shape)
    if kind in _WEIGHT_KINDS:
        if "embedding" in path.rpartition("/")[2]:
            return ("in", "out")[:rank] if rank <= 2 else _numbered_axes(rank)
        if class_name.startswith(("MultiHead", "GroupQuery", "Einsum")) and rank > 2:
            return _numbered_axes(rank)
        names = _KERNEL_AXES.get(rank, _numbered_axes(rank))
        if class_name.startswith("Depthwise") and "kernel" in path:
            names = tuple({"out": "multiplier"}.get(name, name) for name in names)
        return names
    own_name = path.rpartition("/")[2]
    if rank == 4 and own_name == _SCORES:
        return _SCORES_AXES
    if rank == 4 and class_name == "EinsumDense" and own_name in _PROJECTIONS:
        return _PROJECTION_AXES
    names = _ACTIVATION_AXES.get(rank, (BATCH, *_numbered_axes(rank)[1:]))
    if data_format == "channels_first" and 4 <= rank <= 5:
        names = (BATCH, "channel", *names[1:-1])
    return names


def _numbered_axes(rank: int) -> tuple[str, ...]:
    return tuple(f"axis{i}" for i in range(rank))


def plan_tensor(
    kind: str,
    path: str,
    dtype: str,
    axis_names: Sequence[str],
    shape: Sequence[int],
    limits: Limits | None = None,
    precision: str = "uint8",
) -> TensorPlan:
    """Plans what of a tensor is stored within the limits.

    Args:
      kind, path, dtype: what the header says of it.
      axis_names: one for each axis, see `name_axes`.
      shape: static, all sizes known.
      limits: how much may be stored; the defaults where left out.
      precision: one of `wire_format.PRECISIONS`.

    Raises:
      ValueError: if names and shape have different lengths.
    """
    if len(axis_names) != len(shape):
        raise ValueError(f"{len(axis_names)} axis names for the shape {tuple(shape)}.")
    limits = limits or Limits()
    sizes = dict(zip(axis_names, shape, strict=True))
    channel_axes, height_axis, width_axis = _roles(sizes)
    is_row = not channel_axes and not height_axis
    # One factor for height and width: a picture keeps its proportions.
    longest = max(sizes.get("height", 1), sizes.get("width", 1))
    sides = dict(sizes, height=longest, width=longest)
    axes = []
    for name, size in sizes.items():
        pooling = 1
        if name == BATCH:
            stored = min(size, limits.samples)
        elif name in channel_axes and name not in POOLED_AXES:
            stored = min(size, limits.channels)
        elif name in POOLED_AXES:
            pooling = max(1, -(-sides[name] // limits.pixels))
            stored = -(-size // pooling)
        else:
            stored = min(size, limits.units * (_ROW_UNITS_FACTOR if is_row else 1))
        axes.append(StoredAxis(name, size, stored, pooling))
    return TensorPlan(
        kind=kind,
        path=path,
        dtype=dtype,
        axes=tuple(axes),
        channel_axes=channel_axes,
        height_axis=height_axis,
        width_axis=width_axis,
        precision=precision,
    )


def _roles(sizes: dict[str, int]) -> tuple[tuple[str, ...], str, str]:
    """Which axes are channels, height and width of a plane.

    Axes of size 1 take no part, so that a 1 × 1 map of many channels is a row of
    units. Of those left: pictures keep height and width; units × time and in × out
    are matrices; what remains is a row.
    """
    names = [name for name, size in sizes.items() if name != BATCH and size != 1]
    if not names:
        return (), "", ""
    if len(names) == 1:
        return (), "", names[0]
    if "height" in names and "width" in names:
        height, width = "height", "width"
    elif "time" in names:
        height = next(
            n for n in ("unit", "in", names[0], names[1]) if n in names and n != "time"
        )
        width = "time"
    else:
        height, width = names[-2:]
    rest = [name for name in names if name not in (height, width)]
    # Outputs before inputs, channels before slices: the first axis is the one that a
    # reader calls "the channel".
    order = {"out": 0, "channel": 0, "unit": 0, "in": 1, "multiplier": 2}
    return tuple(sorted(rest, key=lambda n: order.get(n, 3))), height, width


def store(plan: TensorPlan, values: npt.ArrayLike) -> wire_format.Planes:
    """The planes of a tensor: selected, averaged and coded as planned.

    Args:
      plan: made for the shape of `values`.
      values: real numbers or booleans. A NaN or ±Inf in a pooled area makes its mean
        one, too.

    Raises:
      ValueError: if the shape is not the planned one.
    """
    x = np.asarray(values, np.float32)
    planned = tuple(axis.size for axis in plan.axes)
    if x.shape != planned:
        raise ValueError(f"The shape is {x.shape}; it was planned as {planned}.")
    for position, axis in enumerate(plan.axes):
        if axis.pooling > 1:
            starts = np.arange(0, axis.size, axis.pooling)
            counts = np.diff([*starts, axis.size])
            weights = (1 / counts).astype(np.float32)
            shape = [-1 if i == position else 1 for i in range(x.ndim)]
            x = np.add.reduceat(x, starts, axis=position) * weights.reshape(shape)
        elif axis.stored < axis.size:
            x = x.take(range(axis.stored), axis=position)
    planes = x.transpose(plan.transposition).reshape(plan.plane_shape)
    return wire_format.quantize(planes, plan.precision)
