"""Pictures of activations and gradients with matplotlib, for notebooks and scripts.

keract's three drawing functions. Each takes a dict of a name, a string or a number,
and an array; a list of arrays, of a layer with several outputs, is drawn as `name:0`,
`name:1`. Arrays hold real numbers or booleans; float16 and bfloat16 do, too.

One figure shows one sample of one layer, on one scale of colours, which spans its
finite values. All its tiles are one image, made in NumPy, pixel for pixel: each value
fills a rectangle of whole pixels, or where there are more values than pixels, each
pixel is the mean of some, and the figure says so. NaN and ±Inf are left out of the
range; they have colours of their own, and the figure counts them. A mean with a NaN or
±Inf in it is one, too, so that none gets lost.

What can't be drawn is left out, and a log message says why.
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tensorboard_keract.drawing.figure import Axis, Output, Page, figure_size
from tensorboard_keract.drawing.montage import Grid, heat_montage, value_montage
from tensorboard_keract.drawing.scale import Array, Scale, finite_range, position

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

_logger = logging.getLogger(__name__)

# Of a name, a string or a number, and an array or a list of arrays. The key of a Mapping
# is invariant: with one of its own, neither a dict of strings nor one of integers
# would do.
NamedArrays: TypeAlias = Mapping[Any, Any]

DATA_FORMATS: Final = ("channels_last", "channels_first")

# Zero is its centre.
_GRADIENT_COLORMAP: Final = "RdBu_r"

# The lightness of a heatmap is the image's as well; so its hue must tell the value.
_HEAT_COLORMAP: Final = "turbo"

# Bytes of a layer's name in a file's: file systems end at 255 for all of it.
_MAX_NAME_BYTES: Final = 200

_ACTIVATION_RANKS: Final = {
    1: "[batch]",
    2: "[batch, unit]",
    3: "[batch, time, channel]",
    4: "[batch, height, width, channel]",
    5: "[batch, depth, height, width, channel]",
}
_HEATMAP_RANKS: Final = {4: "[batch, height, width, channel]"}
_WEIGHT_RANKS: Final = {
    1: "[out]",
    2: "[in, out]",
    3: "[time, in, out]",
    4: "[height, width, in, out]",
    5: "[depth, height, width, in, out]",
}


def display_activations(
    activations: NamedArrays,
    cmap: str | Colormap | None = None,
    save: bool = False,
    directory: str | os.PathLike[str] = ".",
    data_format: str = "channels_last",
    fig_size: tuple[float, float] | None = (24, 24),
    reshape_1d_layers: bool = False,
) -> list[Path]:
    """Draws the activations of each layer, one figure for each sample.

    Args:
      activations: of each layer, an array or a list of arrays:

        - [batch, unit] is a strip; [batch] is as [batch, 1];
        - [batch, time, channel] is a strip for each channel;
        - [batch, height, width, channel] is a map for each channel;
        - [batch, depth, height, width, channel] is a row of maps for each channel,
          one for each depth.

        Channels run along the rows of a grid. Other ranks, complex numbers and
        arrays without a value are left out, with a log message.
      cmap: a matplotlib colour map or its name; None for matplotlib's default.
      save: to write the figures instead of showing them.
      directory: where to; made if there is none. For a batch of one sample, files
        are named `{index}_{layer}.png`, for others `{index}_{layer}_{sample}.png`.
        The index counts the layers drawn; "-" stands for what a file name had
        better not hold, such as "/".
      data_format: "channels_last", or "channels_first" if the channel axis of
        arrays of rank 3 and higher comes second.
      fig_size: the greatest width and height, inches; None for matplotlib's default.
      reshape_1d_layers: to draw [batch, unit] as a rectangle instead, the most
        square one that the units fill. A prime number of them remains a strip.

    Returns:
      The files written, in order; none when the figures are shown.

    Raises:
      ValueError: if the data format or the colour map's name is unknown.
      ModuleNotFoundError: if matplotlib is not installed.
    """
    _check_data_format(data_format)
    output = Output(save, directory)
    for index, (name, array) in enumerate(_drawable(activations, _ACTIVATION_RANKS)):
        batch = _channels_last(array, data_format)
        for title, file_name, values in _samples(index, name, batch):
            tiles = _activation_tiles(values, reshape_1d_layers)
            scale = Scale.of(values, cmap)
            page = Page(title, scale, fig_size, output)
            free_aspect = values.ndim < 3
            grid = Grid.near_square(tiles.shape, page.box, free_aspect=free_aspect)
            note = grid.mean_note(*tiles.shape[-2:])
            page.draw(value_montage(tiles, grid, scale), file_name, note)
    return output.written


def display_heatmaps(
    activations: NamedArrays,
    input_image: npt.ArrayLike,
    directory: str | os.PathLike[str] = ".",
    save: bool = False,
    fix: bool = True,
    merge_filters: bool = False,
    *,
    data_format: str = "channels_last",
) -> list[Path]:
    """Draws the feature maps of each layer over the image that they come from.

    The image lies beneath in grey, so that all colour is the map's, which is brought
    to the image's size linearly. The colour bar shows each value over dark and
    bright parts of an image.

    Args:
      activations: of each layer, [batch, height, width, channel] or a list of such;
        others are left out, with a log message.
      input_image: real numbers, see `fix`. An alpha channel is laid on white. Of one
        image for several samples, each gets it. It is left unchanged.
      directory, save: as with `display_activations`.
      fix: to take [height, width] and [height, width, channel] with 1, 3 or 4
        channels, and a batch of such, and values of 0 ... 255 as well as of 0 ... 1.
        Others are stretched to their least and greatest. Without it, only a single
        image of 0 ... 1 will do.
      merge_filters: to draw one map for each layer, the mean of its channels, each
        scaled to 0 ... 1 first. A constant channel counts as 0; where a channel is
        NaN or ±Inf, so is the mean.
      data_format: "channels_first" if the activations are [batch, channel, height,
        width]; then an image may be [channel, height, width], too.

    Returns:
      The files written, in order; none when the figures are shown.

    Raises:
      ValueError: if the image has another shape, other values, NaN or ±Inf, or goes
        with another number of samples; if the data format is unknown. Nothing has
        been drawn then.
      ModuleNotFoundError: if matplotlib is not installed.
    """
    _check_data_format(data_format)
    images = _grey_images(input_image, fix, data_format)
    batches = [
        (name, _channels_last(array, data_format))
        for name, array in _drawable(activations, _HEATMAP_RANKS)
    ]
    for name, batch in batches:
        if len(images) not in (1, len(batch)):
            raise ValueError(
                f"{len(images)} images for the {len(batch)} samples of {name!r}: give"
                " one image for all samples, or one for each."
            )
    output = Output(save, directory)
    for index, (name, batch) in enumerate(batches):
        beneath = np.broadcast_to(images, (len(batch), *images.shape[1:]))
        samples = _samples(index, name, batch)
        for image, (title, file_name, values) in zip(beneath, samples, strict=True):
            maps = np.moveaxis(values, -1, 0)
            if merge_filters:
                title += f", mean of {len(maps)} channels"
                maps = _mean_of_scaled(maps)
            scale = Scale.of(maps, _HEAT_COLORMAP, over_image=True)
            size = figure_size(math.sqrt(len(maps)) * max(image.shape))
            page = Page(title, scale, size, output)
            grid = Grid.near_square((len(maps), 1, *image.shape), page.box)
            note = grid.mean_note(*maps.shape[-2:])
            page.draw(heat_montage(maps, image, grid, scale), file_name, note)
    return output.written


def display_gradients_of_trainable_weights(
    gradients: NamedArrays,
    directory: str | os.PathLike[str] = ".",
    save: bool = False,
) -> list[Path]:
    """Draws the gradient of each weight, on a scale of colours centred on zero.

    Args:
      gradients: of each weight, an array or a list of arrays:

        - kernels of convolutions, [height, width, in, out], [time, in, out] and
          [depth, height, width, in, out], are a grid of what belongs to one input
          and one output channel: a row for each output, a column for each input;
        - [in, out] is one image, laid out the same way;
        - [out] is a strip.

        Other ranks, complex numbers and arrays without a value are left out, with a
        log message.
      directory, save: as with `display_activations`; each array is one file,
        `{index}_{name}.png`.

    Returns:
      The files written, in order; none when the figures are shown.

    Raises:
      ModuleNotFoundError: if matplotlib is not installed.
    """
    output = Output(save, directory)
    for index, (name, values) in enumerate(_drawable(gradients, _WEIGHT_RANKS)):
        tiles, rows, columns = _weight_tiles(values)
        scale = Scale.of(values, _GRADIENT_COLORMAP, symmetric=True)
        _, slices, height, width = tiles.shape
        size = figure_size(max(rows * height, columns * slices * width))
        page = Page(name, scale, size, output, labelled=True)
        free_aspect = values.ndim < 3
        grid = Grid.of(tiles.shape, rows, columns, page.box, free_aspect=free_aspect)
        page.draw(
            value_montage(tiles, grid, scale),
            _file_name(index, name),
            grid.mean_note(height, width),
            _weight_axes(values, grid),
        )
    return output.written


def _drawable(
    values: NamedArrays, ranks: Mapping[int, str]
) -> Iterator[tuple[str, Array]]:
    """Name and array of what can be drawn; says in the log what can't, and why."""
    for name, value in _named_arrays(values):
        array = np.asarray(value)
        is_real = array.dtype.kind in "biuf" or (
            # A dtype that NumPy learnt from another package, such as bfloat16.
            array.dtype.isbuiltin == 2 and np.can_cast(array.dtype, np.float64)
        )
        if not is_real:
            reason = f"its dtype {array.dtype} is neither real nor boolean"
        elif array.ndim not in ranks:
            reason = "its shape is none of " + ", ".join(ranks.values())
        elif array.size == 0:
            reason = "it holds no value"
        else:
            reason = ""
        if reason:
            _logger.warning("%s %s is not drawn: %s", name, array.shape, reason)
            continue
        # What float32 holds exactly, or nearly, stays small.
        is_float64 = array.dtype.kind in "iuf" and array.dtype.itemsize > 4
        with np.errstate(over="ignore"):
            array = array.astype(np.float64 if is_float64 else np.float32, copy=False)
        yield name, array


