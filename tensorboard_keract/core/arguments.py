"""The arguments that functions on a model and a batch share: read and checked."""

from __future__ import annotations

from typing import Any

import keras

from tensorboard_keract.core.capture import as_tensors, check_backend


def check_model(model: Any) -> None:
    """Raises TypeError if it is no Keras 3 model, RuntimeError on another backend."""
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"model is a {type(model).__module__}.{type(model).__qualname__}; give a"
            " model of Keras 3 (keras.Model)."
        )
    check_backend()


def unwrapped(model: keras.Model, x: Any) -> Any:
    """The one array of a list, for a model that takes one array, as `fit` does."""
    graph = getattr(model, "_functional", None) or model
    takes_one = isinstance(getattr(graph, "_inputs_struct", None), keras.KerasTensor)
    is_wrapped = isinstance(x, (list, tuple)) and len(x) == 1
    return x[0] if takes_one and is_wrapped else x


def parse_x(x: Any) -> Any:
    """x as tensors.

    Raises:
      ValueError: if it holds no samples, or its parts differ in length.
      TypeError: if it can't become tensors.
    """
    tensors = tensors_of("x", x)
    sizes = batch_sizes("x", tensors)
    if not sizes or sizes == {0}:
        raise ValueError("x holds no samples.")
    if len(sizes) > 1:
        raise ValueError(f"The inputs differ in length: {sorted(sizes)} samples.")
    return tensors


def tensors_of(name: str, value: Any) -> Any:
    """An argument as tensors; an error calls it by its name."""
    try:
        return as_tensors(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} is {type(value).__name__} and can't become tensors: {error} Give"
            " arrays; of a tf.data.Dataset one batch."
        ) from error


def batch_sizes(name: str, tensors: Any) -> set[int]:
    """The lengths of the first axes."""
    sizes = set()
    for tensor in keras.tree.flatten(tensors):
        if tensor is None:
            continue
        if tensor.shape.rank == 0:
            raise ValueError(
                f"{name} holds a single number; give arrays whose first axis is the"
                " batch."
            )
        sizes.add(int(tensor.shape[0]))
    return sizes


def fixed_batch(model: keras.Model) -> int | None:
    """The number of samples that a model is made for, if it is made for one."""
    inputs = keras.tree.flatten(getattr(model, "inputs", None) or [])
    return next((t.shape[0] for t in inputs if t.shape[0] is not None), None)
