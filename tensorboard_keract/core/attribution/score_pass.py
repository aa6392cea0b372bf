"""One compiled pass that gives scores and their gradients at one place of the model.

The place, the **site**, is where a heatmap is made: the output of a layer, or the
input. Methods that look at changed inputs scale and shift the site; so token ids, which
can't be changed a little, are explained at the output of their embedding.
"""

from __future__ import annotations

import functools
import math
import threading
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

import keras
import tensorflow as tf

from tensorboard_keract.core.attribution.relu_rules import relu_rule
from tensorboard_keract.core.attribution.sites import (
    candidates,
    chosen_call,
    not_differentiable,
    output_of,
)
from tensorboard_keract.core.attribution.targets import (
    Score,
    class_scores,
    function_scores,
)
from tensorboard_keract.core.call_selection import released
from tensorboard_keract.core.model_layout import (
    data_format,
    named_inputs,
    named_outputs,
)
from tensorboard_keract.core.model_state import (
    ModelScope,
    call_model,
    has_gradient,
    lock_of,
    losses_kept,
)
from tensorboard_keract.core.trace import LayerCall, Trace, activated, installed

# The site of methods that explain the input itself.
INPUT: Final = "input"

_PASSES_KEPT_PER_MODEL: Final = 32


@dataclass
class Explained:
    """What a traced pass knows of one site; gradients are those of the scores.

    Attributes:
      value: the site's, [batch, …].
      gradient: of each sample's score with respect to its value, of the same shape;
        None in a pass without gradients.
      score: the scores.
      path: the layer path, or the name of the input.
      channels_first: whether the channel axis of the value comes second.
    """

    value: tf.Tensor
    gradient: tf.Tensor | None
    score: Score
    path: str
    channels_first: bool


# Called while the pass is traced, for what it returns beside scores and targets.
Reduce = Callable[[Explained], dict[str, tf.Tensor]]


@dataclass(frozen=True)
class Question:
    """What a pass is asked. Equal ones share a compiled pass.

    Attributes:
      layer: the site: `INPUT`, a `CallSelection`, or None for the last suitable layer.
      reduce: what becomes of the site's value and gradient.
      function: of the outputs, in place of class ids; as `held` gives it.
      input: name of the explained input, one that the model has; None for the first.
      output: name of the output whose classes count; None for the first.
      use_logits: whether scores are read before a softmax or sigmoid.
      relu: a rule of `relu_rule`.
      gradients: whether to run backward.
    """

    layer: Any
    reduce: Reduce
    function: Any = None
    input: str | None = None
    output: str | None = None
    use_logits: bool = True
    relu: str = "plain"
    gradients: bool = True


