"""From a montage to a figure, in a file or on the screen, with matplotlib."""

from __future__ import annotations

import importlib.util
import math
import os
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tensorboard_keract.drawing.montage import Box
from tensorboard_keract.drawing.scale import Note, Pixels, Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Sides in inches of figures that have no `fig_size`: of most, and of those with more
# values than this along a side.
_SIDE: Final = 16.0
_LARGE_SIDE: Final = 24.0
_MANY_VALUES: Final = 400

# Pixels along a side of a montage; of a figure with more, each is a square of them.
_MAX_MONTAGE_SIDE: Final = 2400

# The title's font, in em.
_TITLE_SIZE: Final = 1.2

# A "$" in a name is a "$".
_PLAIN_TEXT: Final[dict[str, Any]] = {"parse_math": False, "usetex": False}

# The mean width of DejaVu Sans, matplotlib's font, in em, rounded up.
_CHARACTER_EM: Final = 0.62


def figure_size(values_per_side: float) -> tuple[float, float]:
    """Width and height in inches for so many values."""
    side = _SIDE if values_per_side <= _MANY_VALUES else _LARGE_SIDE
    return side, side


class Output:
    """Where figures go: to files, or to the screen.

    Attributes:
      written: the files, in order.
      dpi: pixels per inch, as the user set it for either.

    Raises:
      ModuleNotFoundError: if matplotlib is not installed.
    """

    def __init__(self, save: bool, directory: str | os.PathLike[str]) -> None:
        if importlib.util.find_spec("matplotlib") is None:
            raise ModuleNotFoundError(
                "tensorboard_keract.display needs matplotlib. Install it with"
                " `pip install 'tensorboard-keract[display]'`.",
                name="matplotlib",
            )
        import matplotlib

        self.written: list[Path] = []
        self._directory = Path(directory) if save else None
        dpi = matplotlib.rcParams["savefig.dpi"] if save else "figure"
        self.dpi = float(matplotlib.rcParams["figure.dpi"] if dpi == "figure" else dpi)
        if self._directory:
            self._directory.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def figure(self, file_name: str, size: tuple[float, float]) -> Iterator[Figure]:
        """A figure to draw, which is then written or shown.

        Args:
          file_name: without the suffix.
          size: width and height, inches.
        """
        if self._directory:
            # Not pyplot's: it needs neither the user's backend nor to be closed.
            from matplotlib.figure import Figure

            figure = Figure(size, self.dpi)
            yield figure
            path = self._directory / f"{file_name}.png"
            figure.savefig(path, format="png", dpi=self.dpi)
            self.written.append(path)
            return
        from matplotlib import pyplot

        figure = pyplot.figure(figsize=size, dpi=self.dpi)
        try:
            yield figure
            pyplot.show()
        finally:
            pyplot.close(figure)


class Axis(NamedTuple):
    """An axis beside a montage.

    Attributes:
      label: says what is counted along it.
      entries: how many; the axis of none is empty.
      pitch: from one entry to the next, pixels.
      length: of all, pixels.
    """

    label: str
    entries: int
    pitch: float
    length: int

    def ticks(self, room: float) -> list[tuple[float, str]]:
        """Middles of entries, `room` pixels or more apart, with their numbers."""
        steps = (digit * 10**power for power in range(19) for digit in (1, 2, 5))
        step = next(s for s in steps if s * self.pitch >= room or s > self.entries)
        # The gap that follows each entry but the last is not part of it.
        first = (self.length - (self.entries - 1) * self.pitch) / 2
        numbers = range(0, self.entries, step)
        return [(first + n * self.pitch, str(n)) for n in numbers]


