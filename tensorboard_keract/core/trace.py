"""Sees every layer call of a Keras model while the model is called once.

Keras 3 has no hooks, and `layer.output` does not exist for subclassed models. But
every layer, operation and nested model is called through one method,
`Operation.__call__`. While one call of the model is traced, and in that thread only,
that method is intercepted; so Sequential, functional, subclassed, nested and shared
layers are all seen by one mechanism, and nothing is left behind in the model. The
call mostly builds the graph of a `tf.function`; it may also run eagerly.

The calls make a tree. A call's **layer path** is the names from below the root
model down to it, `encoder/block1/conv`; the calls of one layer in one place are told
apart by their number, `shared@0`, `shared@1`; so are the outputs of one call,
`lstm:0`, `lstm:1`. A model inside the model mostly only lends its name: where its
outputs are outputs of calls inside it, it is a **container**.

Two things would stay out of sight and are brought into it, in the same scope: a
`tf.function` that the model calls is run as part of the traced one, and attention
layers compute their scores in a step of their own rather than fused with the output;
the scores are `attention/attention_scores`.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from keras.src.ops.operation import Operation
from tensorflow.python.autograph.core import ag_ctx
from tensorflow.python.eager.polymorphic_function import autograph_util
from tensorflow.python.eager.polymorphic_function.polymorphic_function import (
    Function as TensorFlowFunction,
)

ATTENTION_SCORES: Final = "attention_scores"

# Layers in attention layers by attribute: their own names are numbered anew in each
# process.
_NAMES_IN_ATTENTION: Final = {
    "_softmax": ATTENTION_SCORES,
    "_dropout_layer": "attention_dropout",
}


@dataclass
class LayerCall:
    """One call of a layer or operation.

    Attributes:
      operation: the Keras layer or operation.
      name: the operation's, or a fixed one for layers in an attention layer.
      parent: the call inside which this one happened; None for the root model.
      occurrence: how many earlier calls inside `parent` had the same name.
      parents: the calls, or names of model inputs, whose outputs this one reads.
      outputs: its output tensors, flattened; None where one can't be recorded.
      logits: for each output, the input of the softmax or sigmoid that made it.
      loss_logits: the same, as the loss reads it in place of the output: Keras'
        crossentropies do.
      is_container: whether it only holds others: the root, or a model all of whose
        outputs are those of calls in it.
    """

    operation: Operation
    name: str
    parent: LayerCall | None
    occurrence: int = 0
    parents: tuple[LayerCall | str, ...] = ()
    outputs: tuple[tf.Tensor | None, ...] = ()
    logits: tuple[tf.Tensor | None, ...] = ()
    loss_logits: tuple[tf.Tensor | None, ...] = ()
    is_container: bool = False
    calls_by_name: Counter[str] = field(default_factory=Counter)
    inner_outputs: set[str | int] = field(default_factory=set)

    def label(self) -> str:
        """Its part of the layer path."""
        if self.parent is None or self.parent.calls_by_name[self.name] == 1:
            return self.name
        return f"{self.name}@{self.occurrence}"

    def path(self) -> str:
        """The layer path; final once the trace has ended. The root's is empty."""
        if self.parent is None:
            return ""
        above = self.parent.path()
        return f"{above}/{self.label()}" if above else self.label()

    def weight_owner_path(self) -> str:
        """The layer path without call numbers: calls of one layer share its weights."""
        if self.parent is None:
            return ""
        above = self.parent.weight_owner_path()
        return f"{above}/{self.name}" if above else self.name


