"""All tiles of a figure as one image, pixel for pixel.

A value fills a rectangle of whole pixels; where there are more values than pixels,
each pixel is the mean of some.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from tensorboard_keract.drawing.scale import Array, Color, Pixels, Scale

# Tiles, slices of each, and height and width of a slice in cells.
TilesShape: TypeAlias = tuple[int, ...]

# A strip of values, or a matrix, is at most this many times as long as it is wide: the
# sides of its cells may differ. Those of a feature map may not.
_MAX_STRIP_ELONGATION: Final = 12
_MAX_MATRIX_ELONGATION: Final = 3

# Few values don't need the whole figure: a cell is at most its eighth.
_CELLS_PER_SIDE: Final = 8


class Box(NamedTuple):
    """What room there is for a montage, pixels."""

    height: int
    width: int


class Grid(NamedTuple):
    """Where each tile of a montage lies, in pixels.

    A tile is a row of slices: the depths of a three-dimensional map, else one.

    Attributes:
      rows, columns: of tiles.
      slices: of a tile.
      height, width: of a slice, pixels.
      gap: between tiles.
      inner_gap: between the slices of a tile.
    """

    rows: int
    columns: int
    slices: int
    height: int
    width: int
    gap: int
    inner_gap: int

    @classmethod
    def near_square(
        cls, shape: TilesShape, box: Box, *, free_aspect: bool = False
    ) -> Grid:
        """The grid with the largest tiles for a square, the wider one if two are.

        Args:
          shape: of the tiles.
          box: where it must fit.
          free_aspect: whether the sides of a cell may differ.
        """
        count = shape[0]
        height, width = _tile_size(shape, free_aspect)
        columns = np.arange(1, count + 1)
        rows = -(-count // columns)
        side = np.maximum(columns * width, rows * height)
        best = int(columns[side == side.min()].max())
        return cls.of(shape, -(-count // best), best, box, free_aspect=free_aspect)

    @classmethod
    def of(
        cls,
        shape: TilesShape,
        rows: int,
        columns: int,
        box: Box,
        *,
        free_aspect: bool = False,
    ) -> Grid:
        """The grid of so many rows and columns; arguments as above."""
        _, slices, cell_rows, cell_columns = shape
        height, width = _tile_size(shape, free_aspect)
        scale = min(box.width / (columns * width), box.height / (rows * height))
        pitch = scale * min(height, width)
        gap, inner_gap = 0, 0
        # Between smaller tiles, one would see little but gaps.
        if rows * columns * slices > 1 and pitch >= 8:
            gap = round(min(max(1, 0.06 * pitch), 0.01 * min(box) + 1))
        if slices > 1:
            gap = max(gap, 3)
            inner_gap = gap // 3
        room_width = (box.width + gap) // columns - gap - (slices - 1) * inner_gap
        room_height = (box.height + gap) // rows - gap
        scale = min(
            room_width / width,
            room_height / height,
            min(box) / _CELLS_PER_SIDE,
        )
        if scale >= 1:
            scale = math.floor(scale)
        return cls(
            rows=rows,
            columns=columns,
            slices=slices,
            height=_whole_cells(height * scale, cell_rows),
            width=_whole_cells(width * scale / slices, cell_columns),
            gap=gap,
            inner_gap=inner_gap,
        )

    @property
    def row_pitch(self) -> int:
        """Pixels from one row of tiles to the next."""
        return self.height + self.gap

    @property
    def slice_pitch(self) -> int:
        return self.width + self.inner_gap

    @property
    def column_pitch(self) -> int:
        return self.slices * self.slice_pitch - self.inner_gap + self.gap

    @property
    def montage_height(self) -> int:
        return self.rows * self.row_pitch - self.gap

    @property
    def montage_width(self) -> int:
        return self.columns * self.column_pitch - self.gap

    def mean_note(self, height: int, width: int) -> str:
        """Says that pixels are means of slices of so many values, if they are."""
        rows, columns = -(-height // self.height), -(-width // self.width)
        if rows * columns == 1:
            return ""
        return f"A pixel is the mean of up to {rows} × {columns} values"


def _tile_size(shape: TilesShape, free_aspect: bool) -> tuple[float, float]:
    """Height and width of a tile in cells, were all cells square."""
    _, slices, height, width = shape
    width *= slices
    if free_aspect or height == 1:
        is_strip = min(height, width) == 1
        most = _MAX_STRIP_ELONGATION if is_strip else _MAX_MATRIX_ELONGATION
        return max(height, width / most), max(width, height / most)
    return height, width


def _whole_cells(pixels: float, cells: int) -> int:
    """Pixels for cells: the same number for each if it is one or more."""
    if pixels >= cells:
        return int(pixels) // cells * cells
    return max(1, int(pixels))


def value_montage(tiles: Array, grid: Grid, scale: Scale) -> Pixels:
    """Tiles [tile, slice, height, width] as one picture, uint8 [height, width, RGB]."""
    size = grid.height, grid.width
    return arrange(scale.pixels(enlarge(shrink(tiles, *size), *size)), grid, scale.gap)


def heat_montage(maps: Array, image: Array, grid: Grid, scale: Scale) -> Pixels:
    """Maps over an image as one picture, uint8 [height, width, RGB].

    Args:
      maps: [tile, height, width].
      image: brightness [height, width], 0 ... 1.
      grid: of tiles of the image's shape.
      scale: of the maps.
    """
    size = grid.height, grid.width
    under = enlarge(shrink(image, *size), *size)
    heat = interpolate(shrink(maps, *size), *size)
    return arrange(scale.pixels(heat, under)[:, np.newaxis], grid, scale.gap)


def shrink(values: Array, height: int, width: int) -> Array:
    """Means over areas, [..., height, width]; an axis that is not longer stays.

    NaN and ±Inf in an area make its mean one, too.
    """
    for axis, target in ((-2, height), (-1, width)):
        size = values.shape[axis]
        if target < size:
            starts = np.arange(target) * size // target
            counts = np.diff([*starts, size])
            with np.errstate(invalid="ignore", over="ignore"):
                totals = np.add.reduceat(values, starts, axis=axis, dtype=np.float64)
            values = totals / (counts if axis == -1 else counts[:, np.newaxis])
    return values


def enlarge(values: Array, height: int, width: int) -> Array:
    """Values [..., height, width], each as often as needed; a longer axis stays."""
    for axis, target in ((-2, height), (-1, width)):
        size = values.shape[axis]
        if target > size:
            values = values.take(np.arange(target) * size // target, axis)
    return values


def interpolate(maps: Array, height: int, width: int) -> Array:
    """Maps [..., height, width] of that size or smaller, brought to it linearly.

    The areas of the values, not their centres, end at the edges. NaN and ±Inf fill
    theirs, and are left out of what lies beside.
    """
    finite = np.isfinite(maps)
    weights = _interpolate_finite(finite.astype(np.float64), height, width)
    totals = _interpolate_finite(np.where(finite, maps, 0), height, width)
    nearest = enlarge(maps, height, width)
    # Where the nearest value is finite, its weight is a quarter at least.
    interpolated = totals / np.maximum(weights, 0.25)
    return np.where(np.isfinite(nearest), interpolated, nearest)


def _interpolate_finite(maps: Array, height: int, width: int) -> Array:
    for axis, target in ((-2, height), (-1, width)):
        size = maps.shape[axis]
        place = np.clip((np.arange(target) + 0.5) * size / target - 0.5, 0, size - 1)
        before = place.astype(np.intp)
        after = np.minimum(before + 1, size - 1)
        part = place - before
        if axis == -2:
            part = part[:, np.newaxis]
        maps = maps.take(before, axis) * (1 - part) + maps.take(after, axis) * part
    return maps


def arrange(tiles: Pixels, grid: Grid, gap: Color) -> Pixels:
    """Tiles [tile, slice, height, width, RGB] where the grid has them."""
    montage = np.empty((grid.montage_height, grid.montage_width, 3), np.uint8)
    montage[:] = gap
    for index, tile in enumerate(tiles):
        row, column = divmod(index, grid.columns)
        top = row * grid.row_pitch
        for place, pixels in enumerate(tile):
            left = column * grid.column_pitch + place * grid.slice_pitch
            montage[top : top + grid.height, left : left + grid.width] = pixels
    return montage