def _named_arrays(values: NamedArrays) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, list | tuple):
            if not value:
                _logger.warning("%s is not drawn: it is a list of no arrays", name)
            for index, output in enumerate(value):
                yield f"{name}:{index}", output
        else:
            yield str(name), value


def _check_data_format(data_format: str) -> None:
    if data_format not in DATA_FORMATS:
        raise ValueError(
            f"Unknown data format {data_format!r}. Use one of:"
            f" {', '.join(DATA_FORMATS)}."
        )


def _channels_last(batch: Array, data_format: str) -> Array:
    if data_format == "channels_first" and batch.ndim > 2:
        return np.moveaxis(batch, 1, -1)
    return batch


def _samples(index: int, name: str, batch: Array) -> Iterator[tuple[str, str, Array]]:
    """Title, file name and values of each sample of a layer."""
    file_name = _file_name(index, name)
    if len(batch) == 1:
        yield name, file_name, batch[0]
        return
    for sample, values in enumerate(batch):
        yield f"{name}, sample {sample}", f"{file_name}_{sample}", values


def _file_name(index: int, name: str) -> str:
    safe = re.sub(r"[^\w.@-]", "-", name)
    safe = safe.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
    return f"{index}_{safe}"


def _activation_tiles(values: Array, reshape_units: bool) -> Array:
    """The values of one sample, channel axis last, as [tile, slice, height, width]."""
    if values.ndim == 0:
        return values.reshape(1, 1, 1, 1)
    if values.ndim == 1:
        height = _rectangle_height(values.size) if reshape_units else 1
        return values.reshape(1, 1, height, -1)
    tiles = np.moveaxis(values, -1, 0)
    while tiles.ndim < 4:
        tiles = tiles[:, np.newaxis]
    return tiles


