"""One compiled forward and backward pass that gives everything inside a model.

`CompiledPass` is a `tf.function` over a Keras model: activations of every layer,
the gradients of the loss with respect to each of them, weights and their gradients,
loss and outputs. It is traced once per input signature; `compiled_pass` keeps one
per model and set of options, for as long as the model lives.

The pass runs in a `keras.StatelessScope`: whatever it would change in the model
(moving statistics, seeds, metrics, losses kept by layers) it changes only there.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from tensorboard_keract.core.trace import LayerCall, Trace, tracing

Loss = Callable[[Any, Any], Any]
"""A loss of a custom loop: `loss(y, y_pred)`, reduced to a scalar by its sum."""

LOGITS_NOTE = (
    "The gradient is that of the logits: the loss reads the input of this layer's"
    " softmax or sigmoid, not its output."
)
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
      layer_type: the class, for selection.
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
    shape: tuple[int, ...]
    dtype: str
    trainable: bool


@dataclass(frozen=True)
class ModelLayout:
    """What a pass found: the layers in topological order, the weights, the ends."""

    inputs: tuple[LayerOutput, ...]
    layers: tuple[LayerInfo, ...]
    weights: tuple[WeightInfo, ...]
    outputs: tuple[LayerOutput, ...]
    notes: tuple[str, ...] = ()


@dataclass
class Captured:
    """The tensors of one pass, by path. Gradients are those of the unscaled loss.

    Attributes:
      inputs, outputs: by input or output name.
      activations: by layer path, with `:i` where a call has several outputs.
      activation_gradients: float, under the same paths; a path is absent where the
        loss does not depend on the activation, or where it is not floating point.
      weights, weight_gradients: by weight path; gradients of trainable ones only.
      loss: scalar float32, None for a pass without gradients.
      gradient_notes: by layer path, what is special about a gradient.
    """

    inputs: dict[str, tf.Tensor]
    outputs: dict[str, tf.Tensor]
    activations: dict[str, tf.Tensor]
    activation_gradients: dict[str, tf.Tensor] = field(default_factory=dict)
    weights: dict[str, tf.Tensor] = field(default_factory=dict)
    weight_gradients: dict[str, tf.Tensor] = field(default_factory=dict)
    loss: tf.Tensor | None = None
    gradient_notes: dict[str, str] = field(default_factory=dict)

    def tensors(self) -> dict[str, Any]:
        """The tensors alone, as nested dicts that a compiled function can return."""
        return {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "activations": self.activations,
            "activation_gradients": self.activation_gradients,
            "weights": self.weights,
            "weight_gradients": self.weight_gradients,
            "loss": self.loss,
        }


# Called while the pass is traced: (captured, layout, extra) -> what the pass returns.
Reduce = Callable[[Captured, ModelLayout, Any], Any]


class CompiledPass:
    """A compiled pass through a model. Built at the first call of each signature."""

    def __init__(
        self,
        model: keras.Model,
        *,
        gradients: bool = True,
        training: bool = False,
        loss: Loss | None = None,
        reduce: Reduce | None = None,
    ) -> None:
        """Prepares a pass; nothing is traced yet.

        Args:
          model: a built Keras model. Only a weak reference is kept.
          gradients: whether to run backward, too.
          training: the `training` argument of the model's call.
          loss: in place of the loss the model was compiled with.
          reduce: computes, in the same compiled function, what the pass returns in
            place of all tensors.
        """
        self._model = weakref.ref(model)
        self._gradients = gradients
        self._training = training
        self._loss = loss
        self._reduce = reduce
        self.layout: ModelLayout | None = None
        self.gradient_notes: dict[str, str] = {}
        self.trace_count = 0
        self._function = tf.function(self._run, autograph=False)

    def __call__(
        self, x: Any, y: Any = None, sample_weight: Any = None, extra: Any = None
    ) -> Any:
        """Runs the pass.

        Args:
          x: the model's input, in any structure the model takes.
          y: the target; needed where gradients are, unless the loss needs none.
          sample_weight: as in `fit`.
          extra: tensors handed on to `reduce`.

        Returns:
          What `reduce` returned, or `Captured.tensors()`, as eager tensors.
        """
        self._build_loss(x, y, sample_weight)
        return self._function(x, y, sample_weight, extra)

    def trace(
        self, x: Any, y: Any = None, sample_weight: Any = None, extra: Any = None
    ) -> None:
        """Compiles the pass for arguments like these, without running it."""
        self._build_loss(x, y, sample_weight)
        self._function.get_concrete_function(x, y, sample_weight, extra)

    def _build_loss(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Builds the loss as `fit` would: it may make variables, which a pass can't."""
        model = self._model()
        if model is None or not self._gradients or self._loss is not None:
            return
        compile_loss = getattr(model, "_compile_loss", None)
        if compile_loss is not None and not compile_loss.built:
            model._symbolic_build(data_batch=(x, y, sample_weight))

    def _run(self, x: Any, y: Any, sample_weight: Any, extra: Any) -> Any:
        model = self._model()
        if model is None:
            raise ReferenceError("The model of this pass no longer exists.")
        self.trace_count += 1
        inputs = _named_inputs(model, x)
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        with tf.GradientTape(persistent=False, watch_accessed_variables=False) as tape:
            values = [tf.convert_to_tensor(variable.value) for variable in variables]
            sources = [*values, *inputs.values()]
            tape.watch([t for t in sources if t.dtype.is_floating])
            scope = keras.StatelessScope(
                list(zip(variables, values, strict=True)), collect_losses=True
            )
            with scope:
                with tracing(model, inputs) as trace:
                    y_pred = _call_model(model, x, self._training)
                loss = (
                    self._compute_loss(model, x, y, y_pred, sample_weight)
                    if self._gradients
                    else None
                )
            scaled_loss, loss_scale = _scaled(model, loss)
        value_of = dict(zip(map(id, variables), values, strict=True))
        captured, layout = _describe(model, trace, inputs, y_pred, value_of)
        self.layout = layout
        if loss is not None:
            captured.loss = tf.cast(loss, tf.float32)
            _add_gradients(captured, layout, trace, tape, scaled_loss, loss_scale)
        self.gradient_notes = captured.gradient_notes
        if self._reduce is None:
            return captured.tensors()
        return self._reduce(captured, layout, extra)

    def _compute_loss(
        self, model: keras.Model, x: Any, y: Any, y_pred: Any, sample_weight: Any
    ) -> tf.Tensor:
        if self._loss is not None:
            loss = tf.reduce_sum(self._loss(y, y_pred))
            return loss + sum(tf.reduce_sum(extra) for extra in model.losses)
        if not getattr(model, "compiled", False):
            raise ValueError(
                "Gradients need a loss, and this model is not compiled. Call"
                " model.compile(optimizer, loss), or pass loss=function(y, y_pred)."
            )
        # An override of `compute_loss` from before Keras 3.3 may not take `training`.
        if not getattr(model, "_compute_loss_has_training_arg", True):
            return model.compute_loss(x, y, y_pred, sample_weight)
        return model.compute_loss(x, y, y_pred, sample_weight, training=self._training)


