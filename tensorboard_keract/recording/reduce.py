"""Inside the compiled pass: statistics, histograms and coded maps of its tensors.

Only what is written leaves the device. The same values as `layout.store`,
`wire_format.quantize` and `wire_format.histogram` give in NumPy, as TensorFlow ops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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
    values = dict(
        zip(
            _SUMMARY,
            tf.unstack(_summarize(_by_channel(x, row.channel_axis))),
            strict=True,
        )
    )
    nan = tf.constant(np.nan, tf.float32)
    if row.channel_axis is None:
        values["dead_fraction"] = nan
    values["saturated_fraction"] = _saturated_fraction(x, row.activation)
    values["update_ratio"] = nan
    return tf.stack([values[name] for name in metadata.STATISTICS])


_SUMMARY: Final = (
    "count",
    "mean",
    "std",
    "min",
    "max",
    "l2_norm",
    "zero_fraction",
    "dead_fraction",
    "nan_count",
    "positive_inf_count",
    "negative_inf_count",
)


def _by_channel(x: tf.Tensor, channel_axis: int | None) -> tf.Tensor:
    """The tensor as [before, channel, after], so that one function does for all."""
    shape = x.shape.as_list()
    if channel_axis is None:
        return tf.reshape(x, [1, 1, math.prod(shape)])
    before, after = shape[:channel_axis], shape[channel_axis + 1 :]
    return tf.reshape(x, [math.prod(before), shape[channel_axis], math.prod(after)])


# Below this sum, squares of the values may have vanished in float32.
_LEAST_SQUARES: Final = 1e-25


def _summarize_once(x: tf.Tensor) -> tf.Tensor:
    """The values of `_SUMMARY` of a tensor [before, channel, after].

    Most tensors are finite, and their squares neither overflow nor vanish: then six
    passes over the values do. The sum of squares tells: NaN and ±Inf go through.
    """
    count = tf.cast(tf.size(x), tf.float32)
    zeros = tf.reduce_sum(tf.cast(tf.equal(x, 0), tf.float32), axis=(0, 2))
    per_channel = count / tf.cast(tf.shape(x)[1], tf.float32)
    zero_fraction = tf.reduce_sum(zeros) / count
    dead_fraction = _fraction(tf.equal(zeros, per_channel))
    squares = tf.reduce_sum(tf.square(x))
    low, high = tf.reduce_min(x), tf.reduce_max(x)
    is_ordinary = tf.math.is_finite(squares) & (
        (squares > _LEAST_SQUARES) | (tf.equal(low, 0) & tf.equal(high, 0))
    )

    def ordinary() -> list[tf.Tensor]:
        mean = tf.reduce_mean(x)
        std = tf.sqrt(tf.reduce_mean(tf.math.squared_difference(x, mean)))
        none = tf.zeros(())
        return [mean, std, low, high, tf.sqrt(squares), none, none, none]

    def odd() -> list[tf.Tensor]:
        finite = tf.math.is_finite(x)
        finite_count = _count(finite)
        safe = tf.where(finite, x, 0.0)
        mean = tf.reduce_sum(safe) / finite_count
        deviation = tf.where(finite, x - mean, 0.0)
        # Scaled by the greatest magnitude, so that squares don't overflow or vanish.
        scale = tf.reduce_max(tf.abs(safe))
        scale = tf.where(scale > 0, scale, 1.0)
        variance = tf.reduce_sum(tf.square(deviation / scale)) / finite_count
        return [
            mean,
            scale * tf.sqrt(variance),
            tf.reduce_min(tf.where(finite, x, np.inf)),
            tf.reduce_max(tf.where(finite, x, -np.inf)),
            scale * tf.sqrt(tf.reduce_sum(tf.square(safe / scale))),
            _count(tf.math.is_nan(x)),
            _count(tf.equal(x, np.inf)),
            _count(tf.equal(x, -np.inf)),
        ]

    moments = tf.stack(tf.cond(is_ordinary, ordinary, odd))
    any_finite = tf.reduce_sum(moments[5:]) < count
    finite_moments = tf.where(any_finite, moments[:5], np.nan)
    return tf.concat(
        [[count], finite_moments, [zero_fraction, dead_fraction], moments[5:]], axis=0
    )


# Compiled once and called for each tensor, not inlined: a model has hundreds of them,
# and it is the number of ops that makes the first pass slow.
_summarize = tf.function(
    _summarize_once,
    input_signature=[tf.TensorSpec([None, None, None], tf.float32)],
    autograph=False,
    experimental_attributes={"_noinline": True},
)


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
            x = x[(slice(None),) * position + (slice(axis.stored),)]
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
