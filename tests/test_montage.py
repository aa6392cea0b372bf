"""Maps are brought to the size of an image without inventing values."""

from __future__ import annotations

import numpy as np

from tensorboard_keract.drawing.montage import interpolate


def test_maps_are_brought_to_the_image_linearly() -> None:
    np.testing.assert_allclose(
        interpolate(np.array([[0.0, 1.0]]), 1, 4), [[0, 0.25, 0.75, 1]]
    )
    np.testing.assert_allclose(
        interpolate(np.array([[0.0, 2.0], [4.0, 6.0]]), 4, 2),
        [[0, 2], [1, 3], [3, 5], [4, 6]],
    )
    # What is not finite fills its own place, and leaves its neighbours alone.
    np.testing.assert_allclose(
        interpolate(np.array([[1.0, np.nan, 3.0, np.inf]]), 1, 8),
        [[1, 1, np.nan, np.nan, 3, 3, np.inf, np.inf]],
    )
