"""Inside the compiled pass: statistics, histograms and coded maps of its tensors.

Only what is written leaves the device. The same values as `layout.store`,
`wire_format.quantize` and `wire_format.histogram` give in NumPy, as TensorFlow ops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.layout import TensorPlan
from tensorboard_keract.recording.statistics import saturation_limits


@dataclass(frozen=True)
class RowSource:
    """A tensor that fills one row of the tables.

    Attributes:
      values: of any real or boolean type.
      channel_axis: along which dead channels are counted; None for no channels.
      activation: name of the function that made the values, for saturation.
    """

    values: tf.Tensor
    channel_axis: int | None = None
    activation: str = ""


def statistics(row: RowSource) -> tf.Tensor:
    """The statistics of a whole tensor, as `statistics.statistics` defines them."""
    x = tf.cast(row.values, tf.float32)
    count = tf.cast(tf.size(x), tf.float32)
    finite = tf.math.is_finite(x)
    finite_count = _count(finite)
    nan = tf.constant(np.nan, tf.float32)
    safe = tf.where(finite, x, 0.0)
    mean = tf.reduce_sum(safe) / finite_count
    deviation = tf.where(finite, x - mean, 0.0)
    # Scaled by the greatest magnitude, so that squares don't overflow or vanish.
    scale = tf.reduce_max(tf.abs(safe))
    scale = tf.where(scale > 0, scale, 1.0)
    std = scale * tf.sqrt(tf.reduce_sum(tf.square(deviation / scale)) / finite_count)
    l2_norm = scale * tf.sqrt(tf.reduce_sum(tf.square(safe / scale)))
    some_finite = finite_count > 0
    low = tf.reduce_min(tf.where(finite, x, np.inf))
    high = tf.reduce_max(tf.where(finite, x, -np.inf))
    values = {
        "count": count,
        "mean": mean,
        "std": std,
        "min": tf.where(some_finite, low, nan),
        "max": tf.where(some_finite, high, nan),
        "l2_norm": tf.where(some_finite, l2_norm, nan),
        "zero_fraction": _fraction(tf.equal(x, 0)),
        "dead_fraction": _dead_fraction(x, row.channel_axis),
        "saturated_fraction": _saturated_fraction(x, row.activation),
        "nan_count": _count(tf.math.is_nan(x)),
        "positive_inf_count": _count(tf.equal(x, np.inf)),
        "negative_inf_count": _count(tf.equal(x, -np.inf)),
        "update_ratio": nan,
    }
    return tf.stack([values[name] for name in metadata.STATISTICS])


def statistics_table(
    rows: Sequence[RowSource], update_ratios: Sequence[tf.Tensor | None]
) -> tf.Tensor:
    """Statistics of several tensors, float32 [row, statistic].

    Args:
      rows: the tensors.
      update_ratios: for each, what `update_ratio` gave; None where it has none.
    """
    table = tf.stack([statistics(row) for row in rows])
    column = metadata.STATISTICS.index("update_ratio")
    nan = tf.constant(np.nan, tf.float32)
    ratios = tf.stack([nan if ratio is None else ratio for ratio in update_ratios])
    return tf.concat(
        [table[:, :column], ratios[:, None], table[:, column + 1 :]], axis=1
    )


def _count(condition: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(condition, tf.float32))


def _fraction(condition: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(condition, tf.float32))


def _dead_fraction(x: tf.Tensor, channel_axis: int | None) -> tf.Tensor:
    """The fraction of channels that are zero everywhere."""
    if channel_axis is None:
        return tf.constant(np.nan, tf.float32)
    others = [i for i in range(x.shape.rank) if i != channel_axis]
    dead = tf.reduce_all(tf.equal(x, 0), axis=others)
    return _fraction(dead)


def _saturated_fraction(x: tf.Tensor, activation: str) -> tf.Tensor:
    limits = saturation_limits(activation)
    if limits is None:
        return tf.constant(np.nan, tf.float32)
    return _fraction((x <= limits[0]) | (x >= limits[1]))


def update_ratio(weight: tf.Tensor, previous: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """How far a weight moved per training step, relative to its L2 norm.

    `||weight - previous|| / (steps * ||previous||)`, float32 scalar; `steps` is how
    many lie between the two. NaN where steps is 0 or the previous norm is.
    """
    w, before = tf.cast(weight, tf.float32), tf.cast(previous, tf.float32)
    distance = tf.norm(w - before) / (steps * tf.norm(before))
    return tf.where(tf.math.is_finite(distance), distance, np.nan)


def histograms(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Histograms of several tensors at once, float32 [tensors, HISTOGRAM_BINS].

    Tensors of more than `HISTOGRAM_SAMPLE_CAP` values are counted on an even stride.
    All tensors go through one set of ops: for a model of 178 layers the number of
    ops is what costs.
    """
    samples = []
    for tensor in tensors:
        flat = tf.reshape(tf.cast(tensor, tf.float32), [-1])
        samples.append(flat[:: wire_format.histogram_stride(int(flat.shape[0]))])
    counts = [int(sample.shape[0]) for sample in samples]
    x = tf.concat(samples, axis=0)
    bins = wire_format.HISTOGRAM_BINS
    row_offset = np.repeat(np.arange(len(counts), dtype=np.int32) * bins, counts)
    counted = tf.math.bincount(
        _bin_index(x) + row_offset,
        minlength=len(counts) * bins,
        maxlength=len(counts) * bins,
    )
    return tf.reshape(tf.cast(counted, tf.float32), [len(counts), bins])


