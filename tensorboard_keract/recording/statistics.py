"""Statistics of a tensor in NumPy: what `reduce_tables.statistics` computes on the device.

And those of a whole from those of its parts: of a batch from its shares on several
devices, of a data set from its batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    if channel_axis is not None and x.size:
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


def merge_statistics(
    tables: npt.ArrayLike, dead_channels: npt.ArrayLike, channel_counts: Sequence[int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The statistics of wholes, from those of their parts: `accumulate_statistics`.

    Returns:
      The statistics as they are recorded, float32 [row, statistic], and which channels
      are dead, float32 [channel].
    """
    table, dead = accumulate_statistics(tables, dead_channels, channel_counts)
    with np.errstate(over="ignore"):  # As in `statistics`.
        return table.astype(np.float32), dead.astype(np.float32)


def accumulate_statistics(
    tables: npt.ArrayLike, dead_channels: npt.ArrayLike, channel_counts: Sequence[int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The statistics of wholes, from those of their parts, to merge with further parts.

    Computed and returned in float64, so that what was returned may be a part the next
    time, over and over: counts stay exact, and moments lose nothing that counts.

    Mean and standard deviation follow Chan, Golub and LeVeque, "Updating Formulae and a
    Pairwise Algorithm for Computing Sample Variances" (1979): with n, m and s the count,
    mean and standard deviation of a part's finite values, and N and M those of the whole,

        M = sum(n m) / N        S^2 = sum(n (s^2 + (m - M)^2)) / N

    A part without values, or without finite ones, changes what it has something to say
    about, and leaves the rest as it is. Where no part has anything to say, NaN stands, as
    in `statistics`.

    Args:
      tables: of each part, [part, row, statistic], at least one part.
      dead_channels: of each part, for the channels of all rows, one row's after the
        other's, whether they are zero everywhere: [part, channel], 1.0 or 0.0. A part
        without values has 1.0.
      channel_counts: how many channels each row has; 0 for a row without a channel axis.

    Returns:
      The statistics, float64 [row, statistic], and which channels are zero in all parts,
      float64 [channel]. The update ratio, which the parts have in common, is that of the
      first part that has one.
    """
    parts = np.asarray(tables, np.float64)
    merged = np.empty(parts.shape[1:])
    of = {name: parts[..., i] for i, name in enumerate(metadata.STATISTICS)}
    into = {name: merged[:, i] for i, name in enumerate(metadata.STATISTICS)}
    special = ("nan_count", "positive_inf_count", "negative_inf_count")
    for name in ("count", *special):
        into[name][:] = of[name].sum(axis=0)
    finite = of["count"] - sum(of[name] for name in special)
    # Infinite moments are those of finite values beyond float32: they go through.
    with np.errstate(invalid="ignore"):
        mean = _mean(of["mean"], finite)
        deviation = np.where(finite > 0, of["mean"] - mean, 0)
        into["mean"][:] = mean
        into["std"][:] = np.sqrt(_mean(of["std"] ** 2 + deviation**2, finite))
    squares = np.where(finite > 0, of["l2_norm"], 0) ** 2
    least = np.where(finite > 0, of["min"], np.inf).min(axis=0)
    greatest = np.where(finite > 0, of["max"], -np.inf).max(axis=0)
    for name, values in (
        ("min", least),
        ("max", greatest),
        ("l2_norm", np.sqrt(squares.sum(axis=0))),
    ):
        into[name][:] = np.where((finite > 0).any(axis=0), values, np.nan)
    for name in ("zero_fraction", "saturated_fraction"):
        into[name][:] = _mean(of[name], of["count"])
    dead = np.asarray(dead_channels, np.float64).min(axis=0)
    row_of_channel = np.repeat(np.arange(len(channel_counts)), channel_counts)
    dead_counts = np.bincount(row_of_channel, dead, minlength=len(channel_counts))
    known = (np.asarray(channel_counts) > 0) & (into["count"] > 0)
    into["dead_fraction"][:] = np.divide(
        dead_counts, channel_counts, out=np.full(len(known), np.nan), where=known
    )
    ratios = of["update_ratio"]
    first = np.argmax(~np.isnan(ratios), axis=0)
    into["update_ratio"][:] = np.take_along_axis(ratios, first[None], axis=0)[0]
    return merged, dead


def _mean(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Weighted means over the parts; those of weight 0 may be NaN. NaN of no weight."""
    total = weights.sum(axis=0)
    # Shares, not products with counts: those would round where the values are alike.
    shares = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    means: npt.NDArray[np.float64] = np.where(weights > 0, values * shares, 0).sum(0)
    return np.where(total > 0, means, np.nan)
