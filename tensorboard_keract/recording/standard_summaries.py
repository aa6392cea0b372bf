"""A record once more, for TensorBoard's own Scalars, Histograms and Images tabs.

The tags are `<kind>_<what>/<path>`: `activation_mean/conv1`,
`weight_gradient_histogram/conv1/kernel`, `activation_image/conv1`. TensorBoard groups
tags by their first part and shows twelve of a group at a time, so that a group is what
one compares, the same number of all layers. No such tag is one of the recorder's own,
which begin with the kind alone: a tag of a run belongs to one plugin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.histogram.summary_v2 import DEFAULT_BUCKET_COUNT
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.util import tensor_util

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.drawing.montage import Box, Grid, arrange, shrink
from tensorboard_keract.drawing.scale import (
    Pixels,
    Scale,
    Special,
    finite_range,
)
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.event_file import blob_sequence_value, table_value

if TYPE_CHECKING:
    from tensorboard_keract.recording.layout import TensorPlan
    from tensorboard_keract.recording.record import Record, StoredTensor

HISTOGRAMS: Final = "histograms"
SCALARS: Final = "scalars"
IMAGES: Final = "images"
STANDARD_KINDS: Final = (HISTOGRAMS, SCALARS, IMAGES)

# Samples of which there are images, as many as `tf.summary.image` writes.
MAX_IMAGES: Final = 3

# What is plotted of a row, and how TensorBoard explains it. NaN is left out.
_PLOTTED: Final = {
    "mean": "Mean of the finite values.",
    "std": "Standard deviation of the finite values.",
    "min": "Least finite value.",
    "max": "Greatest finite value.",
    "l2_norm": "L2 norm of the finite values.",
    "zero_fraction": "Fraction of the values that are 0.",
    "dead_fraction": "Fraction of the channels that are 0 everywhere.",
    "saturated_fraction": (
        "Fraction of the values within 1 % of a bound of the activation function."
    ),
    "update_ratio": (
        "Distance moved since the last record, per step, relative to the L2 norm then."
    ),
}
# Plotted from the first record on that has any.
_PLOTTED_IF_ANY: Final = {
    "nan_count": "Values that are NaN.",
    "positive_inf_count": "Values that are +Inf.",
    "negative_inf_count": "Values that are −Inf.",
}
_RECORD_VALUES: Final = {
    "probe_loss": "Loss of the probe.",
    "training_loss": "Loss of the training.",
    "learning_rate": "",
    "loss_scale": "Factor of the loss in mixed precision.",
}

_SCALAR_METADATA: Final = {
    name: scalar_metadata.create_summary_metadata(None, description)
    for name, description in (_PLOTTED | _PLOTTED_IF_ANY | _RECORD_VALUES).items()
}

# Half the width of the bucket of a constant: TensorBoard draws nothing of one without
# a width. Narrow, so that it is a peak where other steps spread.
_CONSTANT_RELATIVE_MARGIN: Final = 2.0**-12
_CONSTANT_MARGIN: Final = math.ldexp(1, wire_format.HISTOGRAM_MIN_EXPONENT)

# Sides of images in pixels: about a card of TensorBoard's; and where it would have
# tiles smaller than the least or more values than pixels, what one sees at full size.
_IMAGE_SIDE: Final = 256
_LARGE_IMAGE_SIDE: Final = 512
_LEAST_TILE_SIDE: Final = 16

# Those whose zero is the centre of the colours.
_SIGNED_KINDS: Final = (
    metadata.ACTIVATION_GRADIENT,
    metadata.WEIGHT,
    metadata.WEIGHT_GRADIENT,
)
# Those which are pictures, in colour if they have three channels.
_PICTURE_KINDS: Final = (metadata.INPUT, metadata.FEATURE_VISUALIZATION)

_BLUE: Final = (0, 75, 150)
_RED: Final = (143, 23, 20)
# Between tiles: like no colour of the map.
_GRAY_GAP: Final = (70, 110, 190)
_SIGNED_GAP: Final = (128, 128, 128)

_SPECIALS: Final = (
    Special("NaN", np.isnan, "magenta", (255, 0, 224), 0),
    Special("+Inf", np.isposinf, "cyan", (0, 240, 255), 0),
    Special("−Inf", np.isneginf, "green", (0, 255, 42), 0),
)

_Rows: TypeAlias = Sequence[plugin_data_pb2.TableRow]

_EDGES: Final = wire_format.histogram_edges().astype(np.float64)


def check_also_write(kinds: Iterable[str]) -> tuple[str, ...]:
    """The kinds of standard summaries asked for, each once, as `STANDARD_KINDS` orders.

    Args:
      kinds: some of `STANDARD_KINDS`; a single string is one kind.

    Raises:
      ValueError: if one is unknown.
    """
    asked = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    for kind in asked:
        if kind not in STANDARD_KINDS:
            raise ValueError(
                f"also_write names {kind!r}. Use some of: {', '.join(STANDARD_KINDS)}."
            )
    return tuple(kind for kind in STANDARD_KINDS if kind in asked)


class StandardSummaries:
    """Makes standard summaries of the records of one run, one record after the other.

    Scalars are the statistics of each row, `<kind>_<statistic>/<path>`, and what is
    known of the training, `record/<value>`. Histograms are `<kind>_histogram/<path>`,
    of 30 buckets, as those of `tf.summary.histogram`. Images are
    `<kind>_image/<path>`: one of each of the first three samples, with a tile for
    each channel. The inputs are drawn in the first record, and where they change.
    """

    def __init__(self, kinds: Sequence[str]) -> None:
        """Takes what to make, as `check_also_write` gives it."""
        makers: dict[str, Callable[[Record, _Rows], list[summary_pb2.Summary.Value]]]
        makers = {
            HISTOGRAMS: _histogram_values,
            SCALARS: self._scalar_values,
            IMAGES: self._image_values,
        }
        self._makers = [makers[kind] for kind in kinds]
        # Counts of NaN and ±Inf that were not 0 once, by tag: from there on 0 is news.
        self._counted: set[str] = set()
        self._has_inputs = False

    def __call__(
        self, record: Record, description: plugin_data_pb2.ModelDescription
    ) -> list[summary_pb2.Summary.Value]:
        """The summaries of a record.

        Args:
          record: a table or a row that it leaves out, or that is NaN, gives none.
          description: names the rows of the tables.
        """
        rows = description.rows
        return [value for make in self._makers for value in make(record, rows)]

    def _scalar_values(
        self, record: Record, rows: _Rows
    ) -> list[summary_pb2.Summary.Value]:
        values = []
        if record.reduced.statistics is not None:
            table = np.asarray(record.reduced.statistics)
            for row, statistics in zip(rows, table, strict=True):
                for name, number in zip(metadata.STATISTICS, statistics, strict=True):
                    tag = _tag(row.kind, name, row.path)
                    if name in _PLOTTED:
                        shown = not np.isnan(number)
                    else:
                        if name in _PLOTTED_IF_ANY and number > 0:
                            self._counted.add(tag)
                        shown = tag in self._counted and not np.isnan(number)
                    if shown:
                        values.append(table_value(tag, number, _SCALAR_METADATA[name]))
        for name, number in zip(metadata.RECORD_VALUES, record.values, strict=True):
            if name in _RECORD_VALUES and not np.isnan(number):
                tag = f"{metadata.RECORD_TAG}/{name}"
                values.append(table_value(tag, number, _SCALAR_METADATA[name]))
        return values

    def _image_values(
        self, record: Record, rows: _Rows
    ) -> list[summary_pb2.Summary.Value]:
        maps = list(record.reduced.maps)
        if record.restarts or record.inputs_change or not self._has_inputs:
            maps += record.reduced.inputs
            self._has_inputs = True
        values = (_image_value(stored) for stored in maps)
        return [value for value in values if value is not None]


def _tag(kind: str, what: str, path: str) -> str:
    return f"{kind}_{what}/{metadata.readable_path(path)}"


def _histogram_values(record: Record, rows: _Rows) -> list[summary_pb2.Summary.Value]:
    if record.reduced.histograms is None:
        return []
    histograms = np.asarray(record.reduced.histograms, np.float64)
    shape = len(histograms), len(metadata.STATISTICS)
    statistics = np.full(shape, np.nan)
    if record.reduced.statistics is not None:
        statistics = np.asarray(record.reduced.statistics, np.float64)
    values = []
    for row, bins, numbers in zip(rows, histograms, statistics, strict=True):
        known = dict(zip(metadata.STATISTICS, numbers.tolist(), strict=True))
        total = known["count"] - sum(known[name] for name in _PLOTTED_IF_ANY)
        if math.isnan(total):
            total = _finite_counts(bins).sum() * max(1, row.histogram_stride)
        buckets = linear_buckets(bins, known["min"], known["max"], total)
        if len(buckets):
            values.append(
                summary_pb2.Summary.Value(
                    tag=_tag(row.kind, "histogram", row.path),
                    metadata=_histogram_metadata(row.histogram_stride),
                    tensor=tensor_util.make_tensor_proto(buckets, np.float64),
                )
            )
    return values


def _histogram_metadata(stride: int) -> summary_pb2.SummaryMetadata:
    description = (
        "Of the finite values; the others are counted among the scalars. Estimated from"
        " bins of half an octave, so coarse where values lie far from zero; Keract's own"
        " tab shows the bins as they are."
    )
    if stride != 1:
        which = f"every {stride}th value" if stride else "some of the values"
        description += f" Counted on {which}, scaled to the whole tensor."
    return histogram_metadata.create_summary_metadata(None, description)


def linear_buckets(
    bins: npt.NDArray[np.float64], low: float, high: float, total: float
) -> npt.NDArray[np.float64]:
    """A histogram as `tf.summary.histogram` has it, estimated from logarithmic bins.

    TensorBoard draws each histogram over 30 bins of one width, and spreads a bucket
    evenly over them. Bins of half an octave would do as buckets, but half of the plot
    would be four of them, a staircase. So the density within a bin is taken as a line:
    of the slopes to the bins on both sides the lesser, 0 where they differ in sign:
    the minmod limiter of finite-volume schemes (Roe, 1986). Then no bin loses or gains
    a value, no density is negative or beyond those of the neighbours, and of an even
    distribution the density is even. Beyond `low` and `high` it is 0. Of a normal
    distribution about zero 1 to 2 % of the values end up in another bucket, half as
    many as with even bins; of one that is far from zero for its width, most may.

    What has no width is not spread: exact zeros, and what the range cuts to a point.

    Args:
      bins: counts, as `wire_format.histogram` orders them, those of NaN and ±Inf too.
      low, high: least and greatest finite value, where the buckets begin and end; if
        NaN, the outermost bins that are not empty say where.
      total: what the counts add up to in the end.

    Returns:
      [bucket, 3] of left edge, right edge and count: 30 buckets; one around a constant;
      none if there are no finite values, or if the bins are NaN.
    """
    counts = _finite_counts(bins)
    counted = counts.sum()
    if not counted > 0:
        return np.zeros((0, 3))
    if math.isnan(low) or math.isnan(high):
        low, high = _outermost_edges(counts)
    if low == high:
        margin = max(abs(low) * _CONSTANT_RELATIVE_MARGIN, _CONSTANT_MARGIN)
        return np.array([[low - margin, high + margin, total]])
    grid = np.linspace(low, high, DEFAULT_BUCKET_COUNT + 1)
    edges = np.clip(_EDGES, low, high)
    has_width = edges[1:] > edges[:-1]
    spread = _spread(counts[has_width], np.append(edges[:-1][has_width], high), grid)
    points = np.flatnonzero(~has_width & (counts > 0))
    bucket = np.searchsorted(grid, edges[points], side="right") - 1
    np.add.at(spread, np.clip(bucket, 0, DEFAULT_BUCKET_COUNT - 1), counts[points])
    return np.stack([grid[:-1], grid[1:], spread * (total / counted)], axis=1)


def _spread(
    counts: npt.NDArray[np.float64],
    edges: npt.NDArray[np.float64],
    grid: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Counts between the points of a grid, of bins whose density is a line.

    Args:
      counts: [bin].
      edges: [bin + 1], ascending.
      grid: [bucket + 1], ascending, from the first edge to the last.
    """
    widths = np.diff(edges)
    density = counts / widths
    centres = edges[:-1] + widths / 2
    # Beyond the ends, empty bins as wide as their neighbours.
    first, last = centres[0] - widths[0], centres[-1] + widths[-1]
    run = np.diff(np.concatenate([[first], centres, [last]]))
    slopes = np.diff(np.concatenate([[0], density, [0]])) / run
    before, after = slopes[:-1], slopes[1:]
    slope = np.where(
        before * after > 0, np.sign(before) * np.minimum(abs(before), abs(after)), 0
    )
    index = np.clip(np.searchsorted(edges, grid, side="right") - 1, 0, len(counts) - 1)
    into = grid - edges[index]
    until = np.cumsum(counts) - counts
    cumulative = (
        until[index]
        + density[index] * into
        + slope[index] * into * (into - widths[index]) / 2
    )
    return np.maximum(np.diff(cumulative), 0)  # Not below 0 by rounding.


