"""What the score loses when a part of the input is hidden."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tensorboard_keract.core.attribution.explaining import (
    Array,
    Batch,
    Options,
    OptionsDict,
    score_alone,
)
from tensorboard_keract.core.attribution.explanation import Explanation
from tensorboard_keract.core.attribution.score_pass import INPUT
from tensorboard_keract.core.attribution.targets import Targets

if TYPE_CHECKING:
    from typing_extensions import Unpack


def occlusion(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    *,
    patch: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    fill: float = 0.0,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """Occlusion sensitivity: how much the score falls where a patch hides the input.

    For each place the mean of s(x) − s(x with a patch over it), over all patches that
    cover it. Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901.

    Args:
      model, x, targets, **options: as in `grad_cam`. The top prediction is that of the
        input without a patch. No gradient is needed.
      patch: its size along each spatial axis of the input; None takes an eighth of the
        axis, 1 at least. Of [batch, feature] inputs features are the axis.
      stride: how far one patch is from the next, at most a patch; None takes half a
        patch. The last ones lie at the end of the axis.
      fill: the value that hides. Of token ids their embedding is filled with it.

    Returns:
      The explanation; heatmap float32 [batch, *spatial of the input], signed: above
      zero hiding lowers the score.

    Raises:
      ValueError: as `grad_cam`; if patch or stride don't fit the input.
    """
    batch = Batch.of(model, x, targets, Options(**options))
    spatial = batch.explained.shape[1 : max(2, batch.site_rank - 1)]
    patches = _sizes("patch", patch, spatial, [max(1, size // 8) for size in spatial])
    strides = _sizes("stride", stride, patches, [max(1, size // 2) for size in patches])
    places = list(
        itertools.product(*map(_starts, spatial, patches, strides)),
    )
    hidden = np.zeros((len(places), *spatial), np.float32)
    for covered, place in zip(hidden, places, strict=True):
        covered[tuple(map(slice, place, np.add(place, patches)))] = 1

    def behind_patch(copy: Array, sample: Array) -> tuple[Any, Any]:
        cover = hidden[copy]
        cover = cover.reshape(*cover.shape, *[1] * (batch.site_rank - cover.ndim))
        return 1 - cover, cover * fill

    asked = batch.ask(INPUT, score_alone, gradients=False)
    found = batch.whole(asked)
    fall = np.empty((len(places), len(batch.explained)), np.float32)
    ids = found.get("target", batch.ids)
    for copy, sample, part in batch.evaluated(asked, behind_patch, len(places), ids):
        fall[copy, sample] = found["score"][sample] - part["score"]
    heatmap = np.einsum("pn,p...->n...", fall, hidden) / hidden.sum(axis=0)
    return batch.explanation("occlusion", asked, heatmap, found, signed=True)


def _sizes(
    name: str,
    given: int | Iterable[int] | None,
    limits: Sequence[int],
    default: list[int],
) -> list[int]:
    if given is None:
        return default
    sizes = [given] * len(limits) if isinstance(given, int) else list(given)
    fit = len(sizes) == len(limits) and all(
        1 <= size <= limit for size, limit in zip(sizes, limits, strict=True)
    )
    if not fit:
        raise ValueError(
            f"{name}={given!r}; give one number, or one for each of the {len(limits)}"
            f" spatial axes, from 1 to {', '.join(map(str, limits))}."
        )
    return sizes


def _starts(size: int, patch: int, stride: int) -> list[int]:
    starts = list(range(0, size - patch + 1, stride))
    return starts if starts[-1] == size - patch else [*starts, size - patch]
