"""Inside the compiled pass: statistics and histograms of its tensors.

Only what is written leaves the device. The same values as `statistics.statistics` and
`wire_format.histogram` give in NumPy, as TensorFlow ops.

A model has a few tensors of millions of values, where passes over the values are what
costs, and hundreds of small ones, where it is the number of ops. So each large tensor
has functions of its own, and all small ones together are one vector. Tensors with the
same values in the same order, as of a `Flatten` and the layer before, are reduced once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.statistics import saturation_limits
from tensorboard_keract.recording.subroutine import subroutine


@dataclass(frozen=True)
class RowSource:
    """A tensor that fills one row of the tables.

    Attributes:
      values: of any real or boolean type. The rank is known, and so is the size of the
        channel axis; other axes may be of unknown size.
      channel_axis: along which dead channels are counted; None for no channels.
      activation: name of the function that made the values, for saturation.
    """

    values: tf.Tensor
    channel_axis: int | None = None
    activation: str = ""


_ANY: Final = tf.TensorSpec(None, tf.float32)
_VOLUME: Final = tf.TensorSpec([None, None, None], tf.float32)
_INTEGER: Final = tf.TensorSpec([], tf.int32)
# Dead channels, float32 [channel], None of a tensor without channels; and how many
# values are zero, float32 scalar.
_ZerosFound = tuple[tf.Tensor | None, tf.Tensor]

# Up to so many values a tensor is one of the small ones. Their segments take about
# 10 ns a value; the calls of a large tensor's functions take a tenth of a millisecond.
_SMALL_VALUES: Final = 8192
# Where an axis is of unknown size: up to so many values for each entry of it.
_SMALL_VALUES_PER_SAMPLE: Final = 64


def _is_small(values: tf.Tensor) -> bool:
    sizes: list[int | None] = values.shape.as_list()
    if None in sizes:
        known = math.prod(size for size in sizes if size is not None)
        return known <= _SMALL_VALUES_PER_SAMPLE
    return int(values.shape.num_elements()) <= _SMALL_VALUES


def _by_size(tensors: Sequence[tf.Tensor]) -> tuple[list[int], list[int], list[int]]:
    """The indices of small tensors, those of large ones, and where each tensor is found
    in what was made of the small and then of the large ones.
    """
    small = [i for i, tensor in enumerate(tensors) if _is_small(tensor)]
    large = [i for i, tensor in enumerate(tensors) if not _is_small(tensor)]
    place = {index: position for position, index in enumerate((*small, *large))}
    return small, large, [place[i] for i in range(len(tensors))]


def _origin(values: tf.Tensor) -> Hashable:
    """The same for tensors that hold the same values in the same order."""
    while tf.is_symbolic_tensor(values) and values.op.type in ("Identity", "Reshape"):
        values = values.op.inputs[0]
    origin: Hashable = values.ref()
    return origin


def _distinct(
    rows: Sequence[RowSource], keys: Sequence[Hashable]
) -> tuple[list[RowSource], list[int]]:
    """Rows with different keys, and for each row the index of the one with its own."""
    index: dict[Hashable, int] = {}
    distinct: list[RowSource] = []
    index_of_row = []
    for row, key in zip(rows, keys, strict=True):
        if key not in index:
            index[key] = len(distinct)
            distinct.append(row)
        index_of_row.append(index[key])
    return distinct, index_of_row


def _float(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32)


def _flat(values: tf.Tensor) -> tf.Tensor:
    x = _float(values)
    return x if x.shape.rank == 1 else tf.reshape(x, [-1])


def _segments(tensors: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Vectors as one: all their values, of which vector each is, and their sizes."""
    sizes = [tensor.shape[0] for tensor in tensors]
    counts = tf.stack(
        [tf.size(t) if n is None else n for t, n in zip(tensors, sizes, strict=True)]
    )
    return tf.concat(tensors, axis=0), _segment_ids(counts), counts


def _segment_ids(counts: tf.Tensor) -> tf.Tensor:
    """0 as often as the first count says, then 1, and so on."""
    # `tf.repeat` takes space for the greatest count in all segments; and as a constant
    # the result would be in every copy of the graph.
    ends = tf.cumsum(counts)
    size = tf.reduce_sum(counts) + 1
    steps = tf.math.unsorted_segment_sum(tf.ones_like(ends), ends, size)
    return tf.cumsum(steps[:-1])


