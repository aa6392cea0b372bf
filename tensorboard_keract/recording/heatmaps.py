"""Heatmaps as a record holds them: their axes, their plan, and what they explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.core.attribution.explanation import Explanation
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.layout import (
    BATCH,
    Limits,
    TensorPlan,
    plan_tensor,
    store,
)

# As large as the inputs that they lie on; one along time has a value for each token.
_MAX_PIXELS: Final = 256
MAX_TIMES: Final = 4096

_AXES: Final = {
    2: (BATCH, "time"),
    3: (BATCH, "height", "width"),
    4: (BATCH, "depth", "height", "width"),
}


@dataclass(frozen=True)
class StoredHeatmap:
    """Heatmaps of the recorded samples by one method, on the host.

    Attributes:
      plan: what of them is stored.
      values: float32, of the plan's shape.
      explanation: what they explain.
    """

    plan: TensorPlan
    values: npt.NDArray[np.float32]
    explanation: plugin_data_pb2.Explanation

    def planes(self) -> wire_format.Planes:
        """Their planes, averaged where they are too large, and coded."""
        return store(self.plan, self.values)


def heatmap_axes(explanation: Explanation) -> tuple[str, ...]:
    """Names of the axes of an explanation's heatmap."""
    shape, x = explanation.heatmap.shape, explanation.x
    if len(shape) == 2 and x.shape == shape and np.issubdtype(x.dtype, np.floating):
        return (BATCH, "unit")  # Of features; token ids are whole numbers.
    others = tuple(f"axis{i}" for i in range(1, len(shape)))
    return _AXES.get(len(shape), (BATCH, *others))


def plan_heatmap(
    path: str,
    axes: Sequence[str],
    shape: Sequence[int],
    samples: int,
    precision: str,
) -> TensorPlan:
    """What is stored of heatmaps of this shape [batch, *spatial]."""
    pixels = MAX_TIMES if len(shape) == 2 else _MAX_PIXELS
    return plan_tensor(
        metadata.HEATMAP,
        path,
        "float32",
        axes,
        shape,
        Limits(samples=samples, pixels=pixels),
        precision,
    )


def explanation_message(
    explanation: Explanation, samples: int, input_path: str, target_rule: str
) -> plugin_data_pb2.Explanation:
    """What the header says of the first `samples` heatmaps.

    Args:
      explanation: of these samples, and maybe more.
      samples: that are stored.
      input_path: of the maps of the input that they lie on.
      target_rule: how targets were chosen; empty where none were.
    """
    message = plugin_data_pb2.Explanation(
        method=explanation.method,
        site=explanation.site,
        input_path=input_path,
        signed=explanation.signed,
    )
    if target_rule:
        message.score_source = explanation.score_source
        message.target_rule = target_rule
        message.scores.extend(_first(explanation.scores, samples))
    if explanation.targets is not None:
        message.targets.extend(_first(explanation.targets, samples))
    if explanation.completeness_error is not None:
        errors = _first(explanation.completeness_error, samples)
        message.completeness_errors.extend(errors)
    return message


def target_rule(explanation: Explanation) -> str:
    """How targets were chosen, as far as an explanation itself tells."""
    if explanation.targets is not None:
        return "ids"
    return "" if explanation.method == "activation_heatmap" else "function"


def _first(values: npt.NDArray[Any], count: int) -> list[Any]:
    found: list[Any] = values[:count].tolist()
    return found
