"""Gradients of the score with respect to the input, and sums of them.

With x the input and s the score. Token ids have no gradient: x is the output of their
embedding then. A heatmap merges the last axis of x, where it has more than one value a
place: [batch, height, width, channel] gives [batch, height, width], embedded tokens
[batch, time, channel] give [batch, time], and [batch, feature] stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tensorboard_keract.core.attribution.explaining import (
    Array,
    Batch,
    Options,
    OptionsDict,
    Variant,
)
from tensorboard_keract.core.attribution.explanation import Explanation
from tensorboard_keract.core.attribution.score_pass import (
    INPUT,
    Explained,
    ScorePass,
)
from tensorboard_keract.core.attribution.targets import Targets

if TYPE_CHECKING:
    from typing_extensions import Unpack


def saliency(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """Vanilla gradients: how fast the score changes with each value of the input.

    max over channels of |∂s/∂x|. Simonyan et al. 2014, https://arxiv.org/abs/1312.6034.

    Args:
      model, x, targets, **options: as in `grad_cam`.

    Returns:
      The explanation; heatmap float32 [batch, *spatial of the input], 0 and above;
      attribution ∂s/∂x of the input's shape, signed.

    Raises:
      ValueError, TypeError, RuntimeError: as `grad_cam`.
    """
    batch = Batch.of(model, x, targets, Options(**options))
    return _by_gradient("saliency", batch)


def guided_backprop(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """Guided backpropagation: ReLUs pass on what is positive, forwards and backwards.

    max over channels of |R|, where R is ∂s/∂x with each ReLU's gradient 0 where its
    input or the gradient handed to it is below zero. Springenberg et al. 2015,
    https://arxiv.org/abs/1412.6806. It shows edges sharply and depends little on the
    target: Adebayo et al. 2018, https://arxiv.org/abs/1810.03292.

    Only ReLU and ReLU6 follow the rule, as long as the pass is built; the model is as
    it was. A model without any is warned of.

    Arguments and result are those of `saliency`.

    Raises:
      ValueError: as `saliency`, and if the model runs eagerly.
    """
    batch = Batch.of(model, x, targets, Options(**options))
    return _by_gradient("guided_backprop", batch, relu="guided")


def deconvnet(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """Deconvnet: ReLUs are applied to what comes back, whatever went forwards.

    As `guided_backprop`, but each ReLU's gradient is the positive part of the gradient
    handed to it. Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901.

    Arguments, result and errors are those of `guided_backprop`.
    """
    batch = Batch.of(model, x, targets, Options(**options))
    return _by_gradient("deconvnet", batch, relu="deconvnet")


def gradient_x_input(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """Gradient × input: what each value would add to the score of a linear model.

    Sum over channels of x ∂s/∂x. Shrikumar et al. 2016,
    https://arxiv.org/abs/1605.01713.

    Arguments and errors are those of `saliency`. Heatmap and attribution are signed:
    values below zero speak against the target.
    """
    batch = Batch.of(model, x, targets, Options(**options))
    asked = batch.ask(INPUT, _value_and_gradient)
    found = batch.whole(asked)
    return _signed(
        "gradient_x_input", batch, asked, found["value"] * found["gradient"], found
    )


def smooth_grad(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    *,
    copies: int = 50,
    noise: float = 0.15,
    seed: int = 0,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """SmoothGrad: the mean gradient at noisy copies of the input.

    max over channels of |mean of ∂s/∂x at x + n|, n normal with a standard deviation of
    `noise` times the sample's range, greatest less least value. Smilkov et al. 2017,
    https://arxiv.org/abs/1706.03825.

    Args:
      model, x, targets, **options: as in `grad_cam`. The top prediction is that of the
        input without noise.
      copies: how many.
      noise: standard deviation as a share of the sample's range, 0.1 to 0.2 in the
        paper.
      seed: of the noise; the same seed gives the same explanation, up to how parts of
        the batch are summed.

    Returns:
      As `saliency`.

    Raises:
      ValueError: as `saliency`, and if copies or noise are not positive.
    """
    if copies < 1 or not noise > 0:
        raise ValueError(
            f"copies={copies} and noise={noise}: both must be positive, such as 50 and"
            " 0.15."
        )
    batch = Batch.of(model, x, targets, Options(**options))
    asked = batch.ask(INPUT, _value_and_gradient)
    found = batch.whole(asked)
    value = found["value"]
    axes = tuple(range(1, value.ndim))
    deviation = noise * np.ptp(value, axis=axes, keepdims=True)

    def noisy(copy: Array, sample: Array) -> tuple[Any, Any]:
        drawn = [
            np.random.default_rng([seed, c, s]).standard_normal(
                value.shape[1:], np.float32
            )
            for c, s in zip(copy, sample, strict=True)
        ]
        return 1, np.stack(drawn) * deviation[sample]

    mean = _summed(batch, asked, noisy, copies, found) / copies
    return _unsigned("smooth_grad", batch, asked, mean.astype(np.float32), found)


def integrated_gradients(
    model: keras.Model,
    x: Any,
    targets: Targets = None,
    *,
    steps: int = 50,
    baseline: Any = 0.0,
    **options: Unpack[OptionsDict],
) -> Explanation:
    """Integrated gradients: gradients along the way from a baseline to the input.

    Sum over channels of (x − b) times the mean of ∂s/∂x at b + α (x − b), α in the
    middles of `steps` equal parts of 0 … 1. The attributions of a sample sum up to
    s(x) − s(b), but for the steps' error. Sundararajan et al. 2017,
    https://arxiv.org/abs/1703.01365.

    Args:
      model, x, targets, **options: as in `grad_cam`. The top prediction is that of x.
      steps: how many gradients; the error falls with their square where s is smooth.
      baseline: b, an input that says nothing: a number, or an array that broadcasts to
        the input; of token ids to the output of their embedding.

    Returns:
      As `gradient_x_input`, and `completeness_error` float32 [batch], how far the sum
      is from s(x) − s(b), 0 and above, in units of the score. Where it is not small
      against that difference, take more steps.

    Raises:
      ValueError: as `saliency`; if steps are not positive, or the baseline does not
        broadcast to the input.
    """
    if steps < 1:
        raise ValueError(f"steps={steps}: at least one is needed; 50 mostly do.")
    batch = Batch.of(model, x, targets, Options(**options))
    asked = batch.ask(INPUT, _value_and_gradient)
    found = batch.whole(asked)
    value = found["value"]
    try:
        start = np.broadcast_to(np.asarray(baseline, np.float32), value.shape)
    except ValueError:
        raise ValueError(
            f"The baseline has the shape {np.shape(baseline)}, which does not broadcast"
            f" to that of {asked.path}, {value.shape}."
        ) from None

    def between(copy: Array, sample: Array) -> tuple[Any, Any]:
        scale = ((copy + 0.5) / steps).reshape(-1, *[1] * (value.ndim - 1))
        return scale, (1 - scale) * start[sample]

    total = _summed(batch, asked, between, steps, found)
    attribution = ((value - start) * (total / steps)).astype(np.float32)
    scores_at_start = np.empty(len(value), np.float32)
    ids = found.get("target", batch.ids)
    for _, sample, part in batch.evaluated(
        asked, lambda _, sample: (0, start[sample]), ids=ids
    ):
        scores_at_start[sample] = part["score"]
    sums = attribution.sum(axis=tuple(range(1, value.ndim)), dtype=np.float64)
    error = np.abs(sums - (found["score"] - scores_at_start))
    return _signed(
        "integrated_gradients",
        batch,
        asked,
        attribution,
        found,
        completeness_error=error.astype(np.float32),
    )


def _by_gradient(method: str, batch: Batch, **question: Any) -> Explanation:
    asked = batch.ask(INPUT, _gradient, **question)
    found = batch.whole(asked)
    return _unsigned(method, batch, asked, found["gradient"], found)


def _summed(
    batch: Batch,
    asked: ScorePass,
    variant: Variant,
    copies: int,
    found: Mapping[str, Array],
) -> Array:
    """The sum of the gradients of all copies, float64 of the shape of the site."""
    total = np.zeros(found["value"].shape)
    ids = found.get("target", batch.ids)
    for _, sample, part in batch.evaluated(asked, variant, copies, ids):
        np.add.at(total, sample, part["gradient"])
    return total


def _unsigned(
    method: str,
    batch: Batch,
    asked: ScorePass,
    attribution: Array,
    found: Mapping[str, Array],
) -> Explanation:
    size = np.abs(attribution)
    return batch.explanation(
        method,
        asked,
        size.max(axis=-1) if size.ndim > 2 else size,
        found,
        signed=False,
        attribution=attribution,
    )


def _signed(
    method: str,
    batch: Batch,
    asked: ScorePass,
    attribution: Array,
    found: Mapping[str, Array],
    **more: Any,
) -> Explanation:
    return batch.explanation(
        method,
        asked,
        attribution.sum(axis=-1) if attribution.ndim > 2 else attribution,
        found,
        signed=True,
        attribution=attribution,
        **more,
    )


def _gradient(site: Explained) -> dict[str, tf.Tensor]:
    assert site.gradient is not None
    return {"gradient": site.gradient}


def _value_and_gradient(site: Explained) -> dict[str, tf.Tensor]:
    assert site.gradient is not None
    return {"value": site.value, "gradient": site.gradient}
