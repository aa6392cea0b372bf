"""How a model is called so that it stays as it is.

Keras keeps state in a model beside its variables: losses that layers add, whether
losses and layers are built, functions as they were traced first. Here is what a pass
does about each.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Hashable, Iterator
from typing import Any

import keras
import tensorflow as tf
from keras.src import backend

from tensorboard_keract.core.trace import tracing

_locks: weakref.WeakKeyDictionary[keras.Model, Any] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def lock_of(model: keras.Model) -> contextlib.AbstractContextManager[Any]:
    """For one thread at a time to call a model's Python."""
    with _lock:
        lock: contextlib.AbstractContextManager[Any] = _locks.setdefault(
            model, threading.RLock()
        )
        return lock


class ModelScope(keras.StatelessScope):
    """Keeps from the model what a call assigns, and tells the tape of it.

    To the tape a weight that was assigned is the weight, as it is when the assignment
    is for real: what its new value was computed from has no part in its gradient.
    """

    def __init__(self, model: keras.Model, tape: tf.GradientTape, loss: Any) -> None:
        """Starts with the model's state, and with that of a loss built for it."""
        means = [v for mean in getattr(loss, "metrics", ()) for v in mean.variables]
        super().__init__(
            [
                *((v, v.value) for v in model.non_trainable_variables),
                *((v, tf.zeros(v.shape, v.dtype)) for v in means),
            ],
            collect_losses=True,
        )
        for variable in model.trainable_variables:
            # The variable itself: gradients that a layer defines don't reach a tensor
            # that was read from it outside.
            self.state_mapping[id(variable)] = variable.value
        self._tape = tape
        self._assigned: dict[int, list[tf.Tensor]] = {}

    def add_update(self, update: tuple[keras.Variable, Any]) -> None:
        variable, value = update
        value = tf.stop_gradient(tf.convert_to_tensor(value))
        if variable.trainable and has_gradient(value):
            self._tape.watch(value)
            self._assigned.setdefault(id(variable), []).append(value)
        super().add_update((variable, value))

    def values_of(self, variable: keras.Variable) -> list[Any]:
        """What stood for a variable: itself, then the values that it was assigned."""
        return [variable.value, *self._assigned.get(id(variable), [])]


_called: weakref.WeakKeyDictionary[keras.Model, set[Hashable]] = (
    weakref.WeakKeyDictionary()
)


def build(model: keras.Model, x: Any, training: bool = False) -> None:
    """Builds what is not yet built of a model, by a symbolic call on x.

    Only a model that runs eagerly and can't be called so is called for real.
    """
    with lock_of(model), losses_kept(model):
        called = _called.setdefault(model, set())
        how = training, str(keras.tree.map_structure(lambda _: None, x))
        if model.built and (
            # A layer may stay as it is because it is never called.
            how in called or all(layer.built for layer in model._flatten_layers())
        ):
            return
        called.add(how)
        _call_symbolically(model, x, training)


@contextlib.contextmanager
def losses_kept(model: keras.Model) -> Iterator[None]:
    """Puts back what an earlier call of the model has left in `losses`."""
    before = [
        (layer, list(layer._losses), set(layer._loss_ids))
        for layer in model._flatten_layers(include_self=True)
    ]
    try:
        yield
    finally:
        for layer, losses, ids in before:
            layer._losses[:] = losses
            layer._loss_ids.clear()
            layer._loss_ids.update(ids)


def call_model(model: keras.Model, x: Any, training: bool) -> Any:
    takes_training = getattr(model, "_call_has_training_arg", True)
    return model(x, training=training) if takes_training else model(x)


def built_loss(model: keras.Model, x: Any, y: Any) -> Any:
    """A copy of `compile`'s loss, built for a batch; None if `fit` has built that.

    A copy, because building gives a model with several outputs further metrics.
    """
    compile_loss = getattr(model, "_compile_loss", None)
    if compile_loss is None or compile_loss.built:
        return None
    copy = type(compile_loss)(
        compile_loss._user_loss,
        compile_loss._user_loss_weights,
        reduction=compile_loss.reduction,
        output_names=compile_loss.output_names,
    )
    with losses_kept(model):
        y_pred = _call_symbolically(model, x)
    # By a call, which brings y into the structure of the outputs.
    y, y_pred = keras.tree.map_structure(_symbolic, (y, y_pred))
    backend.compute_output_spec(copy, y, y_pred)
    return copy


def _call_symbolically(model: keras.Model, x: Any, training: bool = False) -> Any:
    """Shapes and types of the outputs. Only a model that runs eagerly may need x."""
    symbolic = keras.tree.map_structure(_symbolic, x)
    # Traced only so that functions in the model run in this call: one of its own would
    # be kept as it was for symbols, without variables.
    with tracing(model, {}):
        try:
            return backend.compute_output_spec(call_model, model, symbolic, training)
        except Exception:
            if not getattr(model, "run_eagerly", False):
                raise
            with keras.StatelessScope():
                return call_model(model, x, training)


@contextlib.contextmanager
def compile_loss_replaced(model: keras.Model, built: Any) -> Iterator[None]:
    """While the model's own loss is not built, another does its work."""
    own = getattr(model, "_compile_loss", None)
    if built is None or own is None or own.built:
        yield
        return
    # Past Keras' tracking of attributes: the model is to be as it was.
    object.__setattr__(model, "_compile_loss", built)
    try:
        yield
    finally:
        object.__setattr__(model, "_compile_loss", own)


def _symbolic(tensor: Any) -> Any:
    if isinstance(tensor, (tf.Tensor, tf.SparseTensor)):
        sparse = isinstance(tensor, tf.SparseTensor)
        return keras.KerasTensor(tensor.shape, tensor.dtype.name, sparse=sparse)
    return tensor


def has_gradient(tensor: tf.Tensor) -> bool:
    return bool(tensor.dtype.is_floating or tensor.dtype.is_complex)