def _bin_index(x: tf.Tensor) -> tf.Tensor:
    """The bin of each value, as in `wire_format.histogram`."""
    bits = tf.bitcast(x, tf.int32)
    magnitude = bits & 0x7FFFFFFF
    exponent = tf.bitwise.right_shift(magnitude, 23)
    bias = 127 + wire_format.HISTOGRAM_MIN_EXPONENT
    upper_half = (magnitude & 0x7FFFFF) >= wire_format.SQRT2_MANTISSA
    half_octave = 2 * (exponent - bias) + tf.cast(upper_half, tf.int32)
    per_sign = wire_format.HISTOGRAM_BINS_PER_SIGN
    distance = tf.clip_by_value(half_octave, -1, per_sign) + 1
    index = tf.where(
        bits < 0,
        wire_format.BIN_NEGATIVE_TINY - distance,
        wire_format.BIN_POSITIVE_TINY + distance,
    )
    infinite = tf.where(
        bits < 0, wire_format.BIN_NEGATIVE_INF, wire_format.BIN_POSITIVE_INF
    )
    infinity_bits = 0x7F800000
    index = tf.where(magnitude == 0, wire_format.BIN_ZERO, index)
    index = tf.where(magnitude == infinity_bits, infinite, index)
    return tf.where(magnitude > infinity_bits, wire_format.BIN_NAN, index)


def store(
    plan: TensorPlan, values: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Codes, low and high of a tensor's planes, as `wire_format.Planes` has them."""
    x = values
    for position, axis in enumerate(plan.axes):
        if axis.pooling == 1 and axis.stored < axis.size:
            x = tf.gather(x, tf.range(axis.stored), axis=position)
    x = tf.cast(x, tf.float32)
    for position, axis in enumerate(plan.axes):
        if axis.pooling > 1:
            x = _area_mean(x, position, axis.size, axis.pooling)
    x = tf.reshape(tf.transpose(x, plan.transposition), plan.plane_shape)
    return _quantize(x, plan.precision)


def _area_mean(x: tf.Tensor, axis: int, size: int, pooling: int) -> tf.Tensor:
    """Means of areas of `pooling` entries along an axis; the last may be smaller."""
    stored = -(-size // pooling)
    missing = stored * pooling - size
    padding = [[0, missing if i == axis else 0] for i in range(x.shape.rank)]
    shape = x.shape.as_list()
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


def _quantize(x: tf.Tensor, precision: str) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    finite = tf.math.is_finite(x)
    low = tf.reduce_min(tf.where(finite, x, np.inf), axis=(2, 3))
    high = tf.reduce_max(tf.where(finite, x, -np.inf), axis=(2, 3))
    none_finite = low > high
    low = tf.where(none_finite, 0.0, low)
    high = tf.where(none_finite, 0.0, high)
    if precision != "uint8":
        return tf.cast(x, precision), low, high
    # Halved, so that high - low can't overflow.
    half_low = (low * 0.5)[:, :, None, None]
    span = (high * 0.5)[:, :, None, None] - half_low
    position = tf.where(span > 0, (x * 0.5 - half_low) / span, 0.0)
    rounded = tf.round(tf.clip_by_value(position, 0.0, 1.0) * wire_format.CODE_MAX)
    codes = tf.where(finite, rounded, 0.0)
    codes = tf.where(tf.equal(x, -np.inf), float(wire_format.CODE_NEGATIVE_INF), codes)
    codes = tf.where(tf.equal(x, np.inf), float(wire_format.CODE_POSITIVE_INF), codes)
    codes = tf.where(tf.math.is_nan(x), float(wire_format.CODE_NAN), codes)
    return tf.cast(codes, tf.uint8), low, high
