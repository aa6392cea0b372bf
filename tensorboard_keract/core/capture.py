"""One compiled forward and backward pass that gives everything inside a model.

`CompiledPass` is a `tf.function` over a Keras model: activations of every layer,
the gradients of the loss with respect to each of them, weights and their gradients,
loss and outputs. It is traced once per input signature; `compiled_pass` keeps one
per model and set of options, for as long as the model lives. A model that is to run
eagerly (`run_eagerly=True`) is passed through eagerly.

The pass runs in a `keras.StatelessScope`: whatever it would change in the model
(moving statistics, seeds, metrics, losses kept by layers) it changes only there.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import keras
import tensorflow as tf

from tensorboard_keract.core.model_layout import (
    ModelLayout,
    describe_model,
    named_inputs,
    named_outputs,
    tensors_by_path,
)
from tensorboard_keract.core.model_state import (
    ModelScope,
    built_loss,
    call_model,
    compile_loss_replaced,
    has_gradient,
    lock_of,
    losses_kept,
)
from tensorboard_keract.core.trace import LayerCall, tracing

Loss = Callable[[Any, Any], Any]
"""A loss of a custom loop: `loss(y, y_pred)`, reduced to a scalar by its sum."""

LOGITS_NOTE = (
    "The gradient is that of the logits: the loss reads the input of this layer's"
    " softmax or sigmoid, not its output."
)


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
      calls: those whose outputs were captured; while the pass is traced.
    """

    inputs: dict[str, tf.Tensor]
    outputs: dict[str, tf.Tensor]
    activations: dict[str, tf.Tensor]
    activation_gradients: dict[str, tf.Tensor] = field(default_factory=dict)
    weights: dict[str, tf.Tensor] = field(default_factory=dict)
    weight_gradients: dict[str, tf.Tensor] = field(default_factory=dict)
    loss: tf.Tensor | None = None
    gradient_notes: dict[str, str] = field(default_factory=dict)
    calls: Sequence[LayerCall] = ()

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

# Called while the pass is traced: all calls -> those whose tensors are captured.
SelectCalls = Callable[[Sequence[LayerCall]], Sequence[LayerCall]]

# More compiled passes than this of one model are not kept: each holds a graph.
_PASSES_KEPT_PER_MODEL: Final = 32


class CompiledPass:
    """A compiled pass through a model. Built at the first call of each signature."""

    def __init__(
        self,
        model: keras.Model,
        *,
        gradients: bool = True,
        training: bool = False,
        loss: Loss | None = None,
        select: SelectCalls | None = None,
        reduce: Reduce | None = None,
    ) -> None:
        """Prepares a pass; nothing is traced yet.

        Args:
          model: a built Keras model. Only a weak reference is kept.
          gradients: whether to run backward, too.
          training: the `training` argument of the model's call.
          loss: in place of the loss the model was compiled with.
          select: chooses the calls whose outputs are captured; by default all but
            containers, whose outputs are those of calls in them.
          reduce: computes, in the same compiled function, what the pass returns in
            place of all tensors.
        """
        self._model = weakref.ref(model)
        self._gradients = gradients
        self._training = training
        self._loss = loss
        self._built_loss: Any = None
        self._signatures: set[Hashable] = set()
        self._select = _without_containers if select is None else select
        self._reduce = reduce
        self.layout: ModelLayout | None = None
        self.gradient_notes: dict[str, str] = {}
        self.trace_count = 0
        # A partial has no code, by which TensorFlow would take all passes for one that
        # is traced too often, and warn.
        self._function = tf.function(functools.partial(self._run), autograph=False)

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
        with self._traced_once(x, y, sample_weight):
            if self._runs_eagerly():
                return self._run(x, y, sample_weight, extra)
            return self._function(x, y, sample_weight, extra)

    def trace(
        self, x: Any, y: Any = None, sample_weight: Any = None, extra: Any = None
    ) -> None:
        """Compiles the pass for arguments like these, without running it.

        An eager pass can't be compiled: it is run.
        """
        with self._traced_once(x, y, sample_weight):
            if self._runs_eagerly():
                self._run(x, y, sample_weight, extra)
            else:
                self._function.get_concrete_function(x, y, sample_weight, extra)

    @contextlib.contextmanager
    def _traced_once(self, x: Any, y: Any, sample_weight: Any) -> Iterator[None]:
        """For the first call of a signature: the model's lock, and its loss built.

        Building may make variables, which a compiled function can't; and one thread
        at a time may trace a model, for Keras notes in the layers what a call finds.
        """
        model = self._model()
        signature = keras.tree.map_structure(_signature, (x, y, sample_weight))
        key = str(signature), tf.distribute.get_strategy()
        if model is None or (key in self._signatures and not self._runs_eagerly()):
            yield
            return
        with lock_of(model):
            if self._gradients and self._loss is None:
                self._built_loss = built_loss(model, x, y)
            try:
                yield
            finally:
                self._built_loss = None  # It may know the model.
            self._signatures.add(key)

    def _runs_eagerly(self) -> bool:
        return bool(getattr(self._model(), "run_eagerly", False))

    def _run(self, x: Any, y: Any, sample_weight: Any, extra: Any) -> Any:
        model = self._model()
        if model is None:
            raise ReferenceError("The model of this pass no longer exists.")
        self.trace_count += 1
        with lock_of(model), losses_kept(model):
            return self._pass(model, x, y, sample_weight, extra)

    def _pass(
        self, model: keras.Model, x: Any, y: Any, sample_weight: Any, extra: Any
    ) -> Any:
        inputs = named_inputs(model, x)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in model.trainable_variables])
            tape.watch([t for t in inputs.values() if has_gradient(t)])
            with ModelScope(model, tape, self._built_loss) as scope:
                with tracing(model, inputs) as trace:
                    y_pred = call_model(model, x, self._training)
                loss = (
                    self._compute_loss(model, x, y, y_pred, sample_weight)
                    if self._gradients
                    else None
                )
            scaled_loss, loss_scale = _scaled(model, loss)
        outputs = named_outputs(model, y_pred)
        layout = describe_model(model, trace.calls, inputs, outputs)
        self.layout = layout
        calls = self._select(trace.calls)
        captured = Captured(
            inputs=inputs,
            outputs=outputs,
            activations=tensors_by_path(calls, lambda call: call.outputs),
            weights={
                weight.path: tf.convert_to_tensor(model.weights[weight.index].value)
                for weight in layout.weights
            },
            calls=calls,
        )
        if loss is not None:
            captured.loss = tf.cast(loss, tf.float32)
            sources = {
                weight.path: scope.values_of(model.weights[weight.index])
                for weight in layout.weights
                if weight.trainable
            }
            _add_gradients(captured, sources, tape, scaled_loss, loss_scale)
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
        takes_training = getattr(model, "_compute_loss_has_training_arg", True)
        # An override of `compute_loss` from before Keras 3.3 may not take it.
        options = {"training": self._training} if takes_training else {}
        with compile_loss_replaced(model, self._built_loss):
            return model.compute_loss(x, y, y_pred, sample_weight, **options)


