"""A heatmap over the image that it explains."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tensorboard_keract.drawing.colormaps import (
    Domain,
    Pixels,
    colorize,
    load_colormap,
)

COLORMAP: Final = "inferno"
SIGNED_COLORMAP: Final = "blue_red"


def as_rgb(image: npt.NDArray[Any]) -> Pixels:
    """An image [height, width] or [height, width, 1, 3 or 4] as uint8 [..., RGB].

    Values of uint8 are levels; others span the image's own range, NaN and ±Inf black.
    An alpha channel is left out.

    Raises:
      ValueError: if it has other axes.
    """
    planes = image[..., np.newaxis] if image.ndim == 2 else image
    if planes.ndim != 3 or planes.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"An image is [height, width] or [height, width, channel] with 1, 3 or 4"
            f" channels; this one is {image.shape}."
        )
    planes = planes[..., :3]
    if planes.dtype != np.uint8:
        values = planes.astype(np.float64)
        finite = np.isfinite(values)
        low, high = (
            (values[finite].min(), values[finite].max()) if finite.any() else (0, 0)
        )
        span = high - low or 1.0
        planes = np.where(finite, (np.where(finite, values, low) - low) / span, 0)
        planes = np.round(planes * 255).astype(np.uint8)
    return np.broadcast_to(planes, (*planes.shape[:2], 3))


def heat_colors(
    heatmap: npt.NDArray[Any], signed: bool, colormap: str | None
) -> Pixels:
    """Colours of a heatmap, uint8 [..., RGBA], with the share of its greatest value as
    opacity: where it is 0 nothing is seen of it. NaN and ±Inf are opaque.

    The colour map spans 0 to the greatest finite value, or as far below zero as above
    where the heatmap is signed.
    """
    values = np.asarray(heatmap, np.float32)
    finite = np.where(np.isfinite(values), values, 0)
    top = float(np.abs(finite).max(initial=0))
    domain = Domain(-top if signed else 0.0, top)
    name = colormap or (SIGNED_COLORMAP if signed else COLORMAP)
    pixels = colorize(values, domain, load_colormap(name))
    share = np.abs(finite) / (top or 1)
    opacity = np.where(np.isfinite(values), share, 1)
    pixels[..., 3] = np.round(opacity * 255)
    return pixels


def overlaid(image: Pixels, colors: Pixels, opacity: float) -> Pixels:
    """Colours [height, width, RGBA] over an image [height, width, RGB], as uint8 RGB."""
    share = colors[..., 3:] / 255 * opacity
    return np.round(image * (1 - share) + colors[..., :3] * share).astype(np.uint8)