# What is known of a tensor without its channels.
_SUMMARY: Final = (
    "count",
    "mean",
    "std",
    "min",
    "max",
    "l2_norm",
    "nan_count",
    "positive_inf_count",
    "negative_inf_count",
    "zero_fraction",
)

# Below this sum, squares of the values may have vanished in float32.
_LEAST_SQUARES: Final = 1e-25
# Below this share of the squared mean, the variance as the difference of two means
# loses more than a digit of float32's seven.
_LEAST_SPREAD: Final = 0.1
# The same for float64's fifteen, of which seven are wanted.
_LEAST_SPREAD_FLOAT64: Final = 1e-8


def statistics(row: RowSource) -> tf.Tensor:
    """The statistics of a whole tensor, as `statistics.statistics` defines them."""
    return statistics_table([row], [None])[0][0]


def statistics_table(
    rows: Sequence[RowSource], update_ratios: Sequence[tf.Tensor | None]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Statistics of several tensors, as `statistics.statistics` defines them.

    `statistics.merge_statistics` merges what parts of a batch give.

    Args:
      rows: the tensors; at least one.
      update_ratios: for each, what `update_ratio` gave; None where it has none.

    Returns:
      The statistics, float32 [row, statistic], and for the channels of all rows, one
      row's after the other's, whether they are zero everywhere: float32 [channel], 1.0
      for a dead channel and 0.0 for one that is not. A channel without values is dead.
      Rows without a channel axis have none.
    """
    distinct, index_of_row = _distinct(rows, [_origin(row.values) for row in rows])
    zeros = _Zeros()
    small, large, place = _by_size([row.values for row in distinct])
    summaries = []
    if small:
        summaries.append(_summarize_small([distinct[i].values for i in small]))
    if large:
        moments = tf.stack([_moments(_float(distinct[i].values)) for i in large])
        zero_counts = tf.stack([zeros.count(distinct[i]) for i in large])
        fractions = zero_counts / moments[:, 0]
        summaries.append(tf.concat([moments, fractions[:, None]], axis=1))
    summary = tf.gather(
        tf.concat(summaries, axis=0), [place[index] for index in index_of_row]
    )
    columns = dict(zip(_SUMMARY, tf.unstack(summary, axis=1), strict=True))
    dead = [zeros.dead(row) for row in rows if row.channel_axis is not None]
    dead_channels = tf.concat(dead, axis=0) if dead else tf.zeros([0])
    nan = tf.constant(np.nan, tf.float32)
    columns["dead_fraction"] = tf.where(
        columns["count"] > 0, _dead_fractions(rows, dead_channels), nan
    )
    columns["saturated_fraction"] = tf.stack(
        [_saturated_fraction(row.values, row.activation, nan) for row in rows]
    )
    columns["update_ratio"] = tf.stack(
        [nan if ratio is None else ratio for ratio in update_ratios]
    )
    table = tf.stack([columns[name] for name in metadata.STATISTICS], axis=1)
    return table, dead_channels


def _dead_fractions(rows: Sequence[RowSource], dead_channels: tf.Tensor) -> tf.Tensor:
    """Of each row, the share of its channels; NaN where it has none."""
    counts = np.array(
        [
            0 if row.channel_axis is None else row.values.shape[row.channel_axis]
            for row in rows
        ]
    )
    row_of_channel = np.repeat(np.arange(len(rows)), counts)
    dead = tf.math.unsorted_segment_sum(dead_channels, row_of_channel, len(rows))
    return dead * np.where(counts > 0, 1 / np.maximum(counts, 1), np.nan).astype("f4")


@subroutine(_ANY)
def _moments(values: tf.Tensor) -> tf.Tensor:
    """The values of `_SUMMARY` without zeros, float32 [9].

    Most tensors are finite, not nearly constant, and their squares neither overflow nor
    vanish: then four passes over the values do. The sum of squares tells; NaN and ±Inf
    go through to it.
    """
    x = tf.reshape(values, [-1])
    count = tf.cast(tf.size(x), tf.float32)
    total, low, high = tf.reduce_sum(x), tf.reduce_min(x), tf.reduce_max(x)
    # Half the sum of squares, in one op that makes no vector of squares.
    squares = 2.0 * tf.nn.l2_loss(x)
    mean = total / count
    variance = squares / count - tf.square(mean)
    is_zero = tf.equal(low, 0) & tf.equal(high, 0)
    is_ordinary = tf.math.is_finite(squares) & (
        ((squares > _LEAST_SQUARES) & (variance > _LEAST_SPREAD * tf.square(mean)))
        | is_zero
    )

    def ordinary() -> tf.Tensor:
        none = tf.zeros(())
        std, norm = tf.sqrt(variance), tf.sqrt(squares)
        return tf.stack([count, mean, std, low, high, norm, none, none, none])

    def odd() -> tf.Tensor:
        finite = tf.math.is_finite(x)
        finite_count = _count(finite)
        safe = tf.where(finite, x, 0.0)
        # Scaled by the power of two below the greatest magnitude, so that sums and
        # squares don't overflow or vanish, and no digit is lost.
        scale = _power_of_two(tf.reduce_max(tf.abs(safe)))
        scaled = safe / scale
        rough_mean = tf.reduce_sum(scaled) / finite_count
        deviation = tf.where(finite, scaled - rough_mean, 0.0)
        # What the mean missed by rounding would count as spread.
        missed = tf.reduce_sum(deviation) / finite_count
        variance = 2.0 * tf.nn.l2_loss(deviation) / finite_count - tf.square(missed)
        moments = tf.stack(
            [
                scale * (rough_mean + missed),
                scale * tf.sqrt(tf.maximum(variance, 0.0)),
                tf.reduce_min(tf.where(finite, x, np.inf)),
                tf.reduce_max(tf.where(finite, x, -np.inf)),
                scale * tf.sqrt(2.0 * tf.nn.l2_loss(scaled)),
            ]
        )
        moments = tf.where(finite_count > 0, moments, np.nan)
        return tf.concat([[count], moments, tf.stack(_special_counts(x, _count))], 0)

    moments: tf.Tensor = tf.cond(is_ordinary, ordinary, odd)
    return moments


def _power_of_two(x: tf.Tensor) -> tf.Tensor:
    """The greatest power of two not above x; 1 for zero."""
    exponent = tf.bitcast(tf.bitcast(x, tf.int32) & 0x7F800000, tf.float32)
    return tf.where(exponent > 0, exponent, 1.0)


def _special_counts(
    x: tf.Tensor, count: Callable[[tf.Tensor], tf.Tensor]
) -> list[tf.Tensor]:
    """How many are NaN, Inf and -Inf."""
    return [
        count(tf.math.is_nan(x)),
        count(tf.equal(x, np.inf)),
        count(tf.equal(x, -np.inf)),
    ]


def _count(condition: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(condition, tf.float32))


def _summarize_small(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """The values of `_SUMMARY`, float32 [tensor, 10], of many small tensors.

    Sums are of float64: there no square of a float32 overflows or vanishes.
    """
    # One value more, of a segment that is dropped: else the last tensors would be
    # missing where they are empty.
    x, segments, sizes = _segments([_flat(t) for t in tensors] + [tf.zeros([1])])

    def total(values: tf.Tensor) -> tf.Tensor:
        return tf.math.segment_sum(tf.cast(values, tf.float64), segments)

    finite = tf.math.is_finite(x)
    safe = tf.cast(tf.where(finite, x, 0.0), tf.float64)
    low = tf.math.segment_min(tf.where(finite, x, np.inf), segments)
    high = tf.math.segment_max(tf.where(finite, x, -np.inf), segments)
    none = tf.zeros([len(tensors) + 1], tf.float64)
    special = tf.cond(
        tf.reduce_all(finite),
        lambda: [none, none, none],
        lambda: _special_counts(x, total),
    )
    count = tf.cast(sizes, tf.float64)
    finite_count = count - tf.add_n(special)
    mean, squares = total(safe) / finite_count, total(tf.square(safe))
    variance = squares / finite_count - tf.square(mean)
    is_narrow = (variance < _LEAST_SPREAD_FLOAT64 * tf.square(mean)) & (low < high)

    def spread() -> tf.Tensor:
        deviation = tf.where(finite, safe - tf.gather(mean, segments), 0.0)
        return total(tf.square(deviation)) / finite_count

    variance = tf.cond(tf.reduce_any(is_narrow), spread, lambda: variance)
    variance = tf.where(low < high, tf.maximum(variance, 0.0), 0.0)
    moments = tf.stack(
        [
            mean,
            tf.sqrt(variance),
            tf.cast(low, tf.float64),
            tf.cast(high, tf.float64),
            tf.sqrt(squares),
        ],
        axis=1,
    )
    moments = tf.where(finite_count[:, None] > 0, moments, np.nan)
    rest = tf.stack([*special, total(tf.equal(x, 0)) / count], axis=1)
    summary = tf.concat([count[:, None], moments, rest], axis=1)
    return tf.cast(summary[:-1], tf.float32)


class _Zeros:
    """Zeros and dead channels of tensors; of each tensor and layout counted once."""

    def __init__(self) -> None:
        self._found: dict[Hashable, _ZerosFound] = {}

    def dead(self, row: RowSource) -> tf.Tensor:
        """Whether each channel is zero everywhere, float32 [channel]."""
        if _is_small(row.values):
            assert row.channel_axis is not None
            axis = row.channel_axis
            others = [i for i in range(row.values.shape.rank) if i != axis]
            is_dead = tf.reduce_all(
                tf.equal(tf.cast(row.values, tf.float32), 0), others
            )
            return tf.cast(is_dead, tf.float32)
        return self._of(row)[0]

    def count(self, row: RowSource) -> tf.Tensor:
        """The number of zeros, float32 scalar; of a large tensor."""
        return self._of(row)[1]

    def _of(self, row: RowSource) -> _ZerosFound:
        values, axis = row.values, row.channel_axis
        is_last = axis is None or axis == values.shape.rank - 1
        # Sums of bytes and the like are not made on a GPU, where a sum of floats is
        # fast, anyway.
        if is_last and not tf.config.list_logical_devices("GPU"):
            channels = None if axis is None else values.shape[axis]
            key: Hashable = _origin(values), channels
            if key not in self._found:
                self._found[key] = _zeros_in_lanes(channels)(_float(values))
            return self._found[key]
        x = _by_channel(values, axis)
        # With one size unknown at most, it follows from the others.
        is_clear = tuple(x.shape).count(None) <= 1
        key = _origin(values) if is_clear else values.ref(), tuple(x.shape)
        if key not in self._found:
            self._found[key] = _zeros(x)
        return self._found[key]


def _by_channel(values: tf.Tensor, channel_axis: int | None) -> tf.Tensor:
    """The tensor as [before, channel, after]; without channels, as one."""
    x = _float(values)
    if channel_axis is None:
        return tf.reshape(x, [-1, 1, 1])
    shape = x.shape.as_list()
    before, channels, after = (
        math.prod(part) if None not in part else None
        for part in (
            shape[:channel_axis],
            [shape[channel_axis]],
            shape[channel_axis + 1 :],
        )
    )
    sizes = [before, channels, after]
    if sizes.count(None) > 1 or (None in sizes and 0 in sizes):
        sizes[0] = tf.reduce_prod(tf.shape(x)[:channel_axis])
        sizes[2] = tf.reduce_prod(tf.shape(x)[channel_axis + 1 :])
    return tf.reshape(x, [-1 if size is None else size for size in sizes])


@subroutine(_VOLUME)
def _zeros(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Dead channels, float32 [channel], and zeros, of [before, channel, after]."""
    is_zero = tf.equal(x, 0)
    return tf.cast(tf.reduce_all(is_zero, axis=(0, 2)), tf.float32), _count(is_zero)


# So many bytes that are 0 or 1 are added up in place: a byte holds up to 255.
_LANE_ROWS: Final = 128
# Narrower rows of lanes are slow to add.
_LEAST_LANES: Final = 64


@functools.cache
def _zeros_in_lanes(channels: int | None) -> Callable[[tf.Tensor], _ZerosFound]:
    """What finds the same of [..., channel], three times as fast on a CPU.

    Whether a value is zero is a byte. Eight rows of bytes are rows of 64-bit numbers,
    however many channels there are, and sums of those are eight sums of bytes at once.
    """
    width = 1 if channels is None else channels
    rows_abreast = 8 * max(_LEAST_LANES // max(width, 1), 1)
    lanes_abreast = rows_abreast * width // 8

    def zeros_of(values: tf.Tensor) -> _ZerosFound:
        before = tf.size(values) // max(width, 1)
        # As a vector: parts of one are taken at the speed of a copy, narrow rows are not.
        is_zero = tf.cast(tf.equal(tf.reshape(values, [-1]), 0), tf.uint8)
        lane_rows = tf.clip_by_value(before // rows_abreast, 1, _LANE_ROWS)
        blocks = before // (rows_abreast * lane_rows)
        in_blocks = blocks * lane_rows * lanes_abreast * 8
        in_lanes = tf.reshape(
            is_zero[:in_blocks], [blocks, lane_rows, lanes_abreast, 8]
        )
        sums = tf.bitcast(
            tf.reduce_sum(tf.bitcast(in_lanes, tf.int64), axis=1), tf.uint8
        )
        zeros = tf.zeros([width], tf.int32)
        for counts, rows in (
            (sums, blocks * rows_abreast),
            (is_zero[in_blocks:], before - blocks * rows_abreast * lane_rows),
        ):
            by_row = tf.reshape(tf.cast(counts, tf.int32), [rows, width])
            zeros += tf.reduce_sum(by_row, axis=0)
        count = tf.cast(tf.reduce_sum(tf.cast(zeros, tf.int64)), tf.float32)
        if channels is None:
            return None, count
        return tf.cast(tf.equal(zeros, before), tf.float32), count

    return subroutine(_ANY)(zeros_of)


def _saturated_fraction(
    values: tf.Tensor, activation: str, unknown: tf.Tensor
) -> tf.Tensor:
    limits = saturation_limits(activation)
    if limits is None:
        return unknown
    return _share_outside(*limits)(_float(values))


@functools.cache
def _share_outside(low: float, high: float) -> Callable[[tf.Tensor], tf.Tensor]:
    """What finds the share of values at or beyond either limit; NaN of no values."""

    def share_of(x: tf.Tensor) -> tf.Tensor:
        is_outside = (x <= low) | (x >= high)
        return _count(is_outside) / tf.cast(tf.size(x), tf.float32)

    return subroutine(_ANY)(share_of)


# Of a weight of more values so many at most are compared, on an even stride: to keep all
# of it from one record to the next would take as much memory as the model.
_COMPARED_VALUES: Final = 2**16


def weight_samples(weights: Sequence[Any]) -> list[tf.Tensor]:
    """What of weights tells their `update_ratios`: all of each, or an even stride.

    Returns:
      Float32 vectors: one of all small weights, then those of the large ones.
    """
    tensors = [_float(tf.convert_to_tensor(weight)) for weight in weights]
    small, large, _ = _by_size(tensors)
    of_small = tf.concat([*(_flat(tensors[i]) for i in small), tf.zeros([0])], axis=0)
    return [of_small, *(_sample(tensors[i]) for i in large)]


def _sample(tensor: tf.Tensor) -> tf.Tensor:
    count = -(-tensor.shape.num_elements() // _COMPARED_VALUES)
    flat = _flat(tensor)
    if count == 1:
        return flat
    return flat[:: wire_format.fair_stride(count, tensor.shape)]


def update_ratios(
    weights: Sequence[tf.Tensor],
    samples: Sequence[tf.Tensor],
    previous: Sequence[tf.Tensor],
    steps: tf.Tensor,
) -> list[tf.Tensor]:
    """How far weights moved per training step, relative to their L2 norms.

    Args:
      weights: of which only the shapes are read.
      samples: what `weight_samples` gave of them,
      previous: and gave before.
      steps: how many lie between the two.

    Returns:
      For each `||weight - previous|| / (steps * ||previous||)`, float32 scalar. NaN
      where steps is 0 or the previous norm is.
    """
    small, _, place = _by_size(weights)
    if not weights:
        return []
    halves = []  # Half the squared norms.
    distances = [now - before for now, before in zip(samples, previous, strict=True)]
    segments = _segment_ids(
        tf.constant([weights[i].shape.num_elements() for i in small], tf.int32)
    )
    for part in (distances, previous):
        of_small = (
            tf.math.unsorted_segment_sum(tf.square(part[0]), segments, len(small)) / 2
        )
        halves.append(
            tf.concat([of_small, [tf.nn.l2_loss(x) for x in part[1:]]], axis=0)
        )
    ratios = tf.sqrt(halves[0]) / (steps * tf.sqrt(halves[1]))
    ratios = tf.where(tf.math.is_finite(ratios), ratios, np.nan)
    found: list[tf.Tensor] = tf.unstack(tf.gather(ratios, place))
    return found


def histograms(rows: Sequence[RowSource]) -> tf.Tensor:
    """Histograms of several tensors, float32 [row, HISTOGRAM_BINS].

    Of every n-th value, in C order: see `wire_format.histogram_stride`. An empty tensor
    has zeros.
    """
    keys = [(_origin(row.values), _stride_key(row.values)) for row in rows]
    distinct, index_of_row = _distinct(rows, keys)
    small, large, place = _by_size([row.values for row in distinct])
    counted = []
    if small:
        samples = []
        for i in small:
            stride = _histogram_stride(distinct[i].values)
            sample = _flat(distinct[i].values)
            is_whole = isinstance(stride, int) and stride == 1
            samples.append(sample if is_whole else sample[::stride])
        x, segments, _ = _segments(samples)
        counts = _bincount(_key(x) + _KEYS * segments, len(small) * _KEYS)
        counted.append(tf.reshape(counts, [len(small), _KEYS]))
    if large:
        counted.append(
            tf.stack(
                [
                    _key_counts(
                        _float(distinct[i].values),
                        _histogram_stride(distinct[i].values),
                    )
                    for i in large
                ]
            )
        )
    of_keys = tf.cast(tf.transpose(tf.concat(counted, axis=0)), tf.float32)
    of_bins = tf.math.unsorted_segment_sum(
        of_keys, _BIN_OF_KEY, wire_format.HISTOGRAM_BINS
    )
    return tf.gather(tf.transpose(of_bins), [place[index] for index in index_of_row])


def _histogram_stride(values: tf.Tensor) -> int | tf.Tensor:
    shape = values.shape.as_list()
    if None not in shape:
        return wire_format.histogram_stride(math.prod(shape), shape)
    count, cap = tf.size(values), wire_format.HISTOGRAM_SAMPLE_CAP
    stride = (count + (cap - 1)) // cap
    # What is missing to a fair stride repeats with the size of the last axis.
    period = shape[-1] or 1
    missing = [wire_format.fair_stride(n, shape) - n for n in range(period)]
    stride += tf.gather(missing, stride % period)
    return tf.where(count <= wire_format.HISTOGRAM_WHOLE_CAP, 1, stride)


def _stride_key(values: tf.Tensor) -> Hashable:
    """The same for tensors of as many values that are counted on one stride."""
    if values.shape.is_fully_defined():
        return _histogram_stride(values)
    return "by the last axis", values.shape.rank > 1 and values.shape[-1]


def _key_counts(values: tf.Tensor, stride: int | tf.Tensor) -> tf.Tensor:
    """How many of every `stride`-th value have each key, int32 [_KEYS]."""
    if isinstance(stride, int):
        return _key_counter(stride)(values)
    return _key_counter(None)(values, stride)


@functools.cache
def _key_counter(stride: int | None) -> Callable[..., tf.Tensor]:
    """What counts on a stride; on None, that is an argument."""

    def counts_of(values: tf.Tensor, stride: Any = stride) -> tf.Tensor:
        return _bincount(_key(tf.reshape(values, [-1])[::stride]), _KEYS)

    signature = [_ANY] if stride else [_ANY, _INTEGER]
    return subroutine(*signature)(counts_of)


def _bincount(index: tf.Tensor, size: int) -> tf.Tensor:
    # `tf.math.bincount` would first look for the greatest index.
    return tf.raw_ops.DenseBincount(
        input=index, size=size, weights=tf.zeros([0], tf.int32), binary_output=False
    )


# A key tells sign, exponent and half octave of a float32: it is the sum of two numbers
# of nine bits. From keys to bins is left to be done once for a table.
_KEYS: Final = 1024
# Added to the bits of a number in the upper half of its octave, this goes over from the
# mantissa to the exponent.
_TO_UPPER_HALF: Final = (1 << 23) - wire_format.SQRT2_MANTISSA


def _key(x: tf.Tensor) -> tf.Tensor:
    """512 for a negative number, twice the exponent's bits, 1 for the upper half.

    Any NaN that a computation gives is 511: of a negative one the sum of bits wraps.
    """
    bits = tf.bitcast(x, tf.uint32)
    plain = tf.bitwise.right_shift(bits, 23)
    raised = tf.bitwise.right_shift(bits + _TO_UPPER_HALF, 23)
    return tf.bitcast(plain + raised, tf.int32)


def _bin_of_key() -> npt.NDArray[np.intp]:
    """The bin of each key."""
    sign, exponent, upper = np.unravel_index(np.arange(_KEYS), (2, 256, 2))
    bits = sign << 31 | exponent << 23 | upper * wire_format.SQRT2_MANTISSA
    return wire_format.bin_index(bits.astype(np.uint32).view(np.float32))


_BIN_OF_KEY: Final = _bin_of_key()
