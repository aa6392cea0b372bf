"""Inside the compiled pass: coded maps of its tensors.

Only what is written leaves the device. The same values as `layout.store` and
`wire_format.quantize` give in NumPy, as TensorFlow ops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.layout import BATCH, TensorPlan
from tensorboard_keract.recording.record import CodedPlanes, StoredTensor
from tensorboard_keract.recording.subroutine import subroutine

# Planes of several tensors, one's after the other's: codes [plane, pixel], low and high,
# float32 [plane].
_Coded = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def store_all(
    planned: Sequence[tuple[TensorPlan, tf.Tensor]],
) -> dict[tuple[str, ...], tuple[tf.Tensor, ...]]:
    """Coded planes of all tensors: those of one size together.

    A compiled function is slow to give many results, so these are few. Where the batch
    is of unknown size, there are planes of as many samples as it has, up to the plan's.

    Returns:
      By the tags of the tensors, codes, low and high of their planes, and the sizes of
      their batches, int32 [tensor]; `stored_tensors` takes it.
    """
    groups: dict[tuple[int, str], list[int]] = {}
    planes = []
    constants = _Constants()
    for i, (plan, x) in enumerate(planned):
        of_batch = _of_batch(plan, x.shape[0] if plan.axes else None)
        planes.append(_planes(of_batch, x, constants))
        groups.setdefault((planes[i].shape[1], plan.precision), []).append(i)
    stored = {}
    for (_, precision), group in groups.items():
        tags = tuple(_tag(planned[i][0]) for i in group)
        x = tf.concat([planes[i] for i in group], axis=0)
        batch_sizes = tf.stack([_batch_size(*planned[i]) for i in group])
        stored[tags] = (*_coded(x, precision), batch_sizes)
    return stored


def stored_tensors(
    plans: Sequence[TensorPlan], stored: Mapping[tuple[str, ...], Any]
) -> dict[TensorPlan, StoredTensor]:
    """By its plan, each tensor of which there is something in what `store_all` gave."""
    plan_of = {_tag(plan): plan for plan in plans}
    found = {}
    for tags, (*coded, batch_sizes) in stored.items():
        together, first = CodedPlanes(*coded), 0
        for tag, size in zip(tags, batch_sizes.numpy().tolist(), strict=True):
            plan = plan_of[tag]
            tensor = StoredTensor(_of_batch(plan, size), together, first)
            found[plan], first = tensor, tensor.end
    return found


def _tag(plan: TensorPlan) -> str:
    return f"{plan.kind}/{plan.path}"


def _batch_size(plan: TensorPlan, values: tf.Tensor) -> int | tf.Tensor:
    """Of a tensor without a batch 0."""
    if not _has_batch(plan):
        return 0
    size: int | None = values.shape[0]
    return tf.shape(values)[0] if size is None else size


def _has_batch(plan: TensorPlan) -> bool:
    return bool(plan.axes) and plan.axes[0].name == BATCH


def _of_batch(plan: TensorPlan, size: int | None) -> TensorPlan:
    """The plan with the batch that there is, where that is known to be another."""
    if size is None or not _has_batch(plan) or size == plan.axes[0].size:
        return plan
    first = replace(plan.axes[0], size=size, stored=min(size, plan.axes[0].stored))
    return replace(plan, axes=(first, *plan.axes[1:]))


def _coded(x: tf.Tensor, precision: str) -> _Coded:
    if precision == "uint8":
        codes, low, high = _quantize(x)
        return codes, low, high
    return (tf.cast(x, precision), *_finite_range(x))


class _Constants:
    """Vectors of a graph, each made once: hundreds of tensors have few shapes."""

    def __init__(self) -> None:
        self._made: dict[str, tf.Tensor] = {}

    def __call__(self, values: Sequence[float]) -> tf.Tensor:
        """Int32 or, of floats, float32."""
        key = repr(list(values))
        if key not in self._made:
            self._made[key] = tf.constant(values)
        return self._made[key]


def _planes(plan: TensorPlan, values: tf.Tensor, constants: _Constants) -> tf.Tensor:
    """What of a tensor is stored, not yet coded, float32 [plane, pixel]."""
    x = _first(plan, values, constants)
    x = tf.cast(x, tf.float32)
    for position, axis in enumerate(plan.axes):
        if axis.pooling > 1:
            x = _area_mean(x, position, axis.size, axis.pooling, constants)
    # Values, not codes, are transposed: so the range of a plane is one of neighbours,
    # and four bytes are moved in less time than single ones.
    if plan.transposition != tuple(range(x.shape.rank)):
        x = tf.transpose(x, constants(plan.transposition))
    blobs, channels, height, width = plan.plane_shape
    count = -1 if None in x.shape.as_list() else blobs * channels
    return tf.reshape(x, constants([count, height * width]))


def _first(plan: TensorPlan, x: tf.Tensor, constants: _Constants) -> tf.Tensor:
    """The samples, channels and pixels that are stored, of those that there are."""
    ends = [
        None if axis.pooling > 1 or axis.stored == size else axis.stored
        for axis, size in zip(plan.axes, x.shape, strict=True)
    ]
    if all(end is None for end in ends):
        return x
    rank = len(ends)
    return tf.strided_slice(
        x,
        constants([0] * rank),
        constants([end or 0 for end in ends]),
        constants([1] * rank),
        begin_mask=(1 << rank) - 1,
        end_mask=sum((end is None) << i for i, end in enumerate(ends)),
    )


def _area_mean(
    x: tf.Tensor, axis: int, size: int, pooling: int, constants: _Constants
) -> tf.Tensor:
    """Means of areas of `pooling` entries along an axis; the last may be smaller."""
    stored = -(-size // pooling)
    missing = stored * pooling - size
    if missing:
        x = tf.pad(x, [[0, missing * (i == axis)] for i in range(x.shape.rank)])
    shape = [-1 if size is None else size for size in x.shape.as_list()]
    split = [*shape[:axis], stored, pooling, *shape[axis + 1 :]]
    totals = tf.reduce_sum(tf.reshape(x, constants(split)), axis=constants([axis + 1]))
    # Not a division: the graph optimiser makes that a product with a reciprocal that
    # is not even exact for powers of two.
    if not missing:
        return totals * constants([1 / pooling])
    counts = np.full(stored, pooling, np.float32)
    counts[-1] -= missing
    weights = (1 / counts).reshape(
        [-1 if i == axis else 1 for i in range(x.shape.rank)]
    )
    return totals * weights


def _finite_range(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Least and greatest finite value over axis 1; 0 where there is none."""
    finite = tf.math.is_finite(x)
    low = tf.reduce_min(tf.where(finite, x, np.inf), axis=1)
    high = tf.reduce_max(tf.where(finite, x, -np.inf), axis=1)
    none_finite = low > high
    return tf.where(none_finite, 0.0, low), tf.where(none_finite, 0.0, high)


