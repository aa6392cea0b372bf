"""What an attribution method found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tensorboard_keract.core.attribution.resizing import resized

Array: TypeAlias = npt.NDArray[Any]


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