class Trace:
    """The layer calls of one model, in the order in which they ended.

    Attributes:
      unfuses_attention: whether attention layers compute their scores apart.
    """

    unfuses_attention = True

    def __init__(self, model: keras.Model, inputs: Mapping[str, tf.Tensor]) -> None:
        """Starts an empty trace.

        Args:
          model: the root; its first call is the root of the tree.
          inputs: the tensors that the model is called with, by name.
        """
        self.calls: list[LayerCall] = []
        self._model = model
        self._graph = (
            None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        )
        self._stack: list[LayerCall] = []
        self._logits: dict[str | int, tuple[tf.Tensor, tf.Tensor]] = {}
        # Keeps the inputs: a freed eager tensor's key might be another's.
        self._inputs = inputs
        self._producers: dict[str | int, LayerCall | str] = {
            self._key(tensor): name for name, tensor in inputs.items()
        }

    def call(self, operation: Operation, call: Any, args: Any, kwargs: Any) -> Any:
        """Calls through to `call`, and notes what went in and came out."""
        if not self._is_followed(operation):
            return call(operation, *args, **kwargs)
        inputs = keras.tree.flatten((args, kwargs))
        record = self._enter(operation, inputs)
        try:
            output = call(operation, *args, **kwargs)
        finally:
            self._stack.pop()
        record.is_container = record.parent is None or (
            isinstance(operation, keras.Model)
            and self._keys(output) <= record.inner_outputs
        )
        if record.parent is not None:
            output = self._as_own(record, inputs, output)
        self._exit(record, output)
        return output

    def call_function(
        self, function: Any, original: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        """A `tf.function` as part of the traced one: a graph of its own hides layers."""
        return inline(function, args, kwargs)

    def _keys(self, output: Any) -> set[str | int]:
        flat = keras.tree.flatten(output)
        return {self._key(t) for t in flat if self._is_recordable(t)}

    def _is_followed(self, operation: Operation) -> bool:
        if not self._stack:
            return operation is self._model
        parent = self._stack[-1].operation
        if isinstance(parent, keras.layers.RNN):
            # Its cell is called once outside its loop, to learn shapes: those are not
            # the activations of any step.
            return False
        # Of operations that are no layers, those that are nodes of a functional model.
        # Some of `keras.ops` call others, under names that differ from run to run.
        nodes = getattr(parent, "operations", ())
        return isinstance(operation, keras.layers.Layer) or any(
            node is operation for node in nodes
        )

    def _enter(self, operation: Operation, inputs: list[Any]) -> LayerCall:
        parent = self._stack[-1] if self._stack else None
        record = LayerCall(operation, _name(operation, parent), parent)
        if parent is not None:
            record.occurrence = parent.calls_by_name[record.name]
            parent.calls_by_name[record.name] += 1
            record.parents = self._producers_of(inputs)
        self._stack.append(record)
        return record

    def _as_own(self, record: LayerCall, inputs: list[Any], output: Any) -> Any:
        """The output as tensors that are no others', so that its gradient is its own.

        A layer may pass its input on, give a constant or a weight, or the output of a
        layer in it that is read there as well.
        """
        others = {self._key(t) for t in inputs if self._is_recordable(t)}
        others |= record.inner_outputs
        # One tensor as several outputs: each its own.
        flat = keras.tree.flatten(output)
        count = Counter(self._key(t) for t in flat if self._is_recordable(t))
        others.update(key for key, times in count.items() if times > 1)

        def own(value: Any) -> Any:
            is_tensor = isinstance(value, (tf.Tensor, keras.Variable))
            if not is_tensor or isinstance(value, keras.KerasTensor):
                return value
            known = self._is_recordable(value)
            if known and self._key(value) not in others:
                return value
            is_symbolic = isinstance(value, tf.Tensor) and tf.is_symbolic_tensor(value)
            if not known and is_symbolic:
                return value  # Of another graph.
            tensor = tf.identity(value)
            for attribute in ("_keras_mask", "_keras_logits"):
                if hasattr(value, attribute):
                    setattr(tensor, attribute, getattr(value, attribute))
            producer = self._producers.get(self._key(value)) if known else None
            if producer is not None:
                self._producers[self._key(tensor)] = producer
            return tensor

        return keras.tree.map_structure(own, output)

    def _exit(self, record: LayerCall, output: Any) -> None:
        flat = [t for t in keras.tree.flatten(output) if t is not None]
        record.outputs = tuple(t if self._is_recordable(t) else None for t in flat)
        logits = [None if t is None else self._logits_of(t) for t in record.outputs]
        record.logits = tuple(found and found[0] for found in logits)
        record.loss_logits = tuple(found and found[1] for found in logits)
        keys = self._keys(output)
        if record.parent is not None:
            record.parent.inner_outputs |= keys
        if not record.is_container:
            self._producers.update(dict.fromkeys(keys, record))
        self.calls.append(record)

    def _logits_of(self, tensor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor] | None:
        """The logits of a tensor, and what the loss is given in their place.

        That is a tensor of its own, so that a gradient there tells that the loss
        does read it.
        """
        key = self._key(tensor)
        logits = getattr(tensor, "_keras_logits", None)
        if key not in self._logits and self._is_recordable(logits):
            self._logits[key] = logits, tf.identity(logits)
            tensor._keras_logits = self._logits[key][1]
        return self._logits.get(key)

    def _key(self, tensor: tf.Tensor) -> str | int:
        """What tells a tensor from others; names do within a graph."""
        return id(tensor) if self._graph is None else str(tensor.name)

    def _is_recordable(self, tensor: Any) -> bool:
        # Not one of another graph, as of a loop's body. An eager tensor has no graph:
        # in eager execution any tensor that an operation returns, within a graph a
        # constant.
        return isinstance(tensor, tf.Tensor) and (
            getattr(tensor, "graph", None) is self._graph
        )

    def _producers_of(self, tensors: list[Any]) -> tuple[LayerCall | str, ...]:
        """Walks the graph upwards from tensors to what is known to have made them.

        Eager tensors don't say what they were computed from: only those that come
        straight from a call are traced back to it.
        """
        found: dict[int, LayerCall | str] = {}
        waiting = [t for t in tensors if self._is_recordable(t)]
        seen = {self._key(t) for t in waiting}
        while waiting:
            tensor = waiting.pop()
            producer = self._producers.get(self._key(tensor))
            if producer is not None:
                found[id(producer)] = producer
                continue
            if self._graph is None:
                continue
            for upstream in tensor.op.inputs:
                if upstream.name not in seen:
                    seen.add(upstream.name)
                    waiting.append(upstream)
        return tuple(found.values())


def _name(operation: Operation, parent: LayerCall | None) -> str:
    if parent is not None and isinstance(parent.operation, _ATTENTION_LAYERS):
        for attribute, name in _NAMES_IN_ATTENTION.items():
            if operation is getattr(parent.operation, attribute, None):
                return name
    return str(operation.name)


_ATTENTION_LAYERS: Final = (
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
)


class _ThreadState(threading.local):
    traces: tuple[Trace, ...] = ()


_thread = _ThreadState()
_lock = threading.Lock()


def _intercept_operation(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(operation: Operation, *args: Any, **kwargs: Any) -> Any:
        traces = _thread.traces
        if not traces or any(
            isinstance(value, keras.KerasTensor)
            for value in keras.tree.flatten((args, kwargs))
        ):
            return original(operation, *args, **kwargs)
        through = original
        for trace in traces:
            through = _seen_by(trace, through)
        return through(operation, *args, **kwargs)

    return call


def _seen_by(trace: Trace, call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda operation, *args, **kwargs: trace.call(operation, call, args, kwargs)


def _intercept_function(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(function: Any, *args: Any, **kwargs: Any) -> Any:
        if not _thread.traces:
            return original(function, *args, **kwargs)
        return _thread.traces[0].call_function(function, original, args, kwargs)

    return call


def inline(function: Any, args: Any, kwargs: Any) -> Any:
    """Runs a `tf.function` as part of what calls it."""
    inner = function.python_function
    status = ag_ctx.Status.DISABLED
    if function._autograph:
        inner = autograph_util.py_func_from_autograph(inner)
        status = ag_ctx.Status.ENABLED
    # Into and out of a function of its own go tensors without what Keras notes at them,
    # such as masks.
    args, kwargs = tf.nest.map_structure(_bare, (args, kwargs))
    if function.input_signature is not None:
        args = _as_specified(function.input_signature, args)
    with ag_ctx.ControlStatusCtx(status):
        return tf.nest.map_structure(_bare, inner(*args, **kwargs))


def _bare(value: Any) -> Any:
    is_array = isinstance(value, (tf.Tensor, np.ndarray, np.generic))
    return tf.identity(value) if is_array else value


def _as_specified(signature: Sequence[Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments with the types of an input signature; there may be more of them."""

    def converted(spec: Any, value: Any) -> Any:
        is_dense = isinstance(spec, tf.TensorSpec)
        return tf.convert_to_tensor(value, spec.dtype) if is_dense else value

    specified = (
        keras.tree.map_structure_up_to(spec, converted, spec, value)
        for spec, value in zip(signature, args, strict=False)
    )
    return (*specified, *args[len(signature) :])


def _intercept_attention(original: Callable[..., Any]) -> Callable[..., Any]:
    """Has the scores computed apart: a fused kernel doesn't give them."""
    signature = inspect.signature(original)

    def compute_attention(layer: Any, *args: Any, **kwargs: Any) -> Any:
        wanted = any(trace.unfuses_attention for trace in _thread.traces)
        if not wanted or getattr(layer, "_flash_attention", False):
            return original(layer, *args, **kwargs)
        bound = signature.bind(layer, *args, **kwargs)
        if "return_attention_scores" in signature.parameters:
            bound.arguments["return_attention_scores"] = True
        else:
            bound.arguments["self"] = _AskedForScores(layer)
        return original(*bound.args, **bound.kwargs)

    return compute_attention


class _AskedForScores:
    """A layer as it is when it is called with `return_attention_scores=True`."""

    _return_attention_scores = True

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)


class Interception:
    """A method of a class that is replaced while there is a trace."""

    def __init__(
        self,
        owner: type,
        name: str,
        intercept: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> None:
        """Prepares it; `intercept` makes the replacement from the original."""
        self._owner = owner
        self._name = name
        self._original = getattr(owner, name)
        self._replacement = intercept(self._original)
        self._installations = 0

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        with _lock:
            self._installations += 1
            setattr(self._owner, self._name, self._replacement)
        try:
            yield
        finally:
            with _lock:
                self._installations -= 1
                if self._installations == 0:
                    setattr(self._owner, self._name, self._original)


_INTERCEPTIONS: Final = (
    Interception(Operation, "__call__", _intercept_operation),
    Interception(TensorFlowFunction, "__call__", _intercept_function),
    *(
        Interception(layer, "_compute_attention", _intercept_attention)
        for layer in _ATTENTION_LAYERS
    ),
)


@contextlib.contextmanager
def tracing(model: keras.Model, inputs: Mapping[str, tf.Tensor]) -> Iterator[Trace]:
    """Collects the layer calls of `model` that happen in this thread.

    To be entered while a `tf.function` is traced, or in eager execution. Other
    threads, other models and symbolic calls go on as if nothing were there.

    Args:
      model: the model whose call is awaited; calls outside it are not seen.
      inputs: the tensors that it will be called with, by name.

    Yields:
      The trace, complete when the context ends.
    """
    trace = Trace(model, inputs)
    with installed(), activated(trace):
        yield trace


@contextlib.contextmanager
def installed(*more: Interception) -> Iterator[None]:
    """Intercepts, in all threads; only those that have a trace notice it."""
    with contextlib.ExitStack() as stack:
        for interception in (*_INTERCEPTIONS, *more):
            stack.enter_context(interception.installed())
        yield


def active() -> tuple[Trace, ...]:
    """The traces that see what this thread calls."""
    return _thread.traces


@contextlib.contextmanager
def activated(*traces: Trace) -> Iterator[None]:
    """Has these traces, and no others, see what this thread calls."""
    before = _thread.traces
    _thread.traces = traces
    try:
        yield
    finally:
        _thread.traces = before
