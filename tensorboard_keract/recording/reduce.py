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
from tensorboard_keract.recording.layout import BATCH, TensorPlan
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
# Below this share of the squared mean, the variance as the difference of two means
# loses more than a digit of float32's seven.
_LEAST_SPREAD: Final = 0.1


def _summarize_once(x: tf.Tensor) -> tf.Tensor:
    """The values of `_SUMMARY` of a tensor [before, channel, after].

    Most tensors are finite, not nearly constant, and their squares neither overflow nor
    vanish: then five passes over the values do. The sum of squares tells; NaN and ±Inf
    go through to it.
    """
    count = tf.cast(tf.size(x), tf.float32)
    zeros = tf.reduce_sum(tf.cast(tf.equal(x, 0), tf.float32), axis=(0, 2))
    per_channel = count / tf.cast(tf.shape(x)[1], tf.float32)
    zero_fraction = tf.reduce_sum(zeros) / count
    dead_fraction = _fraction(tf.equal(zeros, per_channel))
    squares = tf.reduce_sum(tf.square(x))
    low, high, mean = tf.reduce_min(x), tf.reduce_max(x), tf.reduce_mean(x)
    variance = squares / count - tf.square(mean)
    is_zero = tf.equal(low, 0) & tf.equal(high, 0)
    is_ordinary = tf.math.is_finite(squares) & (
        ((squares > _LEAST_SQUARES) & (variance > _LEAST_SPREAD * tf.square(mean)))
        | is_zero
    )

    def ordinary() -> list[tf.Tensor]:
        none = tf.zeros(())
        return [mean, tf.sqrt(variance), low, high, tf.sqrt(squares), none, none, none]

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
    # The axes of a plane lie side by side: as [before, plane, after], one function does
    # for all tensors, and only codes, a byte each, have to be transposed.
    first, last = _plane_positions(plan)
    sizes = [axis.stored for axis in plan.axes]
    before, plane, after = sizes[:first], sizes[first:last], sizes[last:]
    flat = tf.reshape(x, [math.prod(before), math.prod(plane), math.prod(after)])
    if plan.precision == "uint8":
        codes, low, high = _quantize(flat)
    else:
        codes = tf.cast(x, plan.precision)
        low, high = _finite_range(flat)
    blobs, channels, _, _ = plan.plane_shape
    without_plane = [*before, *[1] * len(plane), *after]

    def by_channel(end: tf.Tensor) -> tf.Tensor:
        ends = tf.transpose(tf.reshape(end, without_plane), plan.transposition)
        return tf.reshape(ends, [blobs, channels])

    codes = tf.transpose(tf.reshape(codes, sizes), plan.transposition)
    return tf.reshape(codes, plan.plane_shape), by_channel(low), by_channel(high)


def _plane_positions(plan: TensorPlan) -> tuple[int, int]:
    """Where the axes of a plane begin and end among the tensor's axes."""
    plane = [
        position
        for position, axis in enumerate(plan.axes)
        if axis.name in (plan.height_axis, plan.width_axis)
    ]
    first, last = (plane[0], plane[-1] + 1) if plane else (len(plan.axes),) * 2
    if any(axis.name in (BATCH, *plan.channel_axes) for axis in plan.axes[first:last]):
        raise ValueError(f"The axes of a plane lie apart in {plan.axes}.")
    return first, last


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


def _finite_range(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Least and greatest finite value over axis 1; 0 where there is none."""
    finite = tf.math.is_finite(x)
    low = tf.reduce_min(tf.where(finite, x, np.inf), axis=1)
    high = tf.reduce_max(tf.where(finite, x, -np.inf), axis=1)
    none_finite = low > high
    return tf.where(none_finite, 0.0, low), tf.where(none_finite, 0.0, high)


def _quantize_once(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """uint8 codes of [before, plane, after], low and high [before, after]."""
    is_ordinary = tf.math.is_finite(tf.reduce_sum(tf.square(x))) & (tf.size(x) > 0)

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


_quantize = tf.function(
    _quantize_once,
    input_signature=[tf.TensorSpec([None, None, None], tf.float32)],
    autograph=False,
    experimental_attributes={"_noinline": True},
)
