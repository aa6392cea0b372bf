"""What an attribution method found."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tensorboard_keract.core.attribution.resizing import resized
from tensorboard_keract.drawing.colormaps import Pixels
from tensorboard_keract.drawing.overlay import as_rgb, heat_colors, overlaid
from tensorboard_keract.drawing.png import encode_png

Array: TypeAlias = npt.NDArray[Any]

# In a notebook; the rest is counted.
_SAMPLES_SHOWN: Final = 16
_PICTURE_PIXELS: Final = 160


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where in the input a model found what it scored, sample by sample.

    Attributes:
      method: "grad_cam", as the function is called.
      heatmap: float32 [batch, *spatial], of the size of the layer's maps, or of the
        input for methods that explain it directly. NaN and ±Inf are what the gradients
        had.
      scores: float32 [batch], what is explained.
      targets: int32 [batch], the classes whose score it is; None for a function.
      score_source: "logits", the values before the final softmax or sigmoid; "output",
        the output as it is; "function".
      site: path of the layer, or name of the input, where the heatmap is made.
      signed: whether values below zero speak against the target; otherwise there are
        none.
      x: the explained input, as it was given.
      attribution: float32, of the shape of the site: a share for each value of it,
        before channels are merged; None for methods that have none.
      completeness_error: float32 [batch], of integrated gradients: how far the
        attributions' sum is from the difference of scores that it should be.
    """

    method: str
    heatmap: Array
    scores: Array
    targets: Array | None
    score_source: str
    site: str
    signed: bool
    x: Array
    attribution: Array | None = None
    completeness_error: Array | None = None

    def resized(self) -> Array:
        """The heatmap in the size of the input, float32 [batch, *spatial].

        Linear interpolation between the centres of its pixels. An input that lacks a
        spatial axis of the heatmap leaves it as it is.
        """
        sizes = self.x.shape[1:][: self.heatmap.ndim - 1]
        if len(sizes) < self.heatmap.ndim - 1:
            return self.heatmap
        return resized(self.heatmap, sizes).astype(np.float32)

    def overlay(self, opacity: float = 0.7, colormap: str | None = None) -> Pixels:
        """The heatmap over the input, uint8 [batch, height, width, RGB].

        A value of the heatmap is the more opaque the greater it is, as a share of the
        greatest of its sample; 0 leaves the image as it is. An image that is not uint8
        is drawn over its own range.

        Args:
          opacity: of the greatest value, 0 to 1.
          colormap: a colour map of the page, such as "viridis"; None takes "inferno",
            of signed heatmaps "blue_red" with zero in its middle.

        Raises:
          ValueError: if the input is no image [height, width] or [height, width,
            channel] with 1, 3 or 4 channels, or the opacity is beyond 0 to 1.
          KeyError: if there is no such colour map.
        """
        return np.stack(
            [self._picture(i, opacity, colormap) for i in range(len(self.x))]
        )

    def to_png(
        self, index: int = 0, opacity: float = 0.7, colormap: str | None = None
    ) -> bytes:
        """One sample's `overlay` as a PNG, one pixel for each value of the input.

        Where the input is no image, a strip of the heatmap alone.

        Raises:
          IndexError: if there is no such sample.
          ValueError: if the heatmap has more than two axes, and as `overlay`.
          KeyError: as `overlay`.
        """
        if self._is_image:
            pixels = self._picture(index, opacity, colormap)
        else:
            heat = np.atleast_2d(self.heatmap[index])
            if heat.ndim > 2:
                raise ValueError(
                    f"A heatmap {heat.shape} is no picture; draw its slices."
                )
            colors = heat_colors(heat, self.signed, colormap)
            white = np.full((*heat.shape, 3), 255, np.uint8)
            pixels = overlaid(white, colors, opacity)
        opaque = np.full((*pixels.shape[:2], 1), 255, np.uint8)
        return encode_png(np.concatenate([pixels, opaque], axis=-1))

    @property
    def _is_image(self) -> bool:
        shape = self.x.shape
        return self.heatmap.ndim == 3 and (
            len(shape) == 3 or (len(shape) == 4 and shape[-1] in (1, 3, 4))
        )

    def _picture(self, index: int, opacity: float, colormap: str | None) -> Pixels:
        if not 0 <= opacity <= 1:
            raise ValueError(f"opacity={opacity}; it is a share, 0 to 1.")
        image = self.x[index]
        heat = resized(self.heatmap[index][np.newaxis], image.shape[:2])[0]
        colors = heat_colors(heat, self.signed, colormap)
        return overlaid(as_rgb(image), colors, opacity)

    def _repr_html_(self) -> str:
        """The pictures of the first samples, with what they explain; for notebooks."""
        figures = [self._figure(i) for i in range(min(len(self.x), _SAMPLES_SHOWN))]
        more = len(self.x) - len(figures)
        rest = f"<p>{more} more samples are not shown.</p>" if more > 0 else ""
        title = html.escape(f"{self.method} at {self.site}")
        note = _SOURCE_NOTES[self.score_source]
        return (
            f'<div style="font: 13px sans-serif"><p><b>{title}</b> · {note}</p>'
            f'<div style="display: flex; flex-wrap: wrap; gap: 12px">'
            f"{''.join(figures)}</div>{rest}</div>"
        )

    def _figure(self, index: int) -> str:
        score = f"{self.scores[index]:.3g}"
        target = "" if self.targets is None else f"class {self.targets[index]} · "
        caption = f"{target}score {score}"
        if self.heatmap.ndim > 3:
            return f"<span>sample {index} · {caption}</span>"
        source = base64.b64encode(self.to_png(index)).decode()
        height = _PICTURE_PIXELS if self._is_image else _PICTURE_PIXELS // 8
        return (
            f'<figure style="margin: 0"><img alt="Heatmap of sample {index}"'
            f' style="height: {height}px; min-width: {height}px;'
            ' image-rendering: pixelated"'
            f' src="data:image/png;base64,{source}">'
            f"<figcaption>sample {index} · {caption}</figcaption></figure>"
        )


_SOURCE_NOTES: Final = {
    "logits": "scores are logits, the values before the final softmax or sigmoid",
    "output": "scores are the model’s outputs",
    "function": "scores are those of a function of the outputs",
}
