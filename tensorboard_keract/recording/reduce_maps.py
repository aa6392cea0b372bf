"""Inside the compiled pass: coded maps of its tensors.

Only what is written leaves the device. The same values as `layout.store` and
`wire_format.quantize` give in NumPy, as TensorFlow ops.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.layout import TensorPlan
from tensorboard_keract.recording.subroutine import subroutine


def store_all(
    plans: Sequence[TensorPlan], tensors: Sequence[tf.Tensor]
) -> list[tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    """Of each tensor its planes, coded: those of one size together.

    Returns:
      For each tensor codes, [plane, pixel], low and high, float32 [plane], in the order
      of `wire_format.Planes`. Where the batch is of unknown size, there are planes of as
      many samples as it has, up to the plan's.
    """
    groups: dict[tuple[int, str], list[int]] = {}
    planes = []
    for i, (plan, values) in enumerate(zip(plans, tensors, strict=True)):
        planes.append(_planes(plan, values))
        groups.setdefault((planes[i].shape[1], plan.precision), []).append(i)
    stored: dict[int, tuple[tf.Tensor, tf.Tensor, tf.Tensor]] = {}
    for (_, precision), group in groups.items():
        x = tf.concat([planes[i] for i in group], axis=0)
        if precision == "uint8":
            parts = _quantize(x)
        else:
            parts = (tf.cast(x, precision), *_finite_range(x))
        counts = [planes[i].shape[0] for i in group]
        if None in counts:
            counts = tf.stack([tf.shape(planes[i])[0] for i in group])
        split = [tf.split(part, counts, num=len(group)) for part in parts]
        stored.update(zip(group, zip(*split, strict=True), strict=True))
    return [stored[i] for i in range(len(plans))]


def _planes(plan: TensorPlan, values: tf.Tensor) -> tf.Tensor:
    """What of a tensor is stored, not yet coded, float32 [plane, pixel]."""
    x = values
    for position, axis in enumerate(plan.axes):
        if axis.pooling == 1 and axis.stored != x.shape[position]:
            x = x[(slice(None),) * position + (slice(axis.stored),)]
    x = tf.cast(x, tf.float32)
    for position, axis in enumerate(plan.axes):
        if axis.pooling > 1:
            x = _area_mean(x, position, axis.size, axis.pooling)
    # Values, not codes, are transposed: so the range of a plane is one of neighbours,
    # and four bytes are moved in less time than single ones.
    if plan.transposition != tuple(range(x.shape.rank)):
        x = tf.transpose(x, plan.transposition)
    blobs, channels, height, width = plan.plane_shape
    count = -1 if None in x.shape.as_list() else blobs * channels
    return tf.reshape(x, [count, height * width])


def _area_mean(x: tf.Tensor, axis: int, size: int, pooling: int) -> tf.Tensor:
    """Means of areas of `pooling` entries along an axis; the last may be smaller."""
    stored = -(-size // pooling)
    missing = stored * pooling - size
    padding = [[0, missing if i == axis else 0] for i in range(x.shape.rank)]
    shape = [-1 if size is None else size for size in x.shape.as_list()]
    split = [*shape[:axis], stored, pooling, *shape[axis + 1 :]]
    totals = tf.reduce_sum(tf.reshape(tf.pad(x, padding), split), axis=axis + 1)
    counts = np.full(stored, pooling, np.float32)
    counts[-1] -= missing
    # Not a division: the graph optimiser makes that a product with a reciprocal that
    # is not even exact for powers of two.
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
