"""What feature visualisation found: images, and where they come from."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tensorboard_keract.drawing.colormaps import Pixels
from tensorboard_keract.drawing.contact_sheet import contact_sheet, enlarged
from tensorboard_keract.drawing.overlay import as_rgb
from tensorboard_keract.drawing.png import encode_png

Array: TypeAlias = npt.NDArray[Any]

LEVELLED: Final = "levelled"
RISING: Final = "rising"
STUCK: Final = "stuck"

# In a notebook; the rest is counted.
_IMAGES_SHOWN: Final = 64
_PICTURE_PIXELS: Final = 112


@dataclass(frozen=True, eq=False)
class FeatureVisualization:
    """Images that were optimised for something in a model.

    Attributes:
      method: "maximize_activation", as the function is called.
      images: float32 [image, *shape of the input], in `input_range`: of each the one
        with the least energy of those looked at without transforms.
      scores: float32 [image]: how much of what was wanted they have: minus the losses
        of the objectives, times their weights.
      site: path of the layer that was looked at, or name of the output; several are
        joined by commas.
      score_source: "logits", the values before a softmax or sigmoid; "activation", the
        layer's output; "function" where an objective asked for neither.
      units: int [image], the channel or class of each; None where there is none.
      losses: by term, float32 [iteration, image], before weights, each at the start of
        the iteration and under its transforms; NaN after an early stop.
      weights: of the terms in the energy.
      checks: int, the iterations without transforms.
      gradients: float32, of the shape of images: of the energy with respect to them.
      frames: float32 [frame, image, *shape], the images on their way.
      frame_iterations: int [frame].
      best_iterations: int [image], when `images` were found.
      outcomes: for each image "levelled", its score no longer rises; "rising", it still
        does; "stuck", it is no higher than that of the noise at first.
      input_range: least and greatest value of the images; None if there is none.
      seed: of noise and transforms.
      settings: what else was chosen.
    """

    method: str
    images: Array
    scores: Array
    site: str = ""
    score_source: str = "activation"
    units: Array | None = None
    losses: Mapping[str, Array] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    checks: Array = field(default_factory=lambda: np.zeros(0, int))
    gradients: Array | None = None
    frames: Array | None = None
    frame_iterations: Array = field(default_factory=lambda: np.zeros(0, int))
    best_iterations: Array | None = None
    outcomes: tuple[str, ...] = ()
    input_range: tuple[float, float] | None = None
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def converged(self) -> Array:
        """Whether each image's score has levelled off, bool [image]."""
        return np.array([outcome == LEVELLED for outcome in self.outcomes], bool)

    def pictures(
        self, domain: tuple[float, float] | None = None, frame: int | None = None
    ) -> Pixels:
        """The images as uint8 [image, height, width, RGB], pixel for pixel.

        Args:
          domain: the values that become black and white; None takes for each image its
            own least and greatest.
          frame: one of `frames` in place of the images.

        Raises:
          ValueError: if inputs are not [height, width], or that with 1, 3 or 4
            channels; or if there are no frames.
        """
        images = self.images
        if frame is not None:
            if self.frames is None:
                raise ValueError("No frames were kept; ask for some by frames_every.")
            images = self.frames[frame]
        if images.ndim == 2:  # Features: a row for each image.
            images = images[:, np.newaxis]
        return np.stack([_as_picture(image, domain) for image in images])

    def to_png(
        self,
        index: int | None = None,
        domain: tuple[float, float] | None = None,
        frame: int | None = None,
    ) -> bytes:
        """All images side by side as a PNG, or one of them.

        Small images are enlarged, a square of pixels for each value.

        Args:
          index: of the image; None for all.
          domain, frame: as in `pictures`.

        Raises:
          IndexError: if there is no such image.
          ValueError: as `pictures`.
        """
        pictures = self.pictures(domain, frame)
        if index is not None:
            sheet = enlarged(pictures[index][np.newaxis], _PICTURE_PIXELS)[0]
        else:
            sheet = contact_sheet(enlarged(pictures, _PICTURE_PIXELS))
        opaque = np.full((*sheet.shape[:2], 1), 255, np.uint8)
        return encode_png(np.concatenate([sheet, opaque], axis=-1))

    def _repr_html_(self) -> str:
        """The first pictures with their units and scores; for notebooks."""
        shown = min(len(self.images), _IMAGES_SHOWN)
        more = len(self.images) - shown
        rest = f"<p>{more} more images are not shown.</p>" if more else ""
        title = html.escape(
            f"{self.method} at {self.site}" if self.site else self.method
        )
        figures = "".join(map(self._figure, range(shown)))
        return (
            f'<div style="font: 13px sans-serif"><p><b>{title}</b></p>'
            f'<div style="display: flex; flex-wrap: wrap; gap: 12px">{figures}</div>'
            f"{rest}</div>"
        )

    def _figure(self, index: int) -> str:
        name = f"image {index}" if self.units is None else f"unit {self.units[index]}"
        parts = [name]
        if np.isfinite(self.scores[index]):
            parts.append(f"score {self.scores[index]:.3g}")
        if self.outcomes and self.outcomes[index] != LEVELLED:
            parts.append(self.outcomes[index])
        caption = " · ".join(parts)
        try:
            source = base64.b64encode(self.to_png(index)).decode()
        except ValueError:  # No picture; the values are there.
            return f"<span>{caption}</span>"
        return (
            f'<figure style="margin: 0"><img alt="{name}"'
            f' style="height: {_PICTURE_PIXELS}px; image-rendering: pixelated"'
            f' src="data:image/png;base64,{source}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )


def _as_picture(image: Array, domain: tuple[float, float] | None) -> Pixels:
    if domain is not None:
        low, high = domain
        share = np.clip((np.nan_to_num(image, nan=low) - low) / (high - low), 0, 1)
        image = np.round(share * 255).astype(np.uint8)
    return as_rgb(image)
