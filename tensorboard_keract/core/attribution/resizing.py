"""Linear interpolation along axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def interpolation_matrix(old: int, new: int) -> npt.NDArray[np.float32]:
    """[new, old]: each new value as a mean of its two neighbours, by distance.

    Values lie in the middle of equal parts of the axis (half-pixel centres); beyond the
    outermost they are those.
    """
    places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    lower = np.minimum(places.astype(int), max(0, old - 2))
    share = places - lower
    matrix = np.zeros((new, old), np.float32)
    matrix[np.arange(new), lower] = 1 - share
    matrix[np.arange(new), np.minimum(lower + 1, old - 1)] += share
    return matrix


def resized(values: npt.NDArray[Any], sizes: Sequence[int]) -> npt.NDArray[Any]:
    """`values` [batch, …] with axes 1, 2, … of these sizes; further axes stay."""
    for axis, size in enumerate(sizes, 1):
        if values.shape[axis] != size:
            matrix = interpolation_matrix(values.shape[axis], size)
            values = np.moveaxis(np.tensordot(matrix, values, (1, axis)), 0, axis)
    return values
