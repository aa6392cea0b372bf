"""What a pass found in a model: its layers, weights, inputs and outputs, by path."""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from tensorboard_keract.core.trace import ATTENTION_SCORES, LayerCall

UNSEEN_NOTE = (
    "Its output was computed inside a loop or function of its own, or is ragged or"
    " sparse, and can't be recorded."
)


@dataclass(frozen=True)
class LayerOutput:
    """One output of one layer call."""

    path: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class LayerInfo:
    """One layer call as the pass saw it.

    Attributes:
      path: the layer path.
      class_name: "Conv2D".
      parents: paths of the layers, or names of the inputs, that it reads.
      outputs: the outputs that can be recorded.
      parameter_count: of the layer with all layers in it.
      trainable: whether the layer trains.
      activation: name of its activation function; empty where it has none.
      data_format: "channels_first" or "channels_last".
      weight_paths: of the weights that are the layer's own.
      layer: the layer, for selection.
      note: what a reader should know, or empty.
    """

    path: str
    class_name: str
    parents: tuple[str, ...]
    outputs: tuple[LayerOutput, ...]
    parameter_count: int
    trainable: bool
    activation: str
    data_format: str
    weight_paths: tuple[str, ...]
    layer: weakref.ref[Any]
    note: str = ""


@dataclass(frozen=True)
class WeightInfo:
    """One weight: its place in `model.weights`, its path and that of its layer."""

    index: int
    path: str
    layer_path: str
    trainable: bool


@dataclass(frozen=True)
class ModelLayout:
    """What a pass found: the layers in topological order, the weights, the ends.

    Attributes:
      containers: path and model of each call that only holds others, but the root.
    """

    inputs: tuple[LayerOutput, ...]
    layers: tuple[LayerInfo, ...]
    weights: tuple[WeightInfo, ...]
    outputs: tuple[LayerOutput, ...]
    containers: tuple[tuple[str, weakref.ref[Any]], ...] = ()


def describe_model(
    model: keras.Model,
    calls: Sequence[LayerCall],
    inputs: Mapping[str, tf.Tensor],
    outputs: Mapping[str, tf.Tensor],
) -> ModelLayout:
    """The layout of a model, from the calls in one call of it.

    Args:
      model: the root of the calls.
      calls: those of a complete trace.
      inputs, outputs: the tensors at the ends, by name.
    """
    weights = _weights(model, calls)
    owners = {weight.layer_path for weight in weights}
    return ModelLayout(
        inputs=tuple(_output_spec(name, t) for name, t in inputs.items()),
        layers=tuple(
            _layer_info(call, _owner_path(model, call), weights)
            for call in calls
            if not call.is_container or _owner_path(model, call) in owners
        ),
        weights=tuple(weights),
        outputs=tuple(_output_spec(name, t) for name, t in outputs.items()),
        containers=tuple(
            (call.path(), weakref.ref(call.operation))
            for call in calls
            if call.is_container and call.parent is not None
        ),
    )


def tensors_by_path(
    calls: Iterable[LayerCall],
    tensors_of: Callable[[LayerCall], tuple[tf.Tensor | None, ...]],
) -> dict[str, tf.Tensor]:
    """Tensors of calls, by path with output number."""
    found: dict[str, tf.Tensor] = {}
    for call in calls:
        tensors = tensors_of(call)
        for path, tensor in zip(output_paths(call), tensors, strict=True):
            if tensor is not None:
                found[path] = tensor
    return found


def output_paths(call: LayerCall) -> list[str]:
    """The path of each output: the call's own, with a number if there are several."""
    path = call.path()
    count = len(call.outputs)
    return [path] if count == 1 else [f"{path}:{i}" for i in range(count)]


def named_inputs(model: keras.Model, x: Any) -> dict[str, tf.Tensor]:
    """The input tensors by name: of the input layers, of a dict, or numbered.

    Sparse and missing ones are left out.
    """
    leaves = keras.tree.flatten(x)
    symbolic = keras.tree.flatten(getattr(model, "inputs", None) or [])
    if isinstance(x, Mapping) and len(x) == len(leaves):
        leaves = [value for _, value in sorted(x.items())]
        names = [str(key) for key in sorted(x)]
    elif len(symbolic) == len(leaves):
        names = [_input_name(t) for t in symbolic]
    else:
        names = []
    is_nested = any(isinstance(leaf, (Mapping, list, tuple)) for leaf in leaves)
    if is_nested or len(set(names)) < len(leaves):
        leaves = [t for t in keras.tree.flatten(x) if isinstance(t, tf.Tensor)]
        names = _numbered("input", len(leaves))
    return {
        name: leaf
        for name, leaf in zip(names, leaves, strict=True)
        if isinstance(leaf, tf.Tensor)
    }