_passes: weakref.WeakKeyDictionary[keras.Model, dict[Any, CompiledPass]] = (
    weakref.WeakKeyDictionary()
)


def compiled_pass(
    model: keras.Model, *, gradients: bool = True, training: bool = False
) -> CompiledPass:
    """The pass of a model that returns all tensors: one for the model's lifetime."""
    options = (gradients, training)
    of_model = _passes.setdefault(model, {})
    if options not in of_model:
        of_model[options] = CompiledPass(model, gradients=gradients, training=training)
    return of_model[options]


def _call_model(model: keras.Model, x: Any, training: bool) -> Any:
    takes_training = getattr(model, "_call_has_training_arg", True)
    return model(x, training=training) if takes_training else model(x)


def _named_inputs(model: keras.Model, x: Any) -> dict[str, tf.Tensor]:
    """The input tensors by name: of the input layers, of a dict, or numbered."""
    flat = [t for t in keras.tree.flatten(x) if isinstance(t, tf.Tensor)]
    if isinstance(x, Mapping) and len(x) == len(flat):
        return {str(name): tensor for name, tensor in sorted(x.items())}
    symbolic = keras.tree.flatten(getattr(model, "inputs", None) or [])
    if len(symbolic) == len(flat):
        names = [_input_name(t) for t in symbolic]
        if len(set(names)) == len(names):
            return dict(zip(names, flat, strict=True))
    return dict(zip(_numbered("input", len(flat)), flat, strict=True))


