"""What is written at one step: tables, coded maps and values of a record."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract import plugin_data_pb2
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.heatmaps import StoredHeatmap
from tensorboard_keract.recording.layout import TensorPlan


@dataclass(frozen=True)
class CodedPlanes:
    """Planes of several tensors, of one size, on the device until they are written.

    Attributes:
      codes: [plane, pixel], as `wire_format.Planes` has them.
      low, high: float32 [plane].
    """

    codes: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor

    @functools.cached_property
    def on_host(self) -> tuple[npt.NDArray[Any], ...]:
        """Codes, low and high, brought to the host once for all of the tensors."""
        return self.codes.numpy(), self.low.numpy(), self.high.numpy()


@dataclass(frozen=True)
class StoredTensor:
    """Coded planes of one tensor.

    Attributes:
      plan: what of the tensor is stored.
      coded: its planes and those of others.
      first: index of its first plane.
    """

    plan: TensorPlan
    coded: CodedPlanes
    first: int = 0

    @property
    def end(self) -> int:
        """Index of the plane after its last."""
        blobs, channels, *_ = self.plan.plane_shape
        return self.first + blobs * channels

    def planes(self) -> wire_format.Planes:
        """Its planes on the host, in the plan's shape."""
        shape = self.plan.plane_shape
        codes, low, high = (part[self.first : self.end] for part in self.coded.on_host)
        return wire_format.Planes(
            codes.reshape(shape), low.reshape(shape[:2]), high.reshape(shape[:2])
        )


@dataclass(frozen=True)
class Reduced:
    """What one run of a compiled pass or step gives, on the device.

    Attributes:
      statistics: float32 [row, statistic]; None where the record has no tables. A row
        that this record leaves out is NaN throughout, its count included.
      histograms: float32 [row, bin]; None where the record has none. A row that this
        record leaves out is NaN throughout.
      maps: of the recorded layers and weights, and the model's outputs.
      inputs: the model's inputs; stored once where they are the probe's.
      heatmaps: of the probe's inputs, on the host.
      loss: scalar; None where it is not known.
    """

    statistics: tf.Tensor | None = None
    histograms: tf.Tensor | None = None
    maps: tuple[StoredTensor, ...] = ()
    inputs: tuple[StoredTensor, ...] = ()
    heatmaps: tuple[StoredHeatmap, ...] = ()
    loss: tf.Tensor | None = None


@dataclass(frozen=True)
class Record:
    """Everything that is written at one step.

    Attributes:
      values: float32 [len(metadata.RECORD_VALUES)].
      epoch: epochs completed; -1 where unknown.
      restarts: whether what earlier files hold from this step on is replaced.
      note: what a reader should know of a tensor, by kind and path.
      describe_model: the model's description, for the first record of a file.
      inputs_change: whether the inputs are others at each record, and stored with
        each; else they are stored with the first record of a file.
    """

    step: int
    epoch: int
    wall_time_s: float
    values: npt.NDArray[np.float32]
    reduced: Reduced
    restarts: bool
    note: Callable[[str, str], str]
    describe_model: Callable[[], plugin_data_pb2.ModelDescription] = field(repr=False)
    inputs_change: bool = False