_passes: weakref.WeakKeyDictionary[
    keras.Model, dict[Hashable, tuple[Any, CompiledPass]]
] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def compiled_pass(
    model: keras.Model,
    *,
    gradients: bool = True,
    training: bool = False,
    select: SelectCalls | None = None,
    reduce: Reduce | None = None,
) -> CompiledPass:
    """The pass of a model with these options: one for the model's lifetime.

    It is built anew where `compile` gave the model another loss, or where other
    weights train: the pass has both built in. `select` and `reduce` must be hashable,
    equal where they do the same, and hold no reference to the model. Only so many
    passes of a model are kept; the one that was made first goes first.
    """
    loss = getattr(model, "_compile_loss", None)
    trainable = tuple(map(id, model.trainable_variables))
    options = (gradients, training, trainable, select, reduce)
    # Weakly: a loss may know its model.
    of_loss = None if loss is None else weakref.ref(loss)
    with _lock:
        of_model = _passes.setdefault(model, {})
        known_loss, known = of_model.get(options, (None, None))
        if known is None or known_loss != of_loss:
            known = CompiledPass(
                model,
                gradients=gradients,
                training=training,
                select=select,
                reduce=reduce,
            )
            of_model[options] = (of_loss, known)
            if len(of_model) > _PASSES_KEPT_PER_MODEL:
                del of_model[next(iter(of_model))]
        return known


def check_backend() -> None:
    """Raises RuntimeError if Keras runs on another backend than TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"Keras runs on the {keras.backend.backend()} backend; seeing inside a model"
            " needs TensorFlow. Set KERAS_BACKEND=tensorflow before importing keras."
        )


def as_tensors(structure: Any) -> Any:
    """Arrays in any structure as tensors; floats of 64 bits as Keras' default float.

    None stays None; ragged and sparse tensors stay as they are.
    """
    return keras.tree.map_structure(_as_tensor, structure)


def _as_tensor(value: Any) -> Any:
    if value is None or isinstance(value, (tf.RaggedTensor, tf.SparseTensor)):
        return value
    tensor = tf.convert_to_tensor(value)
    return (
        tf.cast(tensor, keras.config.floatx()) if tensor.dtype == tf.float64 else tensor
    )


def _without_containers(calls: Sequence[LayerCall]) -> Sequence[LayerCall]:
    return [call for call in calls if not call.is_container]


def _signature(value: Any) -> Any:
    return (tuple(value.shape), value.dtype.name) if hasattr(value, "dtype") else value


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
    weights: dict[str, list[Any]],
    tape: tf.GradientTape,
    loss: tf.Tensor,
    loss_scale: tf.Tensor | None,
) -> None:
    activations = {
        path: tensor
        for path, tensor in captured.activations.items()
        if has_gradient(tensor)
    }
    logits, loss_logits = (
        {
            p: t
            for p, t in tensors_by_path(captured.calls, of).items()
            if p in activations
        }
        for of in (lambda call: call.logits, lambda call: call.loss_logits)
    )
    gradients = tape.gradient(
        loss,
        {
            "activation": activations,
            "logits": logits,
            "loss_logits": loss_logits,
            "weight": weights,
        },
    )

    def unscaled(parts: list[Any]) -> tf.Tensor:
        total = tf.add_n([tf.convert_to_tensor(part) for part in parts])
        if loss_scale is None:
            return total
        dtype = total.dtype if total.dtype.is_complex else tf.float32
        return tf.cast(total, dtype) / tf.cast(loss_scale, dtype)

    for path in activations:
        gradient = gradients["activation"][path]
        if gradients["loss_logits"].get(path) is not None:
            gradient = gradients["logits"][path]
            captured.gradient_notes[path] = LOGITS_NOTE
        if gradient is not None:
            captured.activation_gradients[path] = unscaled([gradient])
    for path, parts in gradients["weight"].items():
        connected = [part for part in parts if part is not None]
        if connected:
            captured.weight_gradients[path] = unscaled(connected)
