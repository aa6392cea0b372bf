"""The probe: a small fixed batch that is passed through the model at each record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tensorboard_keract.core.capture import as_tensors


class ProbeError(ValueError):
    """The model or its loss refuses the probe. Says what was given and what would do."""


@dataclass(frozen=True)
class Probe:
    """A small fixed batch, so that steps and runs compare like with like.

    Attributes:
      x: the model's input, in any structure the model takes; batch axis first.
      y: the target; needed for gradients.
      sample_weight: as in `fit`.
      labels: int [sample], the class id of each sample, to be shown beside it. Left
        out, it is read from `y` where that is class ids or one-hot rows.
      class_names: the name of each class id.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    labels: Sequence[int] | None = None
    class_names: Sequence[str] = ()

    def tensors(self) -> tuple[Any, Any, Any]:
        """x, y and sample weight as tensors; floats in Keras' default float type.

        Raises:
          ProbeError: if x is empty, or the batch sizes differ.
        """
        x, y, weight = (
            as_tensors(part) for part in (self.x, self.y, self.sample_weight)
        )
        sizes = {
            name: sorted({_batch_size(name, t) for t in keras.tree.flatten(part)})
            for name, part in (("x", x), ("y", y), ("sample_weight", weight))
            if part is not None
        }
        if not sizes["x"] or sizes["x"] == [0]:
            raise ProbeError(
                "The probe's x holds no samples. Give a few, such as"
                " probe=(x_val[:8], y_val[:8])."
            )
        if len({size for found in sizes.values() for size in found}) > 1:
            described = ", ".join(
                f"{name} has {' and '.join(map(str, found))}"
                for name, found in sizes.items()
            )
            raise ProbeError(
                f"The parts of the probe have different numbers of samples: {described}."
            )
        return x, y, weight

    def sample_labels(self) -> list[int]:
        """The class id of each sample; empty where they are not known."""
        if self.labels is not None:
            return [int(label) for label in self.labels]
        parts = keras.tree.flatten(self.y)
        if len(parts) != 1 or parts[0] is None:
            return []
        y = np.asarray(parts[0])
        if np.issubdtype(y.dtype, np.integer) and y.size == len(y):
            return [int(label) for label in y.ravel()]
        one_hot = y.ndim == 2 and y.shape[1] > 1 and np.isin(y, (0, 1)).all()
        if one_hot and (y.sum(axis=1) == 1).all():
            return [int(label) for label in y.argmax(axis=1)]
        return []


def parse_probe(probe: Any, class_names: Sequence[str] | None = None) -> Probe:
    """A probe from what people hand over.

    Args:
      probe: a `Probe`, a tuple (x,), (x, y) or (x, y, sample_weight), or a
        `tf.data.Dataset` of such tuples, of which the first batch is taken. Anything
        else is x itself.
      class_names: in place of those of a `Probe`.

    Raises:
      ProbeError: if it is None, an empty dataset, or a tuple of another length.
    """
    if isinstance(probe, tf.data.Dataset):
        probe = next(iter(probe), None)
    if probe is None:
        raise ProbeError(
            "A recorder needs a probe: a few samples that are passed through the model"
            " at each record, such as probe=(x_val[:8], y_val[:8])."
        )
    if isinstance(probe, Probe):
        parsed = probe
    else:
        parts = probe if isinstance(probe, tuple) else (probe,)
        if not 1 <= len(parts) <= 3:
            raise ProbeError(
                f"The probe is a tuple of {len(parts)}. Give (x, y) or"
                " (x, y, sample_weight); several inputs go into x as a list or dict."
            )
        parsed = Probe(*parts)
    if class_names is None:
        return parsed
    return replace(parsed, class_names=tuple(map(str, class_names)))


def _batch_size(name: str, tensor: tf.Tensor) -> int:
    if tensor.shape.rank == 0:
        raise ProbeError(
            f"The probe's {name} holds a scalar; its first axis is the batch."
        )
    return int(tensor.shape[0])
