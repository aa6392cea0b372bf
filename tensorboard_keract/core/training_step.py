"""Sees what a real training step computes, and leaves the step as it is.

A step is a user's own: `model.train_step` inside `fit`, or a loop's. It calls the model
and asks a `tf.GradientTape` for the gradients of its weights. Both are intercepted, in
the thread that runs the step and only while it is captured: layer calls as for the
probe's pass (`trace.py`); and to the sources of `tape.gradient` the activations are
added, so that the backward pass that the step runs anyway gives their gradients, too.

A step in a `tf.function` is captured in its **twin**: a second compiled function of the
same Python code, which returns what was captured beside what the step returns. It is
compiled once and called in place of the step where a step is captured; the plain one is
never touched. Inside a twin

* a function that is compiled with XLA runs as it is, and its forward and backward pass
  once more beside it (`_call_compiled`);
* what runs on several replicas (`strategy.run`) is captured and reduced on each.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import keras
import tensorflow as tf
from keras.src.optimizers.base_optimizer import BaseOptimizer
from tensorflow.python.autograph.core import ag_ctx
from tensorflow.python.autograph.impl import api as autograph_api
from tensorflow.python.distribute import distribute_lib

from tensorboard_keract.core import trace as tracing
from tensorboard_keract.core.apart import apart
from tensorboard_keract.core.capture import LOGITS_NOTE, Captured
from tensorboard_keract.core.model_layout import (
    ModelLayout,
    describe_model,
    named_inputs,
    named_outputs,
    output_paths,
)
from tensorboard_keract.core.model_state import has_gradient, lock_of, losses_kept
from tensorboard_keract.core.trace import LayerCall, Trace

SEVERAL_CALLS_NOTE: Final = "The step calls the model several times; these are the values of all calls together."
SEVERAL_GRADIENTS_NOTE: Final = (
    "The step takes several gradients of this; this is their sum."
)
OTHER_SHAPES_NOTE: Final = (
    "The step calls the model several times with inputs of other shapes; these are the"
    " values of the last call."
)


@dataclass
class CapturedStep:
    """What one training step computed in one model.

    Attributes:
      captured: activations and gradients of the batch; weights as the step found them,
        and the step's loss. Gradients are those of the unscaled loss, as the tape gave
        them: before they are clipped, accumulated or, over replicas, summed.
      layout: the layers as the step called them.
      updated_weights: the weights as the step left them, by path.
      update_skipped: boolean scalar, whether a gradient was NaN or ±Inf, so that the
        loss scale backs off; None where no loss is scaled dynamically.
      notes: by kind of gradient and path, what a reader should know.
    """

    captured: Captured
    layout: ModelLayout
    updated_weights: dict[str, tf.Tensor]
    update_skipped: tf.Tensor | None
    notes: dict[str, str] = field(default_factory=dict)

    def tensors(self) -> dict[str, Any]:
        """Its tensors but the weights, as nested dicts that a function can return."""
        return {
            **self.captured.tensors(),
            "weights": {},
            "skipped": self.update_skipped,
        }

    def with_tensors(self, tensors: dict[str, Any], weights: Any) -> CapturedStep:
        """The same with tensors as a function returned them, and other weights."""
        skipped = tensors.pop("skipped")
        tensors["weights"] = weights
        notes = self.captured.gradient_notes
        captured = Captured(**tensors, gradient_notes=notes)
        return replace(self, captured=captured, update_skipped=skipped)


@dataclass
class _Reduced:
    """What replicas have captured and reduced already."""

    result: Any


class StepReduction(Protocol):
    """Computes, in the compiled step, what is kept of it."""

    def reduce(self, step: CapturedStep) -> Any:
        """What was captured on the only replica -> nested tensors."""

    def reduce_on_replica(self, step: CapturedStep) -> Any:
        """What was captured on one of several replicas -> nested tensors."""

    def combine(self, strategy: tf.distribute.Strategy, results: Any) -> Any:
        """What `reduce_on_replica` gave on all, outside of them -> as `reduce`."""


class Tap:
    """Where the steps of one model are captured to.

    Attributes:
      model: held weakly.
      optimizer: that scales the loss, if it does; the model's where left out.
      error: why steps of this model can't be captured; None as long as they can.
    """

    def __init__(
        self,
        model: keras.Model,
        reduction: StepReduction,
        deliver: Callable[[Any], None],
        optimizer: Any = None,
    ) -> None:
        """Prepares a tap; `capturing` opens it.

        Args:
          model: whose steps are captured.
          reduction: called while a step is traced.
          deliver: called after a captured step with what the reduction gave, as eager
            tensors; not where the step neither called the model nor took a gradient
            of its weights.
          optimizer: of the step, where it is not the model's own.
        """
        self._model = weakref.ref(model)
        self.reduction = reduction
        self.deliver = deliver
        self._optimizer = optimizer
        self.error: BaseException | None = None
        self.twins: weakref.WeakKeyDictionary[Any, tuple[Sequence[Tap], Any]] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def model(self) -> keras.Model:
        model = self._model()
        if model is None:
            raise ReferenceError("The model of this recorder no longer exists.")
        return model

    @property
    def optimizer(self) -> Any:
        return self._optimizer or getattr(self.model, "optimizer", None)

    def reduced(self, step: CapturedStep | _Reduced | None) -> Any:
        if isinstance(step, _Reduced):
            return step.result
        return None if step is None else self.reduction.reduce(step)


@contextlib.contextmanager
def capturing(tap: Tap) -> Iterator[None]:
    """Captures the training steps of a model that this thread runs in the context.

    To be entered in eager code, around one step: a call of a compiled function, or the
    step's own lines. Contexts of several models may be nested.

    Raises:
      RuntimeError: if entered inside a `tf.function`.
    """
    if not tf.executing_eagerly():
        raise RuntimeError(
            "A step is captured from outside: call your tf.function inside of"
            " `with recorder.capture(step):`, not the other way round."
        )
    if tap.error is not None:
        yield
        return
    trace = StepTrace(tap)
    with _installed(), tracing.activated(*tracing.active(), trace):
        yield
    try:
        result = tap.reduced(trace.finish())
    except Exception as error:  # Whatever it is, training must go on.
        tap.error = error
        return
    if result is not None:
        tap.deliver(result)


# A gradient as the tape gave it, and by what its loss was scaled.
_Scaled = tuple[Any, "tf.Tensor | None"]


@dataclass
class _Gradients:
    """The gradients that the step has taken, in their order.

    Attributes:
      of_outputs: by the call and the number of its output.
      of_weights: by the id of the variable.
      of_logits: for which outputs they are those of the logits.
      losses: what they are the gradients of.
    """

    of_outputs: dict[tuple[int, int], list[_Scaled]] = field(default_factory=dict)
    of_weights: dict[int, list[_Scaled]] = field(default_factory=dict)
    of_logits: set[tuple[int, int]] = field(default_factory=set)
    losses: list[_Scaled] = field(default_factory=list)


class StepTrace(Trace):
    """The calls of one model in a training step, and the gradients taken there.

    The step may call the model itself, once or several times; or, as the train step of
    a model without a call of its own does, the models and layers in it.
    """

    unfuses_attention = False  # Its numbers are not bit for bit those of the fused one.

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap.model, {})
        self.tap = tap
        self._virtual_root = LayerCall(
            tap.model, str(tap.model.name), None, is_container=True
        )
        self._children = {id(layer) for layer in tap.model.layers}
        self._inputs_of_model: list[dict[str, tf.Tensor]] = []
        self._outputs_of_model: list[Any] = []
        self._weights: list[tf.Tensor] = []
        self._gradients = _Gradients()
        self._finished: CapturedStep | _Reduced | None = None

    def call(self, operation: Any, call: Any, args: Any, kwargs: Any) -> Any:
        if self._stack:
            return super().call(operation, call, args, kwargs)
        if operation is self._model:
            self.note_weights()
            self._note_inputs(args, kwargs)
            output = super().call(operation, call, args, kwargs)
            self._outputs_of_model.append(output)
            return output
        if id(operation) not in self._children:
            return call(operation, *args, **kwargs)
        self.note_weights()
        self._stack.append(self._virtual_root)
        try:
            return super().call(operation, call, args, kwargs)
        finally:
            self._stack.pop()

    def note_weights(self) -> None:
        """Notes the weights as they are, unless that was done: before any update."""
        if not self._weights:
            self._weights = [tf.convert_to_tensor(w.value) for w in self._model.weights]

    def _note_inputs(self, args: Any, kwargs: Any) -> None:
        x = args[0] if args else next(iter(kwargs.values()), None)
        inputs = {
            name: tensor
            for name, tensor in named_inputs(self._model, x).items()
            if self._is_recordable(tensor)
        }
        self._producers.update({self._key(t): name for name, t in inputs.items()})
        self._inputs_of_model.append(inputs)

    def call_function(
        self, function: Any, original: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        traces = _step_traces()
        idle = not any(trace._stack for trace in traces)
        if idle and tf.executing_eagerly():
            return _call_twin(traces, function, original, args, kwargs)
        if function._jit_compile:
            return _call_compiled(traces, function, original, args, kwargs)
        return tracing.inline(function, args, kwargs)

    def sources(self, target: Any, sources: Sequence[Any]) -> list[tf.Tensor]:
        """What is added to the sources of a gradient: outputs and logits of calls."""
        if not self._concerned_by(sources):
            return []
        known = {id(loss) for loss, _ in self._gradients.losses}
        if all(id(loss) in known for loss in tf.nest.flatten(target)):
            return []  # Only other weights of the same loss: activations have theirs.
        return [tensor for _, _, tensor in self._wanted()]

    def _concerned_by(self, sources: Sequence[Any]) -> bool:
        """Whether a gradient is of the model's weights, and taken in the step itself."""
        graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        own = _ids(self._model.trainable_variables)
        return graph is self._graph and any(id(source) in own for source in sources)

    def _wanted(self) -> list[tuple[tuple[int, int], str, tf.Tensor]]:
        wanted = []
        for call in self.calls:
            if call.is_container:
                continue
            of_call = zip(call.outputs, call.logits, call.loss_logits, strict=True)
            for i, tensors in enumerate(of_call):
                for name, tensor in zip(
                    ("output", "logits", "loss_logits"), tensors, strict=True
                ):
                    if tensor is not None and has_gradient(tensor):
                        wanted.append(((id(call), i), name, tensor))
        return wanted

    def take(
        self, target: Any, sources: Sequence[Any], given: Sequence[Any], added: Any
    ) -> None:
        """Notes the gradients that the tape gave for sources and for what was added."""
        if not self._concerned_by(sources):
            return
        own = _ids(self._model.trainable_variables)
        found, scale = self._gradients, self._loss_scale()
        if added:
            of_output: dict[tuple[int, int], dict[str, Any]] = {}
            for (key, name, _), gradient in zip(self._wanted(), added, strict=True):
                of_output.setdefault(key, {})[name] = gradient
            for key, gradients in of_output.items():
                gradient = gradients.get("output")
                if gradients.get("loss_logits") is not None:
                    gradient = gradients.get("logits")
                    found.of_logits.add(key)
                if gradient is not None:
                    found.of_outputs.setdefault(key, []).append((gradient, scale))
            found.losses += [(loss, scale) for loss in tf.nest.flatten(target)]
        for source, gradient in zip(sources, given, strict=True):
            if id(source) in own and gradient is not None:
                of_weight = found.of_weights.setdefault(own[id(source)], [])
                of_weight.append((gradient, scale))

    def _loss_scale(self) -> tf.Tensor | None:
        optimizer = self.tap.optimizer
        is_scaled = hasattr(optimizer, "dynamic_scale") or (
            getattr(optimizer, "loss_scale_factor", None) is not None
        )
        return optimizer.scale_loss(tf.ones(())) if is_scaled else None

    def with_own_weights(
        self, step: CapturedStep, tensors: dict[str, Any]
    ) -> CapturedStep:
        """A step that a function captured, with the weights as they are around it."""
        infos = step.layout.weights
        weights = {info.path: self._weights[info.index] for info in infos}
        updated = {
            info.path: tf.convert_to_tensor(self._model.weights[info.index].value)
            for info in infos
        }
        return replace(step.with_tensors(tensors, weights), updated_weights=updated)

    def adopt(self, result: CapturedStep | _Reduced) -> None:
        """Takes what an inner function or replica captured as its own."""
        self._finished = result

    def finish(self) -> CapturedStep | _Reduced | None:
        """What was captured; None where the step did nothing with the model."""
        if self._finished is not None:
            return self._finished
        calls = list(self.calls)
        if self._virtual_root.calls_by_name:
            calls.append(self._virtual_root)
        if not calls:
            return None
        groups: dict[int, list[LayerCall]] = {}
        for call in calls:
            groups.setdefault(id(_root(call)), []).append(call)
        ends = [
            {
                n: t
                for n, t in named_outputs(self._model, y).items()
                if self._is_recordable(t)
            }
            for y in self._outputs_of_model
        ]
        layout = describe_model(
            self._model,
            max(groups.values(), key=len),
            self._inputs_of_model[-1] if self._inputs_of_model else {},
            ends[-1] if ends else {},
        )
        return self._captured(groups, layout, ends)

    def _captured(
        self,
        groups: dict[int, list[LayerCall]],
        layout: ModelLayout,
        ends: Sequence[dict[str, tf.Tensor]],
    ) -> CapturedStep:
        notes: dict[str, str] = {}
        found = self._gradients
        outputs: dict[str, list[tf.Tensor]] = {}
        gradients: dict[str, list[tf.Tensor]] = {}
        logit_notes: dict[str, str] = {}
        for call in itertools.chain.from_iterable(groups.values()):
            if call.is_container:
                continue
            for i, path in enumerate(output_paths(call)):
                tensor, key = call.outputs[i], (id(call), i)
                if tensor is None:
                    continue
                outputs.setdefault(path, []).append(tensor)
                if key in found.of_outputs:
                    gradient = _total(found.of_outputs[key])
                    gradients.setdefault(path, []).append(gradient)
                if key in found.of_logits:
                    logit_notes[path] = LOGITS_NOTE

        def joined(of_path: dict[str, list[tf.Tensor]]) -> dict[str, tf.Tensor]:
            result = {}
            for path, parts in of_path.items():
                result[path], note = _joined([apart(part) for part in parts])
                if note:
                    notes[path] = note
            return result

        weights, updated, weight_gradients = {}, {}, {}
        for info in layout.weights:
            variable = self._model.weights[info.index]
            weights[info.path] = self._weights[info.index]
            updated[info.path] = tf.convert_to_tensor(variable.value)
            taken = found.of_weights.get(id(variable), [])
            if taken:
                weight_gradients[info.path] = _total(taken)
            if len(taken) > 1:
                notes[info.path] = SEVERAL_GRADIENTS_NOTE
        losses = [(tf.reduce_sum(apart(t)), scale) for t, scale in found.losses]
        captured = Captured(
            inputs=joined(_by_name(self._inputs_of_model)),
            outputs=joined(_by_name(ends)),
            activations=joined(outputs),
            activation_gradients=joined(gradients),
            weights=weights,
            weight_gradients=weight_gradients,
            loss=tf.cast(_total(losses), tf.float32) if losses else None,
            gradient_notes=logit_notes,
        )
        return CapturedStep(captured, layout, updated, self._skipped(), notes)

    def _skipped(self) -> tf.Tensor | None:
        """Whether a dynamic loss scale backs off from what the gradients are."""
        taken = list(itertools.chain.from_iterable(self._gradients.of_weights.values()))
        if not taken or not hasattr(self.tap.optimizer, "dynamic_scale"):
            return None
        finite = [
            tf.reduce_all(tf.math.is_finite(apart(_values(gradient))))
            for gradient, _ in taken
        ]
        return tf.logical_not(tf.reduce_all(finite))