def _input_name(symbolic: Any) -> str:
    history = getattr(symbolic, "_keras_history", None)
    return str(history.operation.name if history else symbolic.name)


def _named_outputs(model: keras.Model, y_pred: Any) -> dict[str, tf.Tensor]:
    flat = [t for t in keras.tree.flatten(y_pred) if isinstance(t, tf.Tensor)]
    names = [str(name) for name in getattr(model, "output_names", None) or []]
    if isinstance(y_pred, Mapping) and len(y_pred) == len(flat):
        return {str(name): tensor for name, tensor in sorted(y_pred.items())}
    if len(names) == len(flat) and len(set(names)) == len(names):
        return dict(zip(names, flat, strict=True))
    return dict(zip(_numbered("output", len(flat)), flat, strict=True))


def _numbered(stem: str, count: int) -> list[str]:
    return [stem if count == 1 else f"{stem}_{i}" for i in range(count)]


def _scaled(
    model: keras.Model, loss: tf.Tensor | None
) -> tuple[tf.Tensor | None, tf.Tensor | None]:
    """The loss as mixed precision scales it, so that half gradients don't vanish."""
    optimizer = getattr(model, "optimizer", None)
    if loss is None or not isinstance(
        optimizer, keras.mixed_precision.LossScaleOptimizer
    ):
        return loss, None
    scale = optimizer.scale_loss(tf.ones((), tf.float32))
    return loss * tf.cast(scale, loss.dtype), scale


def _add_gradients(
    captured: Captured,
    layout: ModelLayout,
    trace: Trace,
    tape: tf.GradientTape,
    loss: tf.Tensor,
    loss_scale: tf.Tensor | None,
) -> None:
    activations = {
        path: tensor
        for path, tensor in captured.activations.items()
        if tensor.dtype.is_floating
    }
    trainable = [weight.path for weight in layout.weights if weight.trainable]
    logits = {
        path: tensor
        for path, tensor in _paths_of(trace, lambda call: call.logits).items()
        if path in activations
    }
    sources = {
        "activation": activations,
        "logits": logits,
        "weight": {path: captured.weights[path] for path in trainable},
    }
    gradients = tape.gradient(loss, sources)

    def unscaled(gradient: Any) -> tf.Tensor:
        dense = tf.convert_to_tensor(gradient)
        if loss_scale is None:
            return dense
        return tf.cast(dense, tf.float32) / loss_scale

    for path in activations:
        gradient = gradients["activation"][path]
        if gradient is None and gradients["logits"].get(path) is not None:
            gradient = gradients["logits"][path]
            captured.gradient_notes[path] = LOGITS_NOTE
        if gradient is not None:
            captured.activation_gradients[path] = unscaled(gradient)
    for path in trainable:
        if gradients["weight"][path] is not None:
            captured.weight_gradients[path] = unscaled(gradients["weight"][path])


def _paths_of(
    trace: Trace, tensors_of: Callable[[LayerCall], tuple[tf.Tensor | None, ...]]
) -> dict[str, tf.Tensor]:
    """Tensors of all calls that are no containers, by path with output number."""
    found: dict[str, tf.Tensor] = {}
    for call in trace.calls:
        if call.is_container:
            continue
        tensors = tensors_of(call)
        for path, tensor in zip(_output_paths(call), tensors, strict=True):
            if tensor is not None:
                found[path] = tensor
    return found


