"""Which colour stands for which value, in a montage and in its colour bar alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

Array: TypeAlias = npt.NDArray[Any]
Pixels: TypeAlias = npt.NDArray[np.uint8]
Color: TypeAlias = tuple[int, int, int]
# A colour, if any, and what it stands for.
Note: TypeAlias = tuple[Color | None, str]

_HEAT_OPACITY: Final = 0.5

# Of the image beneath; half as many levels as it has, for half the light is its own.
_BRIGHTNESS_LEVELS: Final = 128

# What has no place in a range, and which colour it has on TensorBoard's page.
_SPECIAL_KINDS: Final[tuple[tuple[str, Callable[[Array], Array], str], ...]] = (
    ("NaN", np.isnan, "magenta"),
    ("+Inf", np.isposinf, "cyan"),
    ("−Inf", np.isneginf, "green"),
)

# What stands in, in this order, for a colour that the colour map has something like.
_COLORS: Final[dict[str, Color]] = {
    "grey": (128, 128, 128),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "blue": (70, 110, 190),
    "orange": (255, 140, 0),
    "magenta": (255, 0, 224),
    "cyan": (0, 240, 255),
    "green": (0, 255, 42),
}

# Colours nearer than this, of 441 between black and white, are taken for one another.
_DISTINCT: Final = 80


class Special(NamedTuple):
    """A kind of value that no range holds: which those are, their colour and number."""

    name: str
    mask: Callable[[Array], Array]
    color_name: str
    color: Color
    number: int


class Scale(NamedTuple):
    """The colours of a figure.

    Attributes:
      low, high: the range of the finite values; low == high for a constant, and
        low > high if there are none.
      colors: uint8 [level, across, RGB], from the lowest value to the highest and, over
        an image, from its dark parts to the bright; else there is one across. A
        constant has one level.
      gap: the colour between tiles; like none of the others.
      specials: NaN, +Inf and -Inf.
    """

    low: float
    high: float
    colors: Pixels
    gap: Color
    specials: tuple[Special, ...]

    @classmethod
    def of(
        cls,
        values: Array,
        cmap: str | Colormap | None,
        *,
        symmetric: bool = False,
        over_image: bool = False,
    ) -> Scale:
        """The scale of a figure that shows the values.

        Args:
          values: floats of any shape.
          cmap: a matplotlib colour map or its name; None for matplotlib's default.
          symmetric: whether zero is the centre of the range.
          over_image: whether an image lies beneath.

        Raises:
          ValueError: if the colour map's name is unknown.
        """
        low, high = finite_range(values)
        if symmetric and low <= high:
            high = max(-low, high)
            low = -high
        colors = _color_table(cmap)[:, np.newaxis]
        if over_image:
            brightness = np.linspace(0, 255, _BRIGHTNESS_LEVELS)[:, np.newaxis]
            blend = colors * _HEAT_OPACITY + brightness * (1 - _HEAT_OPACITY)
            colors = np.round(blend).astype(np.uint8)
        used = colors.reshape(-1, 3)
        _, gap = _distinct_color(used, {"figure": _figure_color(), **_COLORS})
        specials: list[Special] = []
        for name, mask, preferred in _SPECIAL_KINDS:
            taken = [gap, *(special.color for special in specials)]
            candidates = {preferred: _COLORS[preferred], **_COLORS}
            color_name, color = _distinct_color(np.vstack([used, taken]), candidates)
            number = int(mask(values).sum())
            specials.append(Special(name, mask, color_name, color, number))
        if low == high:
            level = len(colors) // 2 if symmetric else 0
            colors = colors[level : level + 1]
        return cls(low, high, colors, gap, tuple(specials))

    def pixels(self, values: Array, brightness: Array | None = None) -> Pixels:
        """The colours of values, uint8 [..., RGB].

        Args:
          values: of any shape.
          brightness: of the image beneath, 0 ... 1; broadcast to the values.
        """
        levels, across, _ = self.colors.shape
        x = np.where(np.isfinite(values), values, 0).astype(np.float64)
        place = np.clip(position(x, self.low, self.high), 0, 1)
        index = np.floor(place * (levels - 1) + 0.5).astype(np.intp)
        if brightness is not None:
            index = index * across + np.round(brightness * (across - 1)).astype(np.intp)
        rgb: Pixels = self.colors.reshape(-1, 3)[index]
        for special in self.specials:
            rgb[special.mask(values)] = special.color
        return rgb

    def ticks(self, room: float = 0) -> list[tuple[float, str]]:
        """Place on the colour bar, 0 at its foot and 1 at its head, and label.

        Args:
          room: what there must be between round numbers and the ends.
        """
        if self.low > self.high:
            return []
        between = [
            value
            for value in _round_values(self.low, self.high)
            if room < position(value, self.low, self.high) < 1 - room
        ]
        values = sorted({self.low, *between, self.high})
        places = [float(position(value, self.low, self.high)) for value in values]
        return list(zip(places, _labels(values), strict=True))

    def notes(self) -> list[Note]:
        """What the colour bar does not show."""
        notes: list[Note] = [
            (special.color, f"{special.number:,} {special.name} ({special.color_name})")
            for special in self.specials
            if special.number
        ]
        if self.low > self.high:
            notes.append((None, "No finite values"))
        elif self.colors.shape[1] > 1:
            over = "left over dark, right over bright parts of the image"
            notes.append((None, f"Colour bar: {over}"))
        return notes


def position(values: Any, low: float, high: float) -> Any:
    """Where float64 values lie in a range: 0 at low, 1 at high.

    In a range without a width finite values are at 0. NaN and ±Inf stay.
    """
    if low >= high:
        return np.where(np.isfinite(values), 0, values)
    if math.isinf(high - low):
        values, low, high = values / 2, low / 2, high / 2
    return (values - low) / (high - low)


def finite_range(values: Array) -> tuple[float, float]:
    """Least and greatest finite value; (inf, -inf) if there is none."""
    finite = np.isfinite(values)
    low = np.min(values, initial=np.inf, where=finite)
    high = np.max(values, initial=-np.inf, where=finite)
    return float(low), float(high)


def _round_values(low: float, high: float) -> list[float]:
    """A few round numbers in a range."""
    span = high / 2 - low / 2
    if span < 1e-300:
        return []
    power = 10.0 ** math.floor(math.log10(span))
    # Six at most, of a span that was halved.
    step = next(power * f for f in (0.2, 0.5, 1, 2, 5) if span / (power * f) <= 3.5)
    # Too narrow for float64: multiples would be rounded to others.
    if step < 1e-12 * max(-low, high):
        return []
    multiples = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [multiple * step for multiple in multiples]


def _labels(values: Sequence[float]) -> list[str]:
    """Labels of ticks, with as few digits as tell them apart, three at least."""
    for digits in range(3, 18):
        # Added to zero, -0.0 is 0.0.
        labels = [f"{value + 0:.{digits}g}".replace("-", "−") for value in values]
        if len(set(labels)) == len(labels):
            break
    return labels


def _color_table(cmap: str | Colormap | None) -> Pixels:
    """A colour map, [level, RGB]."""
    from matplotlib.cm import ScalarMappable

    colormap = ScalarMappable(cmap=cmap).get_cmap()
    rgba = colormap(np.linspace(0, 1, 256), bytes=True)
    return np.array(rgba, np.uint8)[:, :3]


def _figure_color() -> Color:
    """The background of figures."""
    import matplotlib
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(matplotlib.rcParams["figure.facecolor"])
    return round(red * 255), round(green * 255), round(blue * 255)


def _distinct_color(
    taken: npt.ArrayLike, candidates: Mapping[str, Color]
) -> tuple[str, Color]:
    """The first candidate that is like none of the colours taken, or the most unlike.

    Args:
      taken: [color, RGB], 0 ... 255.
      candidates: name and colour.
    """
    colors = np.asarray(taken, np.float64)
    distances = {
        name: float(np.linalg.norm(colors - color, axis=-1).min())
        for name, color in candidates.items()
    }
    enough = min(_DISTINCT, max(distances.values()))
    name = next(name for name in candidates if distances[name] >= enough)
    return name, candidates[name]