def _root(call: LayerCall) -> LayerCall:
    while call.parent is not None:
        call = call.parent
    return call


def _by_name(of_calls: Sequence[dict[str, tf.Tensor]]) -> dict[str, list[tf.Tensor]]:
    names = {name for of_call in of_calls for name in of_call}
    return {
        name: [of_call[name] for of_call in of_calls if name in of_call]
        for name in sorted(names)
    }


def _joined(parts: Sequence[tf.Tensor]) -> tuple[tf.Tensor, str]:
    """Tensors of several calls as one, along the batch; and a note where they are."""
    if len(parts) == 1:
        return parts[0], ""
    shapes = [part.shape for part in parts]
    same = all(
        shape.rank is not None
        and shape.rank > 0
        and shape[1:].is_compatible_with(shapes[0][1:])
        for shape in shapes
    )
    if same:
        return tf.concat(parts, axis=0), SEVERAL_CALLS_NOTE
    return parts[-1], OTHER_SHAPES_NOTE


def _ids(variables: Sequence[keras.Variable]) -> dict[int, int]:
    """What a source of a gradient may be for a variable: itself, or TensorFlow's."""
    known = {}
    for variable in variables:
        known[id(variable)] = known[id(variable.value)] = id(variable)
    return known


def _values(gradient: Any) -> tf.Tensor:
    is_sparse = isinstance(gradient, tf.IndexedSlices)
    return gradient.values if is_sparse else gradient