@subroutine(tf.TensorSpec([None, None], tf.float32))
def _quantize(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """uint8 codes of [plane, pixel], low and high [plane]."""
    is_ordinary = tf.math.is_finite(tf.nn.l2_loss(x)) & (tf.size(x) > 0)

    def ordinary() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        low, high = tf.reduce_min(x, axis=1), tf.reduce_max(x, axis=1)
        step = (high - low) * np.float32(1 / wire_format.CODE_MAX)
        # Of a constant plane, and of one whose range is too small for float32.
        step = tf.where(step > 0, step, np.inf)
        codes = tf.round((x - low[:, None]) / step[:, None])
        return tf.cast(codes, tf.uint8), low, high

    def odd() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        low, high = _finite_range(x)
        # Halved, so that high - low can't overflow.
        half_low = (low * 0.5)[:, None]
        span = (high * 0.5)[:, None] - half_low
        position = tf.where(span > 0, (x * 0.5 - half_low) / span, 0.0)
        rounded = tf.round(tf.clip_by_value(position, 0.0, 1.0) * wire_format.CODE_MAX)
        codes = tf.where(tf.math.is_finite(x), rounded, 0.0)
        for special, code in (
            (tf.equal(x, -np.inf), wire_format.CODE_NEGATIVE_INF),
            (tf.equal(x, np.inf), wire_format.CODE_POSITIVE_INF),
            (tf.math.is_nan(x), wire_format.CODE_NAN),
        ):
            codes = tf.where(special, float(code), codes)
        return tf.cast(codes, tf.uint8), low, high

    codes, low, high = tf.cond(is_ordinary, ordinary, odd)
    return codes, low, high
