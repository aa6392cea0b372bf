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
from typing import Any, Final, Protocol

import keras
import tensorflow as tf
from keras.src.optimizers.base_optimizer import BaseOptimizer
from tensorflow.python.autograph.core import ag_ctx
from tensorflow.python.autograph.impl import api as autograph_api
from tensorflow.python.distribute import distribute_lib

from tensorboard_keract.core import trace as tracing
from tensorboard_keract.core.model_state import lock_of, losses_kept
from tensorboard_keract.core.step_trace import CapturedStep, Reduced, StepTrace


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

    def reduced(self, step: CapturedStep | Reduced | None) -> Any:
        if isinstance(step, Reduced):
            return step.result
        return None if step is None else self.reduction.reduce(step)


class _TappedTrace(StepTrace):
    """The trace of a step that is captured to a tap."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap.model, tap.optimizer)
        self.tap = tap

    def call_function(
        self, function: Any, original: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        traces = _step_traces()
        is_idle = all(trace.is_idle for trace in traces)
        if is_idle and tf.executing_eagerly():
            return _call_twin(traces, function, original, args, kwargs)
        if function._jit_compile:
            return _call_compiled(traces, function, original, args, kwargs)
        return tracing.inline(function, args, kwargs)


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
    trace = None
    if tap.error is None:
        try:
            trace = _TappedTrace(tap)
        except Exception as error:  # Whatever it is, training must go on.
            tap.error = error
    if trace is None:
        yield
        return
    with _installed(), tracing.activated(*tracing.active(), trace):
        yield
    try:
        result = tap.reduced(trace.finish())
    except Exception as error:  # Whatever it is, training must go on.
        tap.error = error
        return
    if result is not None:
        tap.deliver(result)


def _step_traces() -> list[_TappedTrace]:
    return [trace for trace in tracing.active() if isinstance(trace, _TappedTrace)]


def _call_twin(
    traces: Sequence[_TappedTrace], function: Any, original: Any, args: Any, kwargs: Any
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
            return _call_plain(taps, error, function, original, args, kwargs)
        try:
            output, results = original(twin, *args, **kwargs)
        except tf.errors.ResourceExhaustedError as error:
            # For the step itself there may be memory enough. What the twin had done is
            # not undone: a batch that it took from an iterator does not come again, and
            # weights may have been updated by it.
            return _call_plain(taps, error, function, original, args, kwargs)
    for tap, result in zip(taps, results, strict=True):
        if result is not None:
            tap.deliver(result)
    return output


def _call_plain(
    taps: Sequence[Tap],
    error: BaseException,
    function: Any,
    original: Any,
    args: Any,
    kwargs: Any,
) -> Any:
    """Calls the function in place of its twin, and never the twin again.

    If the trouble is the step's own, it is raised here.
    """
    for tap in taps:
        tap.error = error
    return original(function, *args, **kwargs)


def _make_twin(taps: Sequence[Tap], function: Any) -> Any:
    # The function itself is not held: the twin lives as long as it does.
    held = weakref.ref(function)

    def twin(*args: Any, **kwargs: Any) -> Any:
        with _traces_for(taps) as traces:
            step = held()
            assert step is not None  # It is being called.
            output = step(*args, **kwargs)
        return output, _results(traces, output)

    return tf.function(
        # A partial has no code, by which TensorFlow would take all twins for one
        # function that is traced too often.
        functools.partial(twin),
        input_signature=function.input_signature,
        autograph=False,
        reduce_retracing=function._reduce_retracing,
    )


def _results(traces: Sequence[_TappedTrace], returned: Any) -> list[Any]:
    return [trace.tap.reduced(trace.finish(returned)) for trace in traces]


@contextlib.contextmanager
def _traces_for(taps: Sequence[Tap]) -> Iterator[list[_TappedTrace]]:
    traces = [_TappedTrace(tap) for tap in taps]
    with tracing.activated(*traces):
        yield traces


def _call_compiled(
    traces: Sequence[_TappedTrace], function: Any, original: Any, args: Any, kwargs: Any
) -> Any:
    """A function that XLA compiles runs as it is; what it computes is computed twice.

    XLA fuses otherwise where more is to be given out, and the update would not be the
    plain one's bit for bit. So forward and backward pass run beside it once more,
    without what they would change.

    Raises:
      RuntimeError: if the step changes variables that can't be withheld from it.
    """
    taps = [trace.tap for trace in traces]
    captured: list[CapturedStep | Reduced | None] = []

    def computed(*args: Any, **kwargs: Any) -> Any:
        with _updates_withheld(), _traces_for(taps) as inner:
            tracing.inline(function, args, kwargs)
        captured[:] = [trace.finish() for trace in inner]
        definition = tf.compat.v1.get_default_graph().as_graph_def()
        bodies = (function.node_def for function in definition.library.function)
        changing = {
            node.op
            for node in itertools.chain(definition.node, *bodies)
            if node.op.startswith(_CHANGING_OPS)
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
            steps = [trace.finish(output) for trace in inner]
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
                trace.adopt(Reduced(combined))
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
