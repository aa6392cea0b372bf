"""Sees every layer call of a Keras model while a TensorFlow function is traced.

Keras 3 has no hooks, and `layer.output` does not exist for subclassed models. But
every layer, operation and nested model is called through one method,
`Operation.__call__`. While a function is being traced, and in that thread only,
that method is intercepted; so Sequential, functional, subclassed, nested and shared
layers are all seen by one mechanism, and nothing is left behind in the model.

The calls make a tree. A call's **layer path** is the names from below the root
model down to it, `encoder/block1/conv`; the calls of one layer in one place are told
apart by their number, `shared@0`, `shared@1`; so are the outputs of one call,
`lstm:0`, `lstm:1`. Models inside the model only lend their names: their outputs are
those of the layers in them.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf
from keras.src.ops.operation import Operation


@dataclass
class LayerCall:
    """One call of a layer or operation.

    Attributes:
      operation: the Keras layer or operation.
      parent: the call inside which this one happened; None for the root model.
      occurrence: how many earlier calls inside `parent` had the same name.
      parents: the calls, or names of model inputs, whose outputs this one reads.
      outputs: its output tensors, flattened; None where one can't be recorded.
      logits: for each output, the tensor that the loss reads in its place: Keras'
        crossentropies take the input of a softmax or sigmoid, not its output.
    """

    operation: Operation
    parent: LayerCall | None
    occurrence: int = 0
    parents: tuple[LayerCall | str, ...] = ()
    outputs: tuple[tf.Tensor | None, ...] = ()
    logits: tuple[tf.Tensor | None, ...] = ()
    calls_by_name: Counter[str] = field(default_factory=Counter)

    @property
    def is_container(self) -> bool:
        """Whether it only holds others: a model, root or nested."""
        return isinstance(self.operation, keras.Model)

    def label(self) -> str:
        """Its part of the layer path."""
        name = self.operation.name
        if self.parent is None or self.parent.calls_by_name[name] == 1:
            return str(name)
        return f"{name}@{self.occurrence}"

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
        name = str(self.operation.name)
        return f"{above}/{name}" if above else name


class Trace:
    """The layer calls of one model, in the order in which they ended."""

    def __init__(self, model: keras.Model, inputs: Mapping[str, tf.Tensor]) -> None:
        """Starts an empty trace.

        Args:
          model: the root; its first call is the root of the tree.
          inputs: the tensors that the model is called with, by name.
        """
        self.calls: list[LayerCall] = []
        self._model = model
        self._graph = tf.compat.v1.get_default_graph()
        self._stack: list[LayerCall] = []
        self._producers: dict[str, LayerCall | str] = {
            tensor.name: name for name, tensor in inputs.items()
        }

    def call(self, operation: Operation, call: Any, args: Any, kwargs: Any) -> Any:
        """Calls through to `call`, and notes what went in and came out."""
        if not self._stack and operation is not self._model:
            return call(operation, *args, **kwargs)
        record = self._enter(operation, keras.tree.flatten((args, kwargs)))
        # The cell of a recurrent layer is called once outside its loop, to learn
        # shapes: those are not the activations of any step.
        opaque = isinstance(operation, keras.layers.RNN)
        try:
            if opaque:
                with _activated(None):
                    output = call(operation, *args, **kwargs)
            else:
                output = call(operation, *args, **kwargs)
        finally:
            self._stack.pop()
        self._exit(record, output)
        return output

    def _enter(self, operation: Operation, inputs: list[Any]) -> LayerCall:
        parent = self._stack[-1] if self._stack else None
        record = LayerCall(operation, parent)
        if parent is not None:
            record.occurrence = parent.calls_by_name[operation.name]
            parent.calls_by_name[operation.name] += 1
            record.parents = self._producers_of(inputs)
        self._stack.append(record)
        return record

    def _exit(self, record: LayerCall, output: Any) -> None:
        flat = [t for t in keras.tree.flatten(output) if t is not None]
        record.outputs = tuple(t if self._is_recordable(t) else None for t in flat)
        record.logits = tuple(
            logits if self._is_recordable(logits) else None
            for logits in (getattr(t, "_keras_logits", None) for t in flat)
        )
        if not record.is_container:
            for tensor in record.outputs:
                if tensor is not None:
                    self._producers[tensor.name] = record
        self.calls.append(record)

    def _is_recordable(self, tensor: Any) -> bool:
        return isinstance(tensor, tf.Tensor) and (
            # An eager tensor, such as a constant that a layer returns, has no graph.
            getattr(tensor, "graph", None) is self._graph
        )

    def _producers_of(self, tensors: list[Any]) -> tuple[LayerCall | str, ...]:
        """Walks the graph upwards from tensors to what is known to have made them."""
        found: dict[int, LayerCall | str] = {}
        waiting = [t for t in tensors if self._is_recordable(t)]
        seen = {t.name for t in waiting}
        while waiting:
            tensor = waiting.pop()
            producer = self._producers.get(tensor.name)
            if producer is not None:
                found[id(producer)] = producer
                continue
            for upstream in tensor.op.inputs:
                if upstream.name not in seen:
                    seen.add(upstream.name)
                    waiting.append(upstream)
        return tuple(found.values())


class _ThreadState(threading.local):
    trace: Trace | None = None


_thread = _ThreadState()
_lock = threading.Lock()
_installations = 0
_original_call = Operation.__call__


def _intercepted_call(operation: Operation, *args: Any, **kwargs: Any) -> Any:
    trace = _thread.trace
    if trace is None or any(
        isinstance(value, keras.KerasTensor)
        for value in keras.tree.flatten((args, kwargs))
    ):
        return _original_call(operation, *args, **kwargs)
    return trace.call(operation, _original_call, args, kwargs)


@contextlib.contextmanager
def tracing(model: keras.Model, inputs: Mapping[str, tf.Tensor]) -> Iterator[Trace]:
    """Collects the layer calls of `model` that happen in this thread.

    To be entered while a `tf.function` is traced. Other threads, other models and
    symbolic calls go on as if nothing were there.

    Args:
      model: the model whose call is awaited; calls outside it are not seen.
      inputs: the tensors that it will be called with, by name.

    Yields:
      The trace, complete when the context ends.
    """
    trace = Trace(model, inputs)
    with _installed(), _activated(trace):
        yield trace


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    global _installations
    with _lock:
        _installations += 1
        Operation.__call__ = _intercepted_call
    try:
        yield
    finally:
        with _lock:
            _installations -= 1
            if _installations == 0:
                Operation.__call__ = _original_call


@contextlib.contextmanager
def _activated(trace: Trace | None) -> Iterator[None]:
    before = _thread.trace
    _thread.trace = trace
    try:
        yield
    finally:
        _thread.trace = before