def _input_name(symbolic: Any) -> str:
    history = getattr(symbolic, "_keras_history", None)
    return str(history.operation.name if history else symbolic.name)


def named_outputs(model: keras.Model, y_pred: Any) -> dict[str, tf.Tensor]:
    """The output tensors by name: of the output layers, of a dict, or numbered."""
    flat = [t for t in keras.tree.flatten(y_pred) if isinstance(t, tf.Tensor)]
    names = [str(name) for name in getattr(model, "output_names", None) or []]
    if isinstance(y_pred, Mapping) and len(y_pred) == len(flat):
        return {str(name): tensor for name, tensor in sorted(y_pred.items())}
    if len(names) == len(flat) and len(set(names)) == len(names):
        return dict(zip(names, flat, strict=True))
    return dict(zip(_numbered("output", len(flat)), flat, strict=True))


def _numbered(stem: str, count: int) -> list[str]:
    return [stem if count == 1 else f"{stem}_{i}" for i in range(count)]


def _owner_path(model: keras.Model, call: LayerCall) -> str:
    """Under which path the call's own weights stand: the root's under its name."""
    return call.weight_owner_path() or str(model.name)


def _layer_info(call: LayerCall, owner: str, weights: list[WeightInfo]) -> LayerInfo:
    operation = call.operation
    outputs = tuple(
        _output_spec(path, tensor)
        for path, tensor in zip(output_paths(call), call.outputs, strict=True)
        if tensor is not None and not call.is_container
    )
    activation = getattr(operation, "activation", None)
    name = getattr(activation, "__name__", "") if activation is not None else ""
    variables = getattr(operation, "weights", [])
    return LayerInfo(
        path=call.path() or owner,
        class_name=type(operation).__name__,
        parents=tuple(
            parent if isinstance(parent, str) else parent.path()
            for parent in call.parents
        ),
        outputs=outputs,
        parameter_count=sum(math.prod(variable.shape) for variable in variables),
        trainable=bool(getattr(operation, "trainable", False)),
        activation="" if name == "linear" else name,
        data_format=data_format(call),
        weight_paths=tuple(w.path for w in weights if w.layer_path == owner),
        layer=weakref.ref(operation),
        note="" if all(t is not None for t in call.outputs) else UNSEEN_NOTE,
    )


def data_format(call: LayerCall) -> str:
    """Where the channel axis of a call's output is, "channels_first" or "channels_last"."""
    if call.name == ATTENTION_SCORES:
        return "channels_first"  # [batch, head, query, key]: a map for each head.
    of_layer = getattr(call.operation, "data_format", None)
    return str(of_layer or keras.config.image_data_format())


def _output_spec(path: str, tensor: tf.Tensor) -> LayerOutput:
    return LayerOutput(path, tuple(tensor.shape.as_list()), tensor.dtype.name)


def _weights(model: keras.Model, calls: Sequence[LayerCall]) -> list[WeightInfo]:
    """The weights of the model, each named after the innermost called layer that has it.

    Those of layers that are not called, which the model may use directly or not at
    all, are the model's own.
    """
    index_of = {id(v): index for index, v in enumerate(model.weights)}
    trainable = {id(v) for v in model.trainable_variables}
    infos: dict[int, WeightInfo] = {}
    taken: set[str] = set()

    def add(variable: keras.Variable, owner: str, parts: list[str]) -> None:
        path = base = "/".join([owner, *parts])
        for number in itertools.count(2):
            if path not in taken:
                break
            path = f"{base}#{number}"
        taken.add(path)
        infos[id(variable)] = WeightInfo(
            index=index_of[id(variable)],
            path=path,
            layer_path=owner,
            trainable=id(variable) in trainable,
        )

    for call in calls:  # Inner calls end before those around them.
        own = {
            id(v)
            for v in (
                *getattr(call.operation, "_trainable_variables", ()),
                *getattr(call.operation, "_non_trainable_variables", ()),
            )
        }
        for variable in getattr(call.operation, "weights", ()):
            if id(variable) in infos or id(variable) not in index_of:
                continue
            if not is_real(variable) or (call.is_container and id(variable) not in own):
                continue
            owner = _owner_path(model, call)
            parts = variable.path.split("/")[-1 if id(variable) in own else -2 :]
            add(variable, owner, parts)
    for variable in model.weights:
        if id(variable) not in infos and is_real(variable):
            parts = variable.path.split("/")
            add(variable, str(model.name), parts[parts[0] == model.name :])
    return list(infos.values())


def is_real(variable: keras.Variable) -> bool:
    """Whether a variable is a weight of `ModelLayout.weights`: not a state of integers."""
    return "float" in str(variable.dtype)
