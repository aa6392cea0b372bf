"""Pictures side by side."""

from __future__ import annotations

import math

import numpy as np

from tensorboard_keract.drawing.colormaps import Pixels

_GAP_PIXELS = 4
_GAP_LEVEL = 255


def enlarged(pictures: Pixels, least: int) -> Pixels:
    """Pictures [picture, height, width, RGB], each pixel as a square of pixels, the
    smallest for which the longer side has `least`; larger ones as they are."""
    factor = -(-least // max(pictures.shape[1:3]))
    return pictures.repeat(factor, axis=1).repeat(factor, axis=2)


def contact_sheet(pictures: Pixels) -> Pixels:
    """Pictures [picture, height, width, RGB] row by row as one, with white gaps."""
    count, height, width, _ = pictures.shape
    columns = _columns(count)
    rows = -(-count // columns)
    pitch = height + _GAP_PIXELS, width + _GAP_PIXELS
    size = rows * pitch[0] - _GAP_PIXELS, columns * pitch[1] - _GAP_PIXELS
    sheet = np.full((*size, 3), _GAP_LEVEL, np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        top, left = row * pitch[0], column * pitch[1]
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _columns(count: int) -> int:
    """Near a square, rather wide, with few places left empty."""
    side = math.isqrt(count - 1) + 1
    return min(range(side, 2 * side), key=lambda n: -count % n + (n - side) / 2)
