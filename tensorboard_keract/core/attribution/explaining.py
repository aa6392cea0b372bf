"""What all attribution methods share: the batch at hand, and passes over it in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypedDict

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract.core.arguments import (
    check_model,
    fixed_batch,
    parse_x,
    unwrapped,
)
from tensorboard_keract.core.attribution.explanation import Explanation
from tensorboard_keract.core.attribution.score_pass import (
    Explained,
    Question,
    Reduce,
    ScorePass,
    score_pass,
)
from tensorboard_keract.core.attribution.targets import (
    Targets,
    TargetsError,
    parse_targets,
)
from tensorboard_keract.core.call_selection import CallSelection, held
from tensorboard_keract.core.layer_selection import LayerSelector
from tensorboard_keract.core.model_layout import named_inputs
from tensorboard_keract.core.model_state import build, has_gradient
from tensorboard_keract.core.progress import Progress

Array: TypeAlias = npt.NDArray[Any]

MEMORY_LIMIT: Final = 1 << 30
"""Bytes that activations and their gradients may take at once."""

# (copy, sample) -> scale, shift: how some evaluations change the site. `copy` and
# `sample`, int [part], say which they are.
Variant: TypeAlias = Callable[[Array, Array], tuple[Any, Any]]


class OptionsDict(TypedDict, total=False):
    """`Options` as the keyword arguments of a method."""

    input: str | None
    output: str | None
    use_logits: bool
    memory_limit: int
    progress: bool | None


@dataclass(frozen=True)
class Options:
    """What a caller may choose of any method.

    Attributes:
      input: name of the input to explain; None for the first.
      output: name of the output whose classes count; None for the first.
      use_logits: whether scores are the values before a softmax or sigmoid at the end.
      memory_limit: bytes that activations and gradients may take at once; where a batch
        needs more it is explained in parts.
      progress: whether to show a progress bar; None if it takes more than 2 s.
    """

    input: str | None = None
    output: str | None = None
    use_logits: bool = True
    memory_limit: int = MEMORY_LIMIT
    progress: bool | None = None


@dataclass(frozen=True)
class Batch:
    """A model with the samples to explain, checked.

    Attributes:
      x: tensors in the structure of the model's input.
      explained: the input that is explained, as it was given, [batch, …].
      site_rank: how many axes the site of methods that explain the input has.
      ids: int32 [batch], class ids or `TOP`.
      function: in place of class ids, or None.
    """

    model: keras.Model
    x: Any
    explained: Array
    site_rank: int
    ids: npt.NDArray[np.int32]
    function: Callable[[Any], Any] | None
    options: Options

    @classmethod
    def of(cls, model: Any, x: Any, targets: Targets, options: Options) -> Batch:
        """Raises what `grad_cam` says of its arguments."""
        check_model(model)
        x = unwrapped(model, x)
        tensors = _as_declared(model, parse_x(x))
        build(model, tensors)
        inputs = named_inputs(model, tensors)
        name = next(iter(inputs), None) if options.input is None else options.input
        if name not in inputs:
            raise ValueError(
                f"The model has no input {name!r}; it has: {', '.join(inputs)}."
            )
        explained = inputs[name]
        samples = int(explained.shape[0])
        fixed = fixed_batch(model)
        if fixed is not None and samples % fixed:
            raise ValueError(
                f"The model takes batches of {fixed}; {samples} samples are no multiple"
                " of that."
            )
        return cls(
            model=model,
            x=tensors,
            explained=_as_given(x, tensors, explained),
            site_rank=explained.shape.rank + (not has_gradient(explained)),
            ids=parse_targets(targets, samples),
            function=targets if callable(targets) else None,
            options=options,
        )

    def ask(self, layer: Any, reduce: Reduce, **question: Any) -> ScorePass:
        """A compiled pass for this batch, traced; see `Question`.

        Raises:
          ValueError: if a target is beyond the classes of the model, or what the pass
            finds wrong with the question.
        """
        asked = score_pass(
            self.model,
            Question(
                layer=layer,
                reduce=reduce,
                function=None if self.function is None else held(self.function),
                input=self.options.input,
                output=self.options.output,
                use_logits=self.options.use_logits,
                **question,
            ),
        )
        asked.prepare(self.x)
        if asked.classes is not None and int(self.ids.max()) >= asked.classes:
            raise TargetsError(
                f"The target {int(self.ids.max())} is beyond the model's classes, which"
                f" are 0 to {asked.classes - 1}."
            )
        return asked

    def explanation(
        self,
        method: str,
        asked: ScorePass,
        heatmap: Array,
        found: Mapping[str, Array],
        *,
        signed: bool,
        **more: Any,
    ) -> Explanation:
        """An explanation of all samples, with the scores and targets that were found."""
        return Explanation(
            method=method,
            heatmap=np.asarray(heatmap, np.float32),
            scores=found["score"],
            targets=found.get("target"),
            score_source=asked.source,
            site=asked.path,
            signed=signed,
            x=self.explained,
            **more,
        )

    def whole(self, asked: ScorePass) -> dict[str, Array]:
        """What one pass over every sample gives, as arrays [batch, …]."""
        parts = [found for _, _, found in self.evaluated(asked)]
        return {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }

    def evaluated(
        self,
        asked: ScorePass,
        variant: Variant | None = None,
        copies: int = 1,
        ids: npt.NDArray[np.int32] | None = None,
    ) -> Iterator[tuple[Array, Array, dict[str, Array]]]:
        """Runs the pass over `copies` of every sample, as many at once as memory allows.

        Args:
          asked: the pass.
          variant: how the copies differ; by default they don't.
          copies: how many of each sample.
          ids: in place of the batch's.

        Yields:
          copy and sample of each evaluation, int [part], and what the pass gave.
        """
        samples = len(self.explained)
        ids = self.ids if ids is None else ids
        size = min(self._part_size(asked), samples * copies)
        starts = range(0, samples * copies, size)
        bar = Progress(len(starts), self.options.progress)
        for start in starts:
            number = np.arange(start, min(start + size, samples * copies))
            copy, sample = number // samples, number % samples
            whole = len(sample) == samples and copies == 1
            x = self.x if whole else keras.tree.map_structure(_taker(sample), self.x)
            change = (1, 0) if variant is None else variant(copy, sample)
            scale, shift = (tf.constant(by, tf.float32) for by in change)
            found = asked(x, tf.constant(ids[sample]), scale, shift)
            yield copy, sample, {k: v.numpy() for k, v in found.items()}
            bar.advance()

    def _part_size(self, asked: ScorePass) -> int:
        fixed = fixed_batch(self.model)
        if fixed is not None:
            return fixed
        return max(1, self.options.memory_limit // max(1, 2 * asked.sample_bytes))


def _as_declared(model: keras.Model, x: Any) -> Any:
    """Whole numbers for an input of floats as such, as the model itself casts them.

    Pictures of uint8 are no token ids.
    """
    declared = keras.tree.flatten(getattr(model, "inputs", None) or [])
    flat = keras.tree.flatten(x)
    if len(declared) != len(flat):
        return x
    cast = [
        tf.cast(given, spec.dtype)
        if isinstance(given, tf.Tensor) and "float" in spec.dtype
        else given
        for given, spec in zip(flat, declared, strict=True)
    ]
    return keras.tree.pack_sequence_as(x, cast)


def _as_given(x: Any, tensors: Any, explained: tf.Tensor) -> Array:
    pairs = zip(keras.tree.flatten(x), keras.tree.flatten(tensors), strict=True)
    return next(np.asarray(given) for given, tensor in pairs if tensor is explained)


def site_of(layer: LayerSelector | None) -> CallSelection | None:
    """A caller's choice of a layer as a question has it."""
    return None if layer is None else CallSelection.of([layer], (), nested=False)


def score_alone(site: Explained) -> dict[str, tf.Tensor]:
    """For a pass that is asked for nothing but scores."""
    return {}


def _taker(sample: Array) -> Callable[[Any], Any]:
    return lambda tensor: tf.gather(tensor, sample)