def _rectangle_height(count: int) -> int:
    """The greatest divisor of a count that is not above its square root."""
    return next(n for n in range(math.isqrt(count), 0, -1) if count % n == 0)


def _weight_tiles(values: Array) -> tuple[Array, int, int]:
    """A weight as [tile, slice, height, width], with the rows and columns of tiles."""
    if values.ndim == 1:
        return values.reshape(1, 1, 1, -1), 1, 1
    if values.ndim == 2:
        return values.T[np.newaxis, np.newaxis], 1, 1
    *window, inputs, outputs = values.shape
    depth, height, width = ([1, 1, *window])[-3:]
    tiles = np.moveaxis(values, (-1, -2), (0, 1)).reshape(-1, depth, height, width)
    return tiles, outputs, inputs


def _weight_axes(values: Array, grid: Grid) -> tuple[Axis, Axis]:
    """What lies across and down the montage of a weight."""
    width, height = grid.montage_width, grid.montage_height
    if values.ndim == 1:
        across = Axis("output channel", values.size, width / values.size, width)
        return across, Axis("", 0, height, height)
    inputs, outputs = values.shape[-2:]
    is_matrix = values.ndim == 2
    input_pitch = width / inputs if is_matrix else grid.column_pitch
    output_pitch = height / outputs if is_matrix else grid.row_pitch
    return (
        Axis("input channel", inputs, input_pitch, width),
        Axis("output channel", outputs, output_pitch, height),
    )