def _total(taken: Sequence[_Scaled]) -> tf.Tensor:
    """The sum of gradients, of the loss as it is when it is not scaled."""
    return tf.add_n([_unscaled(gradient, scale) for gradient, scale in taken])


def _unscaled(gradient: Any, scale: tf.Tensor | None) -> tf.Tensor:
    gradient = apart(tf.convert_to_tensor(gradient))
    if scale is None:
        return gradient
    dtype = gradient.dtype if gradient.dtype.is_complex else tf.float32
    return tf.cast(gradient, dtype) / tf.cast(scale, dtype)


def _step_traces() -> list[StepTrace]:
    return [trace for trace in tracing.active() if isinstance(trace, StepTrace)]


def _call_twin(
    traces: Sequence[StepTrace], function: Any, original: Any, args: Any, kwargs: Any
) -> Any:
    """Calls the twin of a compiled function, and delivers what it captured."""
    taps = [trace.tap for trace in traces]
    known, twin = taps[0].twins.get(function, ((), None))
    with tracing.activated():  # Nothing of what calling and tracing do outside of it.
        if twin is None or list(known) != taps:
            # The step itself comes first: at its first call it may make variables, such
            # as an optimizer's, and if the twin then can't be traced they are there.
            function.get_concrete_function(*args, **kwargs)
            twin = _make_twin(taps, function)
            taps[0].twins[function] = tuple(taps), twin
        try:
            with contextlib.ExitStack() as stack:
                for tap in taps:
                    stack.enter_context(lock_of(tap.model))
                    stack.enter_context(losses_kept(tap.model))
                twin.get_concrete_function(*args, **kwargs)
        except Exception as error:
            # The plain function runs in its place; if the trouble is the step's own, it
            # is raised there.
            for tap in taps:
                tap.error = error
            return original(function, *args, **kwargs)
        output, results = original(twin, *args, **kwargs)
    for tap, result in zip(taps, results, strict=True):
        if result is not None:
            tap.deliver(result)
    return output


