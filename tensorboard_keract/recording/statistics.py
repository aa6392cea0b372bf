"""Statistics of a tensor in NumPy: what `reduce.statistics` computes on the device."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from tensorboard_keract import metadata

# The bounds of activation functions that are flat near them.
ACTIVATION_BOUNDS: Final = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu6": (-math.inf, 6.0),
}
SATURATION_MARGIN: Final = 0.01


def saturation_limits(activation: str) -> tuple[float, float] | None:
    """Below and above which an activation counts as saturated: within 1 % of a bound.

    None for an activation function without bounds, and for an unknown one.
    """
    if activation not in ACTIVATION_BOUNDS:
        return None
    low, high = ACTIVATION_BOUNDS[activation]
    margin = SATURATION_MARGIN * (1.0 if math.isinf(low) else high - low)
    return low + margin, high - margin


def statistics(
    values: npt.ArrayLike, channel_axis: int | None = None, activation: str = ""
) -> npt.NDArray[np.float32]:
    """The statistics of a whole tensor, float32 [len(metadata.STATISTICS)].

    Mean, std, min, max and L2 norm are those of the finite values. NaN stands where
    there is nothing to say: no finite value, no value at all, no channels, an
    activation function without bounds. The update ratio, which needs an earlier
    record, is always NaN here.

    Args:
      values: real or boolean, any shape.
      channel_axis: along which dead channels, zero everywhere, are counted.
      activation: name of the function that made the values.
    """
    x = np.asarray(values, np.float32).astype(np.float64)
    finite = x[np.isfinite(x)]
    found: dict[str, float] = dict.fromkeys(metadata.STATISTICS, math.nan)
    found["count"] = x.size
    found["nan_count"] = int(np.isnan(x).sum())
    found["positive_inf_count"] = int(np.isposinf(x).sum())
    found["negative_inf_count"] = int(np.isneginf(x).sum())
    if x.size:
        found["zero_fraction"] = float(np.mean(x == 0))
    if finite.size:
        found |= {
            "mean": finite.mean(),
            "std": finite.std(),
            "min": finite.min(),
            "max": finite.max(),
            "l2_norm": float(np.linalg.norm(finite)),
        }
    if channel_axis is not None and x.shape[channel_axis]:
        channels = np.moveaxis(x, channel_axis, 0).reshape(x.shape[channel_axis], -1)
        found["dead_fraction"] = float(np.mean((channels == 0).all(axis=1)))
    limits = saturation_limits(activation)
    if limits is not None and x.size:
        found["saturated_fraction"] = float(
            np.mean((x <= limits[0]) | (x >= limits[1]))
        )
    with np.errstate(over="ignore"):  # The norm of huge values is infinite in float32.
        return np.array([found[name] for name in metadata.STATISTICS]).astype(
            np.float32
        )
