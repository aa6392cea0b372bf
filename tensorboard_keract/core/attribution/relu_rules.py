"""Rules by which ReLUs hand back gradients, in a traced graph alone.

The model is as it was, and ReLUs in the user's own `call` follow, too.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Final

import tensorflow as tf


@contextlib.contextmanager
def relu_rule(rule: str) -> Iterator[None]:
    """Has the ReLUs that are traced meanwhile hand back gradients by a rule.

    Args:
      rule: "plain", as they are; "guided", nothing where the input or the gradient
        handed to them is below zero; "deconvnet", the positive part of that gradient.

    Raises:
      ValueError: in eager execution, which has no graph.
    """
    if rule == "plain":
        yield
        return
    if tf.executing_eagerly():
        raise ValueError(
            f"The {rule} rule replaces gradients in a compiled graph, and this model"
            " runs eagerly. Compile it without run_eagerly=True."
        )
    graph = tf.compat.v1.get_default_graph()
    before = len(graph.get_operations())
    names = {op: f"Keract_{rule}_{op}" for op in _RELU_GRADIENTS}
    with graph.gradient_override_map(names):
        yield
    if not any(op.type in names for op in graph.get_operations()[before:]):
        warnings.warn(
            f"No ReLU was found in the model, so the {rule} rule changes nothing: these"
            " are plain gradients.",
            UserWarning,
            stacklevel=2,
        )


_RELU_GRADIENTS: Final[dict[str, Callable[[tf.Operation, tf.Tensor], tf.Tensor]]] = {
    "Relu": lambda op, grad: tf.raw_ops.ReluGrad(
        gradients=grad, features=op.outputs[0]
    ),
    "Relu6": lambda op, grad: tf.raw_ops.Relu6Grad(
        gradients=grad, features=op.outputs[0]
    ),
}


def _guided(op: tf.Operation, grad: tf.Tensor) -> tf.Tensor:
    return _RELU_GRADIENTS[op.type](op, tf.nn.relu(grad))


def _deconvnet(op: tf.Operation, grad: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(grad)


for _rule, _gradient in (("guided", _guided), ("deconvnet", _deconvnet)):
    for _op in _RELU_GRADIENTS:
        tf.RegisterGradient(f"Keract_{_rule}_{_op}")(_gradient)
