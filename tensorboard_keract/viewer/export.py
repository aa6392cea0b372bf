"""What the page shows, as files: NPZ, CSV and PNG."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tensorboard import errors

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.drawing.colormaps import (
    Domain,
    Pixels,
    colorize,
    default_colormap_name,
    load_colormap,
)
from tensorboard_keract.drawing.png import encode_png
from tensorboard_keract.recording import wire_format
from tensorboard_keract.viewer.data_access import (
    HistogramsTable,
    StatisticsTable,
    StoredTensor,
)

# Kinds of tensors whose sign matters: their colour map is centred on zero.
_SIGNED_KINDS: Final = (
    metadata.ACTIVATION_GRADIENT,
    metadata.WEIGHT,
    metadata.WEIGHT_GRADIENT,
)


def tile(planes: Pixels) -> Pixels:
    """Pictures [channel, height, width, RGBA] in one near-square grid.

    Tiles run along the rows; a transparent pixel lies between neighbours.
    """
    count, height, width, _ = planes.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / max(1, columns))
    grid = np.zeros(
        (
            max(1, rows * (height + 1) - 1),
            max(1, columns * (width + 1) - 1),
            4,
        ),
        np.uint8,
    )
    for index, plane in enumerate(planes):
        top = index // columns * (height + 1)
        left = index % columns * (width + 1)
        grid[top : top + height, left : left + width] = plane
    return grid


def tensor_png(
    tensor: StoredTensor,
    index: int,
    channel: int | None,
    colormap_name: str | None,
    domain: Domain | None,
) -> bytes:
    """One sample of a tensor as a picture, one pixel a value.

    Args:
      tensor: with blob `index` read.
      index: the sample.
      channel: which channel; None for all, as tiles.
      colormap_name: one of `colormap_names()`; None for the page's default.
      domain: the values that the colours span; None for those of the whole tensor
        at this step, about zero where the sign matters.

    Raises:
      NotFoundError: if there is no such channel, or the blob is damaged.
    """
    header = tensor.header
    values = _values(tensor, [index])[0]
    if channel is not None:
        if not 0 <= channel < len(values):
            raise errors.NotFoundError(
                f"channel {channel}: the tensor has {len(values)} channels"
            )
        values = values[channel : channel + 1]
    signed = header.kind in _SIGNED_KINDS or header.explanation.signed
    if colormap_name is None:
        colormap_name = default_colormap_name(signed)
    pixels = colorize(
        values, domain or _default_domain(header, signed), load_colormap(colormap_name)
    )
    return encode_png(tile(pixels))


def tensor_npz(tensor: StoredTensor, header_json: str) -> bytes:
    """A tensor with all its blobs for `numpy.load`.

    Holds `values` float32 [sample, channel, height, width], `codes` as stored,
    `low` and `high` float32 [sample, channel], and `header`, a JSON text.

    Raises:
      NotFoundError: if a blob is damaged.
    """
    planes = _planes(tensor, sorted(tensor.blobs))
    arrays = {
        "values": wire_format.dequantize(planes),
        "codes": planes.codes,
        "low": planes.low,
        "high": planes.high,
        "header": np.asarray(header_json),
    }
    return _npz(arrays)


def difference_npz(
    a: StoredTensor, b: StoredTensor, headers: tuple[str, str], runs: tuple[str, str]
) -> bytes:
    """Two tensors and their difference for `numpy.load`.

    Holds `a`, `b` and `a_minus_b`, float32 [sample, channel, height, width], of the
    samples that both have, and of either its `a_run`, `a_step` (int64) and `a_header`,
    a JSON text. A difference is NaN where either is, and where both are the same
    infinity.

    Args:
      a: with all its blobs.
      b: the same.
      headers: of A and of B, as JSON.
      runs: of A and of B.

    Raises:
      InvalidArgumentError: if their planes are not of one shape.
      NotFoundError: if a blob is damaged.
    """
    values = [_values(one, sorted(one.blobs)) for one in (a, b)]
    shapes = [one.shape[1:] for one in values]
    if shapes[0] != shapes[1]:
        raise errors.InvalidArgumentError(
            f"A has the shape {shapes[0]} a sample and B {shapes[1]}: they have no"
            " difference; export them one by one."
        )
    samples = min(map(len, values))
    here, there = (one[:samples] for one in values)
    # inf − inf is NaN, as it is meant to be.
    with np.errstate(invalid="ignore", over="ignore"):
        arrays = {"a": here, "b": there, "a_minus_b": here - there}
    for name, tensor, header, run in zip("ab", (a, b), headers, runs, strict=True):
        arrays[f"{name}_run"] = np.asarray(run)
        arrays[f"{name}_step"] = np.asarray(tensor.step)
        arrays[f"{name}_header"] = np.asarray(header)
    return _npz(arrays)


def _npz(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            # One date for all, so that the same tensor gives the same bytes.
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_DEFLATED  # Not the archive's.
            with archive.open(member, "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return file.getvalue()


def statistics_csv(
    model: plugin_data_pb2.ModelDescription,
    table: StatisticsTable,
    rows: Iterable[int],
) -> str:
    """A line for each step and row: step, wall_time, kind, path, the statistics.

    Rows that were not recorded at a step have no line there.
    """
    chosen = list(rows)
    lines: list[Sequence[object]] = [
        ("step", "wall_time", "kind", "path", *model.statistics)
    ]
    for place, (step, wall_time) in enumerate(zip(*table.steps, strict=True)):
        for row in chosen:
            if np.isnan(table.values[place, row]).all():
                continue
            numbers = (f"{x:.9g}" for x in table.values[place, row])
            described = model.rows[row]
            lines.append((step, wall_time, described.kind, described.path, *numbers))
    return _csv(lines)


def histograms_csv(
    model: plugin_data_pb2.ModelDescription,
    table: HistogramsTable,
    rows: Sequence[int],
) -> str:
    """A line for each step, row and bin that is not empty.

    step, wall_time, kind, path, bin, low, high, count; low and high are the edges of
    the bin, both NaN for that of NaN.

    Args:
      model: names the rows.
      table: the histograms of `rows`, in their order.
      rows: which rows of the model those are.
    """
    edges = wire_format.histogram_edges()
    low = np.concatenate([[-np.inf], edges[:-1], [np.inf, np.nan]])
    high = np.concatenate([[-np.inf], edges[1:], [np.inf, np.nan]])
    lines: list[Sequence[object]] = [
        ("step", "wall_time", "kind", "path", "bin", "low", "high", "count")
    ]
    for place, (step, wall_time) in enumerate(zip(*table.steps, strict=True)):
        for at, row in enumerate(rows):
            described = model.rows[row]
            counts = table.values[place, at]
            for bin_index in np.flatnonzero(counts > 0):
                lines.append(
                    (
                        step,
                        wall_time,
                        described.kind,
                        described.path,
                        bin_index,
                        f"{low[bin_index]:.9g}",
                        f"{high[bin_index]:.9g}",
                        f"{counts[bin_index]:.9g}",
                    )
                )
    return _csv(lines)


def _default_domain(header: plugin_data_pb2.TensorHeader, signed: bool) -> Domain:
    low, high = min(header.low, default=0.0), max(header.high, default=0.0)
    if signed:
        largest = max(abs(low), abs(high))
        return Domain(-largest, largest)
    return Domain(low, high)


def _planes(tensor: StoredTensor, indices: Sequence[int]) -> wire_format.Planes:
    """The codes of some samples, with their ranges."""
    header = tensor.header
    try:
        codes = [wire_format.decode_blob(tensor.blobs[i], header) for i in indices]
    except ValueError as error:
        raise errors.NotFoundError(
            f"{header.kind}/{header.path} at step {tensor.step}: {error}"
        ) from error
    shape = (header.blobs, header.channels)
    empty = np.zeros((0, header.channels, header.height, header.width), np.uint8)
    return wire_format.Planes(
        np.stack(codes) if codes else empty,
        np.asarray(header.low, np.float32).reshape(shape)[list(indices)],
        np.asarray(header.high, np.float32).reshape(shape)[list(indices)],
    )


def _values(tensor: StoredTensor, indices: Sequence[int]) -> npt.NDArray[np.float32]:
    return wire_format.dequantize(_planes(tensor, indices))


def _csv(lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
