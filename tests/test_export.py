"""Pictures, on values that can be checked by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tensorboard import errors

from tensorboard_keract import plugin_data_pb2
from tensorboard_keract.drawing import colormaps
from tensorboard_keract.drawing.colormaps import Domain
from tensorboard_keract.viewer import export
from tensorboard_keract.viewer.data_access import StoredTensor


@pytest.mark.parametrize("name", colormaps.colormap_names())
def test_colormap_has_256_colors(name: str) -> None:
    colormap = colormaps.load_colormap(name)
    assert colormap.colors.shape == (256, 3)
    assert colormap.kind in ("sequential", "diverging")


def colors(kind: str = "sequential") -> colormaps.Colormap:
    """The colour of index i is (i, 0, 0)."""
    ramp = np.zeros((256, 3), np.uint8)
    ramp[:, 0] = np.arange(256)
    nan, high, low = np.eye(3, dtype=np.uint8)
    return colormaps.Colormap(kind, ramp, nan * 9, high * 9, low * 9)


def indices(values: list[float], domain: Domain, kind: str = "sequential") -> list[int]:
    pixels = colormaps.colorize(np.asarray(values, np.float32), domain, colors(kind))
    assert (pixels[..., 3] == 255).all()
    found: list[int] = pixels[..., 0].tolist()
    return found


def test_domain_is_spanned_and_its_ends_hold_beyond() -> None:
    assert indices([-1, 0, 1, 2, 3], Domain(0, 2)) == [0, 0, 128, 255, 255]


def test_domain_without_width() -> None:
    assert indices([5, 6], Domain(5, 5)) == [0, 0]
    assert indices([5, 6], Domain(5, 5), "diverging") == [128, 128]


def test_greatest_domain_does_not_overflow() -> None:
    most = float(np.finfo(np.float64).max)
    assert indices([0], Domain(-most, most)) == [128]


def test_what_is_not_finite_has_its_own_color() -> None:
    values = np.asarray([np.nan, np.inf, -np.inf], np.float32)
    pixels = colormaps.colorize(values, Domain(0, 1), colors())
    assert pixels.tolist() == [[9, 0, 0, 255], [0, 9, 0, 255], [0, 0, 9, 255]]


@pytest.mark.parametrize(
    ("channels", "shape"), [(1, (2, 3)), (2, (2, 7)), (3, (5, 7)), (5, (5, 11))]
)
def test_tiles_make_a_near_square(channels: int, shape: tuple[int, int]) -> None:
    planes = np.full((channels, 2, 3, 4), 255, np.uint8)
    grid = export.tile(planes)
    assert grid.shape == (*shape, 4)
    assert (grid[..., 3] == 255).sum() == channels * 6


def test_no_tiles_are_one_transparent_pixel() -> None:
    assert export.tile(np.zeros((0, 2, 3, 4), np.uint8)).tolist() == [[[0] * 4]]


def test_file_names_are_plain() -> None:
    from tensorboard_keract.viewer import routes

    request = routes.TensorRequest('a "b"/ü\r\n', "weight/k", 3, None)
    assert re.fullmatch(r"[\w.-]+", routes._file_stem(request), re.ASCII)


def test_difference_of_two_shapes_is_refused() -> None:
    stored = [
        StoredTensor(
            0,
            1.0,
            plugin_data_pb2.TensorHeader(channels=channels, height=1, width=2),
            {},
        )
        for channels in (1, 3)
    ]
    with pytest.raises(errors.InvalidArgumentError, match=r"\(1, 1, 2\).*\(3, 1, 2\)"):
        export.difference_npz(*stored, ("", ""), ("a", "b"))