class ScorePass:
    """A compiled pass for one question about one model."""

    def __init__(self, model: keras.Model, question: Question) -> None:
        """Prepares a pass; nothing is traced yet. The model is held weakly."""
        self._model = weakref.ref(model)
        self._question = question
        self._function = tf.function(
            functools.partial(self._run), autograph=False, reduce_retracing=True
        )
        self.path = ""
        self.source = ""
        self.classes: int | None = None
        self.trace_count = 0
        self.sample_bytes = 0

    def __call__(
        self, x: Any, ids: Any, scale: Any, shift: Any
    ) -> dict[str, tf.Tensor]:
        """Runs the pass.

        Args:
          x: the model's input as tensors, batch axis first.
          ids: int32 [batch], class ids or `TOP`; has no meaning beside a function.
          scale: float32, what the site is multiplied by at methods that explain the
            input; [batch, …] with as many axes, or what broadcasts.
          shift: float32, what is added to it after that; likewise.

        Returns:
          "score" float32 [batch], "target" int32 [batch] but for a function, and what
          `reduce` gives.
        """
        if self._runs_eagerly():
            return self._run(x, ids, scale, shift)
        found: dict[str, tf.Tensor] = self._function(x, ids, scale, shift)
        return found

    def prepare(self, x: Any) -> None:
        """Traces for batches of any size of inputs like x."""
        if self._runs_eagerly() or self.trace_count:
            return

        def spec(tensor: tf.Tensor) -> tf.TensorSpec:
            return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)

        self._function.get_concrete_function(
            keras.tree.map_structure(spec, x),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec(None, tf.float32),
            tf.TensorSpec(None, tf.float32),
        )

    def _runs_eagerly(self) -> bool:
        return bool(getattr(self._model(), "run_eagerly", False))

    def _run(self, x: Any, ids: Any, scale: Any, shift: Any) -> dict[str, tf.Tensor]:
        model = self._model()
        if model is None:
            raise ReferenceError("The model of this pass no longer exists.")
        self.trace_count += 1
        with lock_of(model), losses_kept(model), relu_rule(self._question.relu):
            explained = self._explained(model, x, ids, _Change(scale, shift))
        found = {"score": explained.score.values, **self._question.reduce(explained)}
        if explained.score.targets is not None:
            found["target"] = explained.score.targets
        return found

    def _explained(
        self, model: keras.Model, x: Any, ids: Any, change: _Change
    ) -> Explained:
        question = self._question
        inputs = named_inputs(model, x)
        name = question.input or next(iter(inputs))
        given = inputs[name]
        at_input = question.layer == INPUT
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            changed = given
            if at_input and has_gradient(given):
                changed = change.of(given)
                x = _replaced(x, given, changed)
            trace = _SiteTrace(
                model, named_inputs(model, x), tape, change if at_input else None, name
            )
            with ModelScope(model, tape, None), installed(), activated(trace):
                y_pred = call_model(model, x, training=False)
            score = self._score(model, y_pred, ids)
        calls = trace.calls
        self.source = score.source
        self.classes = score.classes
        self.sample_bytes = sum(map(sample_bytes, calls))
        gradients = _Gradients(score.values, tape)
        if at_input:
            value, call = (changed, None) if has_gradient(given) else trace.site(name)
        else:
            call = self._call(model, calls, gradients, given.shape.rank)
            value = output_of(call)
        assert value is not None
        self.path = name if call is None else call.path()
        gradient = None
        if question.gradients:
            gradient = gradients.of(value)
            if gradient is None and call is not None and not at_input:
                raise not_differentiable(call, calls)
            if gradient is None:
                raise ValueError(
                    f"The score does not depend on the input {name!r}, or not in a"
                    " differentiable way."
                )
        return Explained(
            value=tf.cast(value, tf.float32),
            gradient=None if gradient is None else tf.cast(gradient, tf.float32),
            score=score,
            path=self.path,
            channels_first=call is not None and data_format(call) == "channels_first",
        )

    def _call(
        self,
        model: keras.Model,
        calls: list[LayerCall],
        gradients: _Gradients,
        input_rank: int | None,
    ) -> LayerCall:
        layer = self._question.layer
        if layer is not None:
            return chosen_call(calls, layer)
        suitable = candidates(calls, input_rank)
        for call in suitable:
            if gradients.of(output_of(call)) is not None:
                return call
        if self._question.gradients:
            raise not_differentiable(suitable[0], ())
        return suitable[0]

    def _score(self, model: keras.Model, y_pred: Any, ids: Any) -> Score:
        function = self._question.function
        if function is not None:
            return function_scores(released(function), y_pred)
        outputs = named_outputs(model, y_pred)
        name = self._question.output
        if name is None:
            name = next(iter(outputs))
        if name not in outputs:
            raise ValueError(
                f"The model has no output {name!r}; it has: {', '.join(outputs)}."
            )
        return class_scores(outputs[name], self._question.use_logits, ids)


@dataclass(frozen=True)
class _Change:
    """What is done to the site: it is scaled, then shifted."""

    scale: Any
    shift: Any

    def of(self, value: tf.Tensor) -> tf.Tensor:
        scale, shift = (tf.cast(by, value.dtype) for by in (self.scale, self.shift))
        return tf.ensure_shape(value * scale + shift, value.shape)