class Page:
    """A figure around a montage: title, colour bar, notes and axes.

    Lengths are in pixels, so that each pixel of the montage is one of the figure, or
    of a very large figure a square of some.

    Attributes:
      box: the room for the montage.
    """

    def __init__(
        self,
        title: str,
        scale: Scale,
        size: tuple[float, float] | None,
        output: Output,
        *,
        labelled: bool = False,
    ) -> None:
        """Finds the room for the montage.

        Args:
          title: above it.
          scale: of the colour bar.
          size: the greatest width and height, inches; None for matplotlib's default.
          output: where the figure goes.
          labelled: whether there will be axes.
        """
        import matplotlib

        size = size or matplotlib.rcParams["figure.figsize"]
        self._title = title
        self._scale = scale
        self._output = output
        # The larger the figure, the smaller it will be looked at.
        self._font_points = min(max(min(size), 8), 20)
        self._em = em = round(self._font_points * output.dpi / 72)
        self._left = em * (5 if labelled else 1)
        self._bottom = em * (4 if labelled else 1)
        self._right = em
        self._bar_width = 0
        if ticks := scale.ticks():
            label = max(len(text) for _, text in ticks)
            self._bar_width = em * (2 if scale.colors.shape[1] > 1 else 1)
            self._right = round(em * (2.2 + label * _CHARACTER_EM)) + self._bar_width
        width, height = (round(length * output.dpi) for length in size)
        # Five for title and notes.
        height = max(8 * em, height - self._bottom - 5 * em)
        width = max(8 * em, width - self._left - self._right)
        self._zoom = math.ceil(max(height, width) / _MAX_MONTAGE_SIDE)
        self.box = Box(height // self._zoom, width // self._zoom)

    def draw(
        self,
        montage: Pixels,
        file_name: str,
        note: str,
        axes: tuple[Axis, Axis] | None = None,
    ) -> None:
        """Draws the figure, and writes or shows it.

        Args:
          montage: uint8 [height, width, RGB].
          file_name: without the suffix.
          note: follows those of the scale, unless it is empty.
          axes: what lies across the montage, and down.
        """
        em = self._em
        montage_height, montage_width = (n * self._zoom for n in montage.shape[:2])
        # Wide enough for a title and a note, high enough for the labels of the bar.
        width = max(self._left + montage_width + self._right, 24 * em)
        bar_height = max(montage_height, 8 * em) if self._bar_width else 0
        body_height = max(montage_height, bar_height)
        characters = (width - 2 * em) / em / _CHARACTER_EM
        title = textwrap.wrap(self._title, int(characters / _TITLE_SIZE)) or [""]
        notes = self._scale.notes()
        if note:
            notes.append((None, note))
        lines = _flow(notes, int(characters))
        title_height = round(em * (0.8 + 1.5 * _TITLE_SIZE * len(title)))
        notes_height = round(em * (1.6 * len(lines) + 0.6)) if lines else 0
        body_bottom = notes_height + self._bottom
        height = body_bottom + body_height + title_height
        spare = width - self._left - montage_width - self._right
        left = self._left + spare // 2
        size = width / self._output.dpi, height / self._output.dpi
        with self._output.figure(file_name, size) as figure:
            canvas = _Canvas(figure, width, height, self._font_points)
            canvas.write(
                width / 2,
                height - 0.8 * em,
                "\n".join(title),
                _TITLE_SIZE,
                ha="center",
                va="top",
            )
            bottom = body_bottom + (body_height - montage_height) // 2
            picture = canvas.picture(
                left, bottom, montage_width, montage_height, montage
            )
            if axes:
                self._draw_axes(canvas, picture, *axes)
            if self._bar_width:
                bar_left = left + montage_width + em
                bar_bottom = body_bottom + (body_height - bar_height) // 2
                self._draw_bar(canvas, bar_left, bar_bottom, bar_height)
            for line, entries in enumerate(lines):
                self._draw_notes(
                    canvas, notes_height - (1.6 * line + 0.6) * em, entries
                )

    def _draw_axes(
        self, canvas: _Canvas, picture: Axes, across: Axis, down: Axis
    ) -> None:
        picture.set_axis_on()
        picture.set_frame_on(False)
        em = self._em / self._zoom
        digits = len(str(across.entries))
        room = (1.2 + digits * _CHARACTER_EM) * em
        canvas.label(picture.xaxis, across.ticks(room), across.label)
        canvas.label(picture.yaxis, down.ticks(1.5 * em), down.label)

    def _draw_bar(self, canvas: _Canvas, left: int, bottom: int, height: int) -> None:
        colors = self._scale.colors[::-1]
        axes = canvas.picture(left, bottom, self._bar_width, height, colors)
        axes.set_axis_on()
        axes.yaxis.tick_right()
        # A value's colour is that of the middle of a row.
        ticks = [
            ((1 - place) * (len(colors) - 1) + 0.5, label)
            for place, label in self._scale.ticks(1.3 * self._em / height)
        ]
        canvas.label(axes.xaxis, [])
        canvas.label(axes.yaxis, ticks)

    def _draw_notes(self, canvas: _Canvas, y: float, notes: Iterable[Note]) -> None:
        em = self._em
        x: float = em
        for color, text in notes:
            if color:
                pixel = np.array([[color]], np.uint8)
                canvas.picture(x, y - 0.3 * em, 0.8 * em, 0.8 * em, pixel)
                x += 1.2 * em
            canvas.write(x, y + 0.1 * em, text, ha="left", va="center_baseline")
            x += (len(text) + 2) * _CHARACTER_EM * em


class _Canvas:
    """A figure, in pixels from its lower left corner."""

    def __init__(
        self, figure: Figure, width: int, height: int, font_points: float
    ) -> None:
        # Whatever the user's settings, things stay where they are put.
        figure.set_layout_engine("none")
        self._figure = figure
        self._width = width
        self._height = height
        self._font_points = font_points

    def picture(
        self, left: float, bottom: float, width: float, height: float, pixels: Pixels
    ) -> Axes:
        """Axes that a picture fills, in its pixels, from its upper left corner."""
        axes = self._figure.add_axes(
            (
                left / self._width,
                bottom / self._height,
                width / self._width,
                height / self._height,
            )
        )
        rows, columns = pixels.shape[:2]
        axes.imshow(
            pixels,
            extent=(0, columns, rows, 0),
            origin="upper",
            aspect="auto",
            interpolation="nearest",
            # Over ticks, which begin inside, and under the frame.
            zorder=2.2,
        )
        axes.set_axis_off()
        return axes

    def write(
        self, x: float, y: float, text: str, size: float = 1, **style: Any
    ) -> None:
        self._figure.text(
            x / self._width,
            y / self._height,
            text,
            fontsize=self._font_points * size,
            **_PLAIN_TEXT,
            **style,
        )

    def label(
        self, axis: Any, ticks: Sequence[tuple[float, str]], label: str = ""
    ) -> None:
        """Gives an axis its ticks and label, and no grid."""
        places, labels = [place for place, _ in ticks], [text for _, text in ticks]
        length = 0.25 * self._font_points
        axis.grid(False)
        axis.set_ticks(places, labels, fontsize=self._font_points, **_PLAIN_TEXT)
        axis.set_tick_params(length=length, pad=length)
        axis.set_label_text(label, fontsize=self._font_points, **_PLAIN_TEXT)


def _flow(notes: Iterable[Note], characters: int) -> list[list[Note]]:
    """Notes in lines of so many characters."""
    lines: list[list[Note]] = []
    room = 0
    for color, text in notes:
        # Two for the space between, and two for the colour.
        needed = len(text) + (4 if color else 2)
        if not lines or needed > room:
            lines.append([])
            room = characters
        lines[-1].append((color, text))
        room -= needed
    return lines
