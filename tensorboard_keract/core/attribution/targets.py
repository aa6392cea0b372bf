"""What is explained: one score for each sample, of a class or of a function.

A model that ends in a softmax or sigmoid is explained by its logits, the values before
it: the gradient of a probability vanishes where the model is sure, and mixes in those
of all other classes (Simonyan et al. 2014, https://arxiv.org/abs/1312.6034).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract.core.model_state import has_gradient

Targets: TypeAlias = int | Iterable[int] | Callable[[Any], Any] | None
"""None for each sample's top prediction, a class id for all or one for each, or a
function of the model's outputs that gives a score [batch]."""


class TargetsError(ValueError):
    """A class id is none of the model's. Says which ones are."""


# Stands for the top prediction among class ids.
TOP: Final = -1


@dataclass(frozen=True)
class Score:
    """The scores in a traced pass.

    Attributes:
      values: floating, [batch].
      targets: int32 [batch], the class ids; None for a function.
      source: "logits", "output" or "function".
      classes: how many there are; None where that is not known, or for a function.
    """

    values: tf.Tensor
    targets: tf.Tensor | None
    source: str
    classes: int | None = None


def parse_targets(targets: Targets, samples: int) -> npt.NDArray[np.int32]:
    """Class ids int32 [samples]; `TOP` for each where targets are None or a function.

    Raises:
      TypeError: if targets are of none of the kinds that can be explained.
      ValueError: if their number is not that of the samples, or one is negative.
    """
    if targets is None or callable(targets):
        return np.full(samples, TOP, np.int32)
    try:
        ids = np.asarray(targets)
    except ValueError as error:
        raise TypeError(_wrong_targets(targets)) from error
    if ids.dtype.kind not in "iu" or ids.ndim > 1:
        raise TypeError(_wrong_targets(targets))
    if ids.ndim == 1 and len(ids) != samples:
        raise ValueError(
            f"There are {len(ids)} targets for {samples} samples. Give one class id for"
            " all samples, or one for each."
        )
    if ids.size and int(ids.min()) < 0:
        raise ValueError(
            f"The target {int(ids.min())} is negative; classes begin at 0."
        )
    return np.broadcast_to(ids.astype(np.int32), samples)


def _wrong_targets(targets: object) -> str:
    return (
        f"targets are {targets!r}. Give None for the top prediction, a class id, one for"
        " each sample, or a function of the model's outputs that gives a score [batch]."
    )


def class_scores(output: tf.Tensor, use_logits: bool, ids: tf.Tensor) -> Score:
    """The scores of classes of one output.

    Args:
      output: [batch, class]; [batch, 1] or [batch] is one value: of a sigmoid the
        probability of class 1, else a value without classes, of which 0 is the id.
      use_logits: whether to read the input of the softmax or sigmoid that made it.
      ids: int32 [batch]; `TOP` for the class with the greatest score.

    Raises:
      ValueError: while traced, if the output has no class axis or is not floating.
    """
    if not has_gradient(output) or output.shape.rank not in (1, 2):
        raise ValueError(
            f"The model's output has the shape {tuple(output.shape)} and the type"
            f" {output.dtype.name}; class ids are for floating outputs [batch, class]."
            " Give as targets a function of the outputs that returns a score for each"
            " sample, such as lambda y: tf.reduce_mean(y[..., 1], axis=(1, 2)) for a"
            " segmentation."
        )
    logits = getattr(output, "_keras_logits", None)
    is_logits = use_logits and logits is not None
    values = logits if is_logits else output
    values = tf.cast(values, tf.float32)
    if values.shape.rank == 1:
        values = values[:, tf.newaxis]
    if values.shape[1] == 1 and logits is not None:
        # One sigmoid tells two classes apart: against 1 speaks what speaks for 0.
        values = tf.concat([-values if is_logits else 1 - values, values], axis=1)
    top = tf.argmax(values, axis=1, output_type=tf.int32)
    chosen = tf.where(ids == TOP, top, ids)
    return Score(
        tf.gather(values, chosen, axis=1, batch_dims=1),
        chosen,
        "logits" if is_logits else "output",
        values.shape[1],
    )


def function_scores(function: Callable[[Any], Any], outputs: Any) -> Score:
    """The scores that a function gives of the model's outputs.

    Raises:
      ValueError: while traced, if it gives anything but one number for each sample.
    """
    values = tf.convert_to_tensor(function(outputs))
    if values.shape.rank != 1 or not values.dtype.is_floating:
        raise ValueError(
            f"The function of targets gives the shape {tuple(values.shape)} and the"
            f" type {values.dtype.name}; a score for each sample is floating, [batch]."
            " Take the mean over all axes but the first."
        )
    return Score(tf.cast(values, tf.float32), None, "function")