class _SiteTrace(Trace):
    """A trace that changes the first floating values that layers make of an input of
    token ids, or of text that a layer makes token ids of.
    """

    def __init__(
        self,
        model: keras.Model,
        inputs: dict[str, tf.Tensor],
        tape: tf.GradientTape,
        change: _Change | None,
        input_name: str,
    ) -> None:
        super().__init__(model, inputs)
        self._tape = tape
        self._change = change
        self._input_name = input_name
        self._is_awaited = change is not None and not has_gradient(inputs[input_name])
        self._site: tuple[tf.Tensor, LayerCall] | None = None
        # Ids of the calls that made whole numbers of the input.
        self._on_the_way: set[int] = set()
        if not self._is_awaited:
            tape.watch([t for t in inputs.values() if has_gradient(t)])

    def site(self, name: str) -> tuple[tf.Tensor, LayerCall]:
        """The changed tensor, and the call that gave it.

        Raises:
          ValueError: if no layer reads the input and gives floating values.
        """
        if self._site is None:
            raise ValueError(
                f"The input {name!r} holds no floating values, and no layer that makes"
                " floating values of it, such as an Embedding, was seen: there is"
                " nothing to differentiate by."
            )
        return self._site

    def _as_own(self, record: LayerCall, inputs: list[Any], output: Any) -> Any:
        output = super()._as_own(record, inputs, output)
        if self._is_awaited and self._reads_input(record):
            output = self._changed(record, output)
        self._tape.watch(
            [t for t in keras.tree.flatten(output) if _is_differentiable(t)]
        )
        return output

    def _reads_input(self, record: LayerCall) -> bool:
        return any(
            parent == self._input_name
            if isinstance(parent, str)
            else id(parent) in self._on_the_way
            for parent in record.parents
        )

    def _changed(self, record: LayerCall, output: Any) -> Any:
        if not _is_differentiable(output):
            self._on_the_way.add(id(record))
            return output
        assert self._change is not None
        changed = self._change.of(output)
        if hasattr(output, "_keras_mask"):
            changed._keras_mask = output._keras_mask
        self._is_awaited = False
        self._site = changed, record
        return changed


class _Gradients:
    """Gradients of the scores' sum, which are those of each sample's own score."""

    def __init__(self, scores: tf.Tensor, tape: tf.GradientTape) -> None:
        self._scores = scores
        self._tape = tape

    def of(self, value: tf.Tensor | None) -> tf.Tensor | None:
        if value is None:
            return None
        if tf.executing_eagerly():
            gradient = self._tape.gradient(self._scores, value)
        else:
            # Unlike a tape it knows the graph's overrides of ReLU's gradient.
            [gradient] = tf.gradients(self._scores, [value])
        return None if gradient is None else tf.convert_to_tensor(gradient)


def _is_differentiable(value: Any) -> bool:
    return isinstance(value, tf.Tensor) and has_gradient(value)


def _replaced(x: Any, given: tf.Tensor, changed: tf.Tensor) -> Any:
    return keras.tree.map_structure(lambda t: changed if t is given else t, x)


def sample_bytes(call: LayerCall) -> int:
    """Of a call's outputs for one sample; unknown sizes count once."""
    total = 0
    for output in call.outputs:
        if output is not None and not call.is_container:
            sizes = (size or 1 for size in output.shape[1:])
            total += math.prod(sizes) * output.dtype.size
    return total


_passes: weakref.WeakKeyDictionary[keras.Model, dict[Hashable, ScorePass]] = (
    weakref.WeakKeyDictionary()
)
_lock = threading.Lock()


def score_pass(model: keras.Model, question: Question) -> ScorePass:
    """The pass for a question: a known one where the question can be told apart.

    Those of one model that were made first go first.
    """
    try:
        hash(question)
    except TypeError:
        return ScorePass(model, question)
    with _lock:
        of_model = _passes.setdefault(model, {})
        if question not in of_model:
            of_model[question] = ScorePass(model, question)
            if len(of_model) > _PASSES_KEPT_PER_MODEL:
                del of_model[next(iter(of_model))]
        return of_model[question]
