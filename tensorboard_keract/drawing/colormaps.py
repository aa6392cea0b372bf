"""The page's colour maps, in NumPy: values to the same colours."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

# The page draws with the same tables: `frontend/src/colormaps.ts`.
_COLORMAPS_FILE: Final = Path(__file__).with_name("colormaps.json")

Pixels = npt.NDArray[np.uint8]


class Domain(NamedTuple):
    """The values that a colour map spans."""

    low: float
    high: float


class Colormap(NamedTuple):
    """Colours of a domain and of what lies in none.

    Attributes:
      kind: "sequential" or "diverging".
      colors: uint8 [256, RGB], from the lowest value to the highest.
      nan, positive_inf, negative_inf: uint8 [RGB].
    """

    kind: str
    colors: Pixels
    nan: Pixels
    positive_inf: Pixels
    negative_inf: Pixels


def colormap_names() -> tuple[str, ...]:
    """The names of the colour maps."""
    return tuple(_colormaps()["colormaps"])


def load_colormap(name: str) -> Colormap:
    """A colour map, one of `colormap_names()`."""
    tables = _colormaps()
    entry, special = tables["colormaps"][name], tables["special"]
    return Colormap(
        entry["kind"],
        _rgb(entry["colors"]).reshape(-1, 3),
        _rgb(special["nan"]),
        _rgb(special["positive_inf"]),
        _rgb(special["negative_inf"]),
    )


def colorize(
    values: npt.NDArray[np.float32], domain: Domain, colormap: Colormap
) -> Pixels:
    """The colours of values, uint8 [..., RGBA].

    The nearest of the map's colours, that of the ends beyond them. A domain without
    width gives the first colour of a sequential map and the centre of a diverging
    one. NaN and ±Inf have colours of their own. As `colorIndex` in the page does.
    """
    last = len(colormap.colors) - 1
    finite = np.isfinite(values)
    if domain.high > domain.low:
        # Each halved, so that the width of a domain of the largest floats is finite.
        low, high = domain.low / 2, domain.high / 2
        place = (np.where(finite, values, 0).astype(np.float64) / 2 - low) / (
            high - low
        )
        index = np.floor(np.clip(place, 0, 1) * last + 0.5).astype(np.intp)
    else:
        centre = (last + 1) // 2 if colormap.kind == "diverging" else 0
        index = np.full(values.shape, centre, np.intp)
    rgb = colormap.colors[index]
    rgb[np.isnan(values)] = colormap.nan
    rgb[np.isposinf(values)] = colormap.positive_inf
    rgb[np.isneginf(values)] = colormap.negative_inf
    opaque = np.full((*values.shape, 1), 255, np.uint8)
    return np.concatenate([rgb, opaque], axis=-1)


def default_colormap_name(signed: bool) -> str:
    """The colour map of values whose sign matters, or of others."""
    name: str = _colormaps()["default"]["diverging" if signed else "sequential"]
    return name


@functools.cache
def _colormaps() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(_COLORMAPS_FILE.read_text("utf-8"))
    return tables


def _rgb(digits: str) -> Pixels:
    return np.frombuffer(bytes.fromhex(digits.removeprefix("#")), np.uint8)