def _make_twin(taps: Sequence[Tap], function: Any) -> Any:
    # The function itself is not held: the twin lives as long as it does.
    held = weakref.ref(function)

    def twin(*args: Any, **kwargs: Any) -> Any:
        with _traces_for(taps) as traces:
            step = held()
            assert step is not None  # It is being called.
            output = step(*args, **kwargs)
        return output, _results(traces)

    return tf.function(
        # A partial has no code, by which TensorFlow would take all twins for one
        # function that is traced too often.
        functools.partial(twin),
        input_signature=function.input_signature,
        autograph=False,
        reduce_retracing=function._reduce_retracing,
    )


def _results(traces: Sequence[StepTrace]) -> list[Any]:
    return [trace.tap.reduced(trace.finish()) for trace in traces]


@contextlib.contextmanager
def _traces_for(taps: Sequence[Tap]) -> Iterator[list[StepTrace]]:
    traces = [StepTrace(tap) for tap in taps]
    with tracing.activated(*traces):
        yield traces


def _call_compiled(
    traces: Sequence[StepTrace], function: Any, original: Any, args: Any, kwargs: Any
) -> Any:
    """A function that XLA compiles runs as it is; what it computes is computed twice.

    XLA fuses otherwise where more is to be given out, and the update would not be the
    plain one's bit for bit. So forward and backward pass run beside it once more,
    without what they would change.

    Raises:
      RuntimeError: if the step changes variables that can't be withheld from it.
    """
    taps = [trace.tap for trace in traces]
    captured: list[CapturedStep | _Reduced | None] = []

    def computed(*args: Any, **kwargs: Any) -> Any:
        with _updates_withheld(), _traces_for(taps) as inner:
            tracing.inline(function, args, kwargs)
        captured[:] = [trace.finish() for trace in inner]
        graph = tf.compat.v1.get_default_graph()
        changing = {
            op.type
            for op in graph.get_operations()
            if op.type.startswith(_CHANGING_OPS)
        }
        if changing:
            raise RuntimeError(
                "The step is compiled with XLA and changes variables of its own"
                f" ({', '.join(sorted(changing))}); it can't be computed a second time."
            )
        return [
            step.tensors() if isinstance(step, CapturedStep) else None
            for step in captured
        ]

    for trace in traces:
        trace.note_weights()
    with tracing.activated():
        # XLA, too: its random numbers are others.
        found = tf.function(
            functools.partial(computed), autograph=False, jit_compile=True
        )(*args, **kwargs)
        output = original(function, *args, **kwargs)
    for trace, step, tensors in zip(traces, captured, found, strict=True):
        if isinstance(step, CapturedStep):
            trace.adopt(trace.with_own_weights(step, tensors))
    return output


