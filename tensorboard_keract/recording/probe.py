"""The probe: a small fixed batch that is passed through the model at each record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
      tokens: of text, what each sample reads, [sample][time]: one for each place of
        the input, "" for padding.
      vocabulary: in place of tokens, the token of each id of an integer input
        [batch, time]: a list, or a mapping from ids. An id that it lacks is shown as
        "#17".
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    labels: Sequence[int] | None = None
    class_names: Sequence[str] = ()
    tokens: Sequence[Sequence[str]] | None = None
    vocabulary: Sequence[str] | Mapping[int, str] | None = None

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

    def sample_tokens(self) -> list[list[str]]:
        """The tokens that each sample reads; empty where they are not known.

        Raises:
          ProbeError: if they are not one list for each sample, with one token for each
            place of the input; if there is no integer input to look up in the
            vocabulary, or that is one of ids by token.
        """
        if self.tokens is None and self.vocabulary is None:
            return []
        inputs = keras.tree.flatten(self.tensors()[0])
        ids = next((t for t in inputs if _holds_ids(t)), None)
        if self.tokens is not None:
            sequence = ids
            if ids is None:
                sequence = next((t for t in inputs if t.shape.rank == 3), None)
            places = None if sequence is None else sequence.shape[1]
            return _checked_tokens(self.tokens, int(inputs[0].shape[0]), places)
        if ids is None:
            raise ProbeError(
                "A vocabulary is for an input of token ids, whole numbers [batch, time],"
                " and the probe has none. Give its tokens: Probe(x, tokens=[[…], …])."
            )
        assert self.vocabulary is not None
        by_id = _tokens_by_id(self.vocabulary)
        return [[by_id.get(i, f"#{i}") for i in row] for row in ids.numpy().tolist()]


def _holds_ids(tensor: tf.Tensor) -> bool:
    return bool(tensor.dtype.is_integer and tensor.shape.rank == 2)


def _checked_tokens(
    tokens: Sequence[Sequence[str]], samples: int, places: int | None
) -> list[list[str]]:
    if isinstance(tokens, str) or any(isinstance(row, str) for row in tokens):
        raise ProbeError(
            "The probe's tokens are lists of strings, one list for each sample:"
            ' tokens=[["a", "good", "film"], …].'
        )
    if len(tokens) != samples:
        raise ProbeError(
            f"The probe has tokens of {len(tokens)} samples, and {samples} samples."
        )
    for index, row in enumerate(tokens):
        if places is not None and len(row) != places:
            raise ProbeError(
                f"Sample {index} of the probe has {len(row)} tokens; its input has"
                f' {places} places. Give one token for each, "" for padding.'
            )
    return [[str(token) for token in row] for row in tokens]


def _tokens_by_id(vocabulary: Sequence[str] | Mapping[int, str]) -> dict[int, str]:
    if not isinstance(vocabulary, Mapping):
        return dict(enumerate(map(str, vocabulary)))
    try:
        return {int(i): str(token) for i, token in vocabulary.items()}
    except (TypeError, ValueError):
        raise ProbeError(
            "The vocabulary maps ids to tokens, such as {1: 'the', 2: 'film'}; from one"
            " of ids by token, {id: token for token, id in vocabulary.items()} makes"
            " that."
        ) from None


def parse_probe(probe: Any, class_names: Sequence[str] | None = None) -> Probe:
    """A probe from what people hand over.

    Args:
      probe: a `Probe`, a tuple (x,), (x, y) or (x, y, sample_weight), or a
        `tf.data.Dataset` of such tuples, of which the first batch is taken. Anything
        else is x itself.
      class_names: in place of those of a `Probe`.

    Raises:
      ProbeError: if it is None, an empty dataset, or a tuple of another length; if its
        tokens do not fit.
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
    parsed.sample_tokens()
    if class_names is None:
        return parsed
    return replace(parsed, class_names=tuple(map(str, class_names)))


def _batch_size(name: str, tensor: tf.Tensor) -> int:
    if tensor.shape.rank == 0:
        raise ProbeError(
            f"The probe's {name} holds a scalar; its first axis is the batch."
        )
    return int(tensor.shape[0])
