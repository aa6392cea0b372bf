"""How an energy is lowered: what a caller may choose, and is told meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypedDict

import keras
import numpy as np
import numpy.typing as npt

from tensorboard_keract.core.feature_visualization.parameterization import (
    Parameterization,
)

Array: TypeAlias = npt.NDArray[Any]

MEMORY_LIMIT: Final = 1 << 30
"""Bytes that activations and their gradients may take at once."""


@dataclass(frozen=True)
class Check:
    """What a callback is told: the images as they are, looked at without transforms.

    Attributes:
      iteration: how many were done.
      numbers: int [image], which of all images these are.
      images: float32 [image, …], in the input range.
      losses: by term, float32 [image], before weights.
      energy: float32 [image].
    """

    iteration: int
    numbers: Array
    images: Array
    losses: Mapping[str, Array]
    energy: Array


Callback: TypeAlias = Callable[[Check], Any]


class NotFiniteError(ArithmeticError):
    """An energy, or its gradient, became NaN or ±Inf.

    Attributes:
      images: float32 [image, …], the last ones for which all was finite.
      numbers: int [image], which of all images these are.
    """

    def __init__(self, message: str, images: Array, numbers: Array) -> None:
        """With the images as they were."""
        super().__init__(message)
        self.images = images
        self.numbers = numbers


class OptionsDict(TypedDict, total=False):
    """`Options` as keyword arguments."""

    max_iter: int
    seed: int
    seed_input: Any
    input: str | None
    input_shape: Sequence[int] | None
    input_range: tuple[float, float] | None
    preprocess: Callable[[Any], Any] | None
    parameterization: str | Parameterization | None
    optimizer: keras.optimizers.Optimizer | None
    callbacks: Sequence[Callback]
    check_every: int
    frames_every: int | None
    patience: int | None
    memory_limit: int
    progress: bool | None


@dataclass(frozen=True)
class Options:
    """How an energy is lowered; `minimize` says of each what it is."""

    max_iter: int = 256
    seed: int = 0
    seed_input: Any = None
    input: str | None = None
    input_shape: Sequence[int] | None = None
    input_range: tuple[float, float] | None = (0.0, 1.0)
    preprocess: Callable[[Any], Any] | None = None
    parameterization: str | Parameterization | None = None
    optimizer: keras.optimizers.Optimizer | None = None
    callbacks: Sequence[Callback] = ()
    check_every: int = 16
    frames_every: int | None = None
    patience: int | None = 4
    memory_limit: int = MEMORY_LIMIT
    progress: bool | None = None

    def __post_init__(self) -> None:
        for name in ("max_iter", "check_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; give one at least.")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed}; give a number of 0 or more.")
        if self.patience is not None and self.patience < 1:
            raise ValueError(
                f"patience={self.patience}; give a number of checks, or None."
            )
        if self.frames_every is not None and self.frames_every < 0:
            raise ValueError(
                f"frames_every={self.frames_every}; give a number of iterations, or 0"
                " for no frames."
            )
        if self.input_range is not None:
            object.__setattr__(self, "input_range", _range(self.input_range))
        if self.optimizer is not None and not isinstance(
            self.optimizer, keras.optimizers.Optimizer
        ):
            raise TypeError(
                f"optimizer is {self.optimizer!r}; give one of keras.optimizers, such"
                " as keras.optimizers.Adam(0.05)."
            )

    @property
    def frame_step(self) -> int:
        """Iterations from frame to frame; 0 for none. Nine by default."""
        if self.frames_every is None:
            return max(1, self.max_iter // 8)
        return self.frames_every


def _range(given: Sequence[float]) -> tuple[float, float]:
    values = np.asarray(given)
    is_pair = values.shape == (2,) and values.dtype.kind in "iuf"
    if not is_pair or not values[0] < values[1]:
        raise ValueError(
            f"input_range={given}; give the least and the greatest value of the model's"
            " inputs, such as (0, 255), or None for no range."
        )
    return float(values[0]), float(values[1])