# Prefixes of the types of ops that change variables.
_CHANGING_OPS: Final = ("Assign", "ResourceApply", "ResourceScatter", "ResourceSparse")


class _ThreadState(threading.local):
    withholds_updates = False


_thread = _ThreadState()


@contextlib.contextmanager
def _updates_withheld() -> Iterator[None]:
    """What Keras assigns stays in the context; optimizers do nothing."""
    _thread.withholds_updates = True
    try:
        with keras.StatelessScope():
            yield
    finally:
        _thread.withholds_updates = False


def _intercept_apply(original: Callable[..., Any]) -> Callable[..., Any]:
    def apply(optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        if _thread.withholds_updates:
            return None
        return original(optimizer, *args, **kwargs)

    return apply


def _intercept_gradient(original: Callable[..., Any]) -> Callable[..., Any]:
    """Adds to the sources what is captured."""

    def gradient(
        tape: tf.GradientTape,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: Any = tf.UnconnectedGradients.NONE,
    ) -> Any:
        traces = _step_traces()
        flat = tf.nest.flatten(sources)
        added = [trace.sources(target, flat) for trace in traces]
        if not traces:
            return original(
                tape, target, sources, output_gradients, unconnected_gradients
            )
        every = [*flat, *(tensor for of_trace in added for tensor in of_trace)]
        found = original(tape, target, every, output_gradients, unconnected_gradients)
        given, rest = found[: len(flat)], found[len(flat) :]
        for trace, of_trace in zip(traces, added, strict=True):
            trace.take(target, flat, given, rest[: len(of_trace)])
            rest = rest[len(of_trace) :]
        return tf.nest.pack_sequence_as(sources, given)

    return gradient


def _intercept_run(original: Callable[..., Any]) -> Callable[..., Any]:
    """On each replica, which may be a thread of its own, a trace of its own."""

    def run(
        strategy: Any, fn: Any, args: Any = (), kwargs: Any = None, options: Any = None
    ) -> Any:
        traces = _step_traces()
        is_default = isinstance(strategy, distribute_lib._DefaultDistributionStrategy)
        if not traces or is_default:
            return original(strategy, fn, args, kwargs, options)
        if _thread.withholds_updates:
            raise RuntimeError("A step that XLA compiles for replicas is not captured.")
        taps = [trace.tap for trace in traces]
        converted = autograph_api.tf_convert(
            fn, ag_ctx.control_status_ctx(), convert_by_default=False
        )
        structures: list[Any] = []

        def on_replica(*args: Any, **kwargs: Any) -> Any:
            with _traces_for(taps) as inner:
                output = converted(*args, **kwargs)
            steps = [trace.finish() for trace in inner]
            structures.append(
                [
                    tap.reduction.reduce_on_replica(step)
                    if isinstance(step, CapturedStep)
                    else None
                    for tap, step in zip(taps, steps, strict=True)
                ]
            )
            return output, tf.nest.flatten(structures[-1])

        unconverted = tf.autograph.experimental.do_not_convert(on_replica)
        output, flat = original(strategy, unconverted, args, kwargs, options)
        results = tf.nest.pack_sequence_as(structures[0], flat)
        for trace, result in zip(traces, results, strict=True):
            if result is not None:
                combined = trace.tap.reduction.combine(strategy, result)
                trace.adopt(_Reduced(combined))
        return output

    return run


_INTERCEPTIONS: Final = (
    tracing.Interception(tf.GradientTape, "gradient", _intercept_gradient),
    tracing.Interception(distribute_lib.StrategyBase, "run", _intercept_run),
    tracing.Interception(BaseOptimizer, "apply", _intercept_apply),
    tracing.Interception(
        keras.mixed_precision.LossScaleOptimizer, "apply", _intercept_apply
    ),
)


def _installed() -> contextlib.AbstractContextManager[None]:
    return tracing.installed(*_INTERCEPTIONS)