def _finite_counts(bins: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return bins[wire_format.BIN_NEGATIVE_BEYOND : wire_format.BIN_POSITIVE_INF]


def _outermost_edges(counts: npt.NDArray[np.float64]) -> tuple[float, float]:
    """From where to where finite bins are not empty; an octave of those without end."""
    end = math.ldexp(1, wire_format.HISTOGRAM_MAX_EXPONENT + 1)
    edges = np.clip(_EDGES, -end, end)
    filled = np.flatnonzero(counts)
    return float(edges[filled[0]]), float(edges[filled[-1] + 1])


def _image_value(stored: StoredTensor) -> summary_pb2.Summary.Value | None:
    """Images of the first samples of a tensor; None if there is nothing to see."""
    plan = stored.plan
    codes, low, high = stored.planes()
    shown = slice(MAX_IMAGES)
    values = wire_format.dequantize(
        wire_format.Planes(codes[shown], low[shown], high[shown])
    )
    if not values.size:
        return None
    samples, channels, height, width = values.shape
    in_colour = (
        plan.kind in _PICTURE_KINDS
        and plan.channel_axes == ("channel",)
        and channels == 3
    )
    if channels == height == 1:
        # A row of units would be a line: each has a tile.
        values = values.reshape(samples, width, 1, 1)
    scale = _scale(values, plan.kind in _SIGNED_KINDS)
    _, channels, height, width = values.shape
    tiles = 1 if in_colour else channels
    grid = _grid((tiles, 1, height, width), plan)
    values = shrink(values, grid.height, grid.width)
    pixels = _in_colour(values, scale) if in_colour else scale.pixels(values)
    # A value fills a rectangle of whole pixels.
    for axis, length in ((2, grid.height), (3, grid.width)):
        pixels = pixels.repeat(length // pixels.shape[axis], axis)
    montages = np.stack(
        [arrange(sample[:, np.newaxis], grid, scale.gap) for sample in pixels]
    )
    sizes = [str(n).encode() for n in (grid.montage_width, grid.montage_height)]
    description = _image_description(plan, scale, tiles, in_colour)
    if note := grid.mean_note(height, width):
        description += f" {note}."
    return blob_sequence_value(
        _tag(plan.kind, "image", plan.path),
        [*sizes, *_encode_png(montages)],
        image_metadata.create_summary_metadata(None, description),
    )


def _grid(shape: tuple[int, int, int, int], plan: TensorPlan) -> Grid:
    """Where the tiles lie, whose shape is [tile, slice, height, width]."""
    for side in (_IMAGE_SIDE, _LARGE_IMAGE_SIDE):
        # Only pictures must keep their proportions.
        free_aspect = plan.height_axis != "height"
        grid = Grid.near_square(shape, Box(side, side), free_aspect=free_aspect)
        is_small = min(grid.height, grid.width) < _LEAST_TILE_SIDE
        if not is_small and not grid.mean_note(*shape[2:]):
            break
    return grid


def _scale(values: npt.NDArray[np.float32], is_signed: bool) -> Scale:
    """The colours of the images of one tensor at one step.

    All its tiles share them, so that they can be compared, and a dead channel is dark
    rather than noise.
    """
    low, high = finite_range(values)
    if not is_signed:
        colors = np.arange(256, dtype=np.uint8)[:, np.newaxis, np.newaxis].repeat(3, 2)
        return Scale(
            low, high, colors if low < high else colors[:1], _GRAY_GAP, _SPECIALS
        )
    if low <= high:
        high = max(-low, high)
        low = -high
    # An odd number of colours, so that 0 is white.
    place = np.linspace(-1, 1, 255)[:, np.newaxis]
    end = np.where(place < 0, _BLUE, _RED)
    table = np.round(255 + abs(place) * (end - 255)).astype(np.uint8)[:, np.newaxis]
    return Scale(
        low, high, table if low < high else table[127:128], _SIGNED_GAP, _SPECIALS
    )


def _in_colour(values: npt.NDArray[Any], scale: Scale) -> Pixels:
    """Pictures [sample, RGB, height, width] as pixels [sample, 1, height, width, RGB].

    Where one of the three is NaN or infinite, the pixel has the colour of that.
    """
    # Of a pixel, all three channels of its gray are the same.
    rgb = np.moveaxis(scale.pixels(values)[..., 0], 1, -1)
    for special in _SPECIALS:
        rgb[special.mask(values).any(axis=1)] = special.color
    return rgb[:, np.newaxis]


def _encode_png(images: Pixels) -> list[bytes]:
    """PNGs of uint8 [image, height, width, RGB]."""
    import tensorflow as tf

    # The operation is the CPU's: a GPU would only have to give the images back.
    with tf.device("CPU"):
        # zlib's fastest: a third of its default's time for large images, for sizes from
        # a fifth less to a fifth more.
        return [tf.io.encode_png(image, compression=1).numpy() for image in images]


def _image_description(
    plan: TensorPlan, scale: Scale, tiles: int, in_colour: bool
) -> str:
    if in_colour:
        colours = "Each channel from the least to the greatest value of a step's images"
    elif plan.kind in _SIGNED_KINDS:
        colours = (
            "Blue is negative, white zero, red positive; the strongest colour is the"
            " greatest magnitude in a step's images"
        )
    else:
        colours = "Black is the least, white the greatest value in a step's images"
    specials = ", ".join(f"{s.name} {s.color_name}" for s in scale.specials)
    parts = [f"{colours}. {specials}."]
    if tiles > 1:
        names = [plan.width_axis] if not plan.channel_axes else plan.channel_axes
        parts.insert(0, f"{tiles} tiles, row by row: {', '.join(names)}.")
    return " ".join(parts)