def _mean_of_scaled(maps: Array) -> Array:
    """The mean, [1, height, width], of maps that are scaled to 0 ... 1 each.

    Args:
      maps: [channel, height, width].
    """
    total = np.zeros(maps.shape[1:], np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        for channel in maps:
            total += position(channel.astype(np.float64), *finite_range(channel))
    return total[np.newaxis] / len(maps)


def _grey_images(image: npt.ArrayLike, fix: bool, data_format: str) -> Array:
    """The brightness of images, float64 [image, height, width] in 0 ... 1.

    Raises:
      ValueError: see `display_heatmaps`.
    """
    given = np.asarray(image)
    if given.dtype.kind not in "biuf" or given.size == 0:
        raise ValueError(
            f"The input image has shape {given.shape} and dtype {given.dtype}; it has"
            " to hold real numbers."
        )
    x = given.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError("The input image holds NaN or ±Inf.")

    def is_color(shape: tuple[int, ...]) -> bool:
        return len(shape) == 3 and shape[-1] in (1, 3, 4)

    channels_first = data_format == "channels_first" and x.ndim in (3, 4)
    if channels_first and x.shape[-3] in (1, 3, 4):
        x = np.moveaxis(x, -3, -1)
    # From here on a batch, and every image with its channels.
    if x.ndim == 2:
        x = x[np.newaxis, ..., np.newaxis]
    elif is_color(x.shape):
        x = x[np.newaxis]
    elif fix and x.ndim == 3:
        x = x[..., np.newaxis]
    elif not (fix and x.ndim == 4 and is_color(x.shape[1:])):
        raise ValueError(
            f"The input image has shape {given.shape}. Give [height, width] or"
            " [height, width, channel] with 1, 3 or 4 channels"
            + (", or a batch of such." if fix else "; a batch needs fix=True.")
        )
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 1:
        if not fix:
            raise ValueError(
                f"The input image has values of {low:g} ... {high:g}. Scale them to"
                " 0 ... 1, or let fix=True do so."
            )
        is_bytes = low >= 0 and high <= 255
        x = x / 255 if is_bytes else position(x, low, high)
    channels = x.shape[-1]
    # The luma of ITU-R BT.601.
    grey: Array = x[..., 0] if channels == 1 else x[..., :3] @ [0.299, 0.587, 0.114]
    if channels == 4:
        grey = grey * x[..., 3] + (1 - x[..., 3])
    return grey
