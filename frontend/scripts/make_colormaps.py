"""Writes tensorboard_keract/drawing/colormaps.json, which the page and the server share.

The sequential maps are matplotlib's (viridis, magma, inferno and cividis are CC0),
sampled at 256 places. The diverging ones are made here, in OKLab: hue is constant
on either side, lightness goes evenly from the centre to both ends, and chroma
grows with it as far as sRGB allows. Both sides have the same lightness, so that
strength reads the same without hue, as it does to a colour-blind eye with blue
against red, or in print.

Needs matplotlib, in an environment of its own:

    python -m venv /tmp/colormaps && /tmp/colormaps/bin/pip install matplotlib
    /tmp/colormaps/bin/python frontend/scripts/make_colormaps.py
"""

from __future__ import annotations

import json
import math
import pathlib

import matplotlib
import numpy as np

_TARGET = (
    pathlib.Path(__file__).parents[2] / "tensorboard_keract/drawing/colormaps.json"
)
_ENTRIES = 256

# Unlike every colour of every map above by `_LEAST_DISTANCE` in OKLab, and unlike
# one another. Large cells carry a pattern as well, so that colour is never the only
# sign.
_SPECIAL = {"nan": "#ff00e0", "positive_inf": "#00f0ff", "negative_inf": "#00ff2a"}
_LEAST_DISTANCE = 0.12


def oklab_to_linear_srgb(lab):
    """Björn Ottosson's OKLab, https://bottosson.github.io/posts/oklab/."""
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return np.array(
        [
            +4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ]
    )


def srgb_to_oklab(rgb):
    """The way back, from sRGB in 0 ... 1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    r, g, b = linear
    long = np.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    medium = np.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = np.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return np.array(
        [
            0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
            1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
            0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
        ]
    )


def srgb_within_gamut(lightness, chroma, hue_degrees):
    """sRGB in 0 ... 1 of the colour, its chroma lowered until sRGB can show it."""
    hue = math.radians(hue_degrees)
    while True:
        linear = oklab_to_linear_srgb(
            (lightness, chroma * math.cos(hue), chroma * math.sin(hue))
        )
        if ((linear >= -1e-6).all() and (linear <= 1 + 1e-6).all()) or chroma <= 0:
            linear = np.clip(linear, 0, 1)
            return np.where(
                linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055
            )
        chroma -= 0.001


def diverging(negative_hue, positive_hue, centre_lightness, end_lightness, chroma):
    """sRGB [256, 3] from one hue through a neutral centre to the other."""
    colors = []
    for place in np.linspace(-1, 1, _ENTRIES):
        strength = abs(place)
        hue = negative_hue if place < 0 else positive_hue
        lightness = centre_lightness + (end_lightness - centre_lightness) * strength
        # Steep at first: a faint sign should already show its hue.
        saturation = chroma * (1 - (1 - strength) ** 1.7)
        colors.append(srgb_within_gamut(lightness, saturation, hue))
    return np.array(colors)


def sequential(name):
    return matplotlib.colormaps[name](np.arange(_ENTRIES))[:, :3]


def hex_digits(colors):
    return "".join(f"{round(v * 255):02x}" for color in colors for v in color)


def least_distance(color, colors):
    return min(np.linalg.norm(srgb_to_oklab(color) - srgb_to_oklab(c)) for c in colors)


def main():
    matplotlib_source = "matplotlib (CC0)"
    made_here = "frontend/scripts/make_colormaps.py"
    gray = np.repeat(np.linspace(0, 1, _ENTRIES)[:, None], 3, axis=1)
    maps = {
        "viridis": ("sequential", matplotlib_source, sequential("viridis")),
        "magma": ("sequential", matplotlib_source, sequential("magma")),
        "inferno": ("sequential", matplotlib_source, sequential("inferno")),
        "cividis": ("sequential", matplotlib_source, sequential("cividis")),
        "gray": ("sequential", made_here, gray),
        "blue_red": ("diverging", made_here, diverging(255, 28, 0.965, 0.42, 0.155)),
        "blue_red_dark": ("diverging", made_here, diverging(245, 42, 0.2, 0.8, 0.14)),
        "purple_green": ("diverging", made_here, diverging(310, 150, 0.965, 0.4, 0.14)),
    }
    special = {
        name: np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        for name, color in _SPECIAL.items()
    }
    everything = [c for _, _, colors in maps.values() for c in colors]
    for name, color in special.items():
        others = [c for other, c in special.items() if other != name]
        distance = least_distance(color, everything + others)
        if distance < _LEAST_DISTANCE:
            raise SystemExit(f"{name} is only {distance:.3f} from a colour of a map.")
    document = {
        "colormaps": {
            name: {"kind": kind, "source": source, "colors": hex_digits(colors)}
            for name, (kind, source, colors) in maps.items()
        },
        "special": _SPECIAL,
        "default": {
            "sequential": "viridis",
            "diverging": "blue_red",
            "diverging_dark": "blue_red_dark",
        },
    }
    _TARGET.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