def _output_paths(call: LayerCall) -> list[str]:
    path = call.path()
    count = len(call.outputs)
    return [path] if count == 1 else [f"{path}:{i}" for i in range(count)]


def _describe(
    model: keras.Model,
    trace: Trace,
    inputs: dict[str, tf.Tensor],
    y_pred: Any,
    value_of: dict[int, tf.Tensor],
) -> tuple[Captured, ModelLayout]:
    weights, variables = _weights(model, trace)
    captured = Captured(
        inputs=dict(inputs),
        outputs=_named_outputs(model, y_pred),
        activations=_paths_of(trace, lambda call: call.outputs),
        weights={
            weight.path: value_of[id(variable)]
            for weight, variable in zip(weights, variables, strict=True)
        },
    )
    called = {id(variable) for variable in variables}
    left_out = [v.path for v in model.weights if id(v) not in called and _is_real(v)]
    notes = []
    if left_out:
        notes.append(
            "Weights of layers that the pass does not call are not recorded: "
            + ", ".join(left_out)
        )
    owners = {weight.layer_path for weight in weights}
    layers = [
        _layer_info(call, _owner_path(model, call), weights)
        for call in trace.calls
        if not call.is_container or _owner_path(model, call) in owners
    ]
    layout = ModelLayout(
        inputs=tuple(_output_spec(name, t) for name, t in captured.inputs.items()),
        layers=tuple(layers),
        weights=tuple(weights),
        outputs=tuple(_output_spec(name, t) for name, t in captured.outputs.items()),
        notes=tuple(notes),
    )
    return captured, layout


def _owner_path(model: keras.Model, call: LayerCall) -> str:
    """Under which path the call's own weights stand: the root's under its name."""
    return call.weight_owner_path() or str(model.name)


def _layer_info(call: LayerCall, owner: str, weights: list[WeightInfo]) -> LayerInfo:
    operation = call.operation
    outputs = tuple(
        _output_spec(path, tensor)
        for path, tensor in zip(_output_paths(call), call.outputs, strict=True)
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
        data_format=str(
            getattr(operation, "data_format", None) or keras.config.image_data_format()
        ),
        weight_paths=tuple(w.path for w in weights if w.layer_path == owner),
        layer=weakref.ref(operation),
        note="" if all(t is not None for t in call.outputs) else UNSEEN_NOTE,
    )


def _output_spec(path: str, tensor: tf.Tensor) -> LayerOutput:
    return LayerOutput(path, tuple(tensor.shape.as_list()), tensor.dtype.name)


def _weights(
    model: keras.Model, trace: Trace
) -> tuple[list[WeightInfo], list[keras.Variable]]:
    """The weights of the called layers, each named after the innermost of them."""
    index_of = {id(v): index for index, v in enumerate(model.weights)}
    trainable = {id(v) for v in model.trainable_variables}
    infos: dict[int, WeightInfo] = {}
    variables: list[keras.Variable] = []
    taken: set[str] = set()
    for call in trace.calls:  # Inner calls end before those around them.
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
            if not _is_real(variable) or (
                call.is_container and id(variable) not in own
            ):
                continue
            owner = _owner_path(model, call)
            parts = variable.path.split("/")[-1 if id(variable) in own else -2 :]
            path = base = "/".join([owner, *parts])
            for number in itertools.count(2):
                if path not in taken:
                    break
                path = f"{base}#{number}"
            taken.add(path)
            variables.append(variable)
            infos[id(variable)] = WeightInfo(
                index=index_of[id(variable)],
                path=path,
                layer_path=owner,
                shape=tuple(variable.shape),
                dtype=str(variable.dtype),
                trainable=id(variable) in trainable,
            )
    return list(infos.values()), variables


def _is_real(variable: keras.Variable) -> bool:
    return "float" in str(variable.dtype)
