"""Where a functional model computes a Keras tensor: keract's `nodes_to_evaluate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import tensorflow as tf


class Node(NamedTuple):
    """One of `nodes_to_evaluate`.

    Attributes:
      path: of the layer call, the input or the variable.
      output: which of the call's outputs.
      value: of a variable.
    """

    path: str
    output: int = 0
    value: tf.Tensor | None = None


def parse_nodes(model: keras.Model, nodes_to_evaluate: Any) -> list[Node]:
    """Where the model computes each of some Keras tensors; the values of variables.

    Raises:
      ValueError: if there are none, or one is not of the model, or is computed by
        several calls.
      TypeError: if one is neither a Keras tensor nor a variable.
    """
    if isinstance(nodes_to_evaluate, (keras.KerasTensor, keras.Variable)):
        nodes_to_evaluate = [nodes_to_evaluate]
    nodes = [_parse_node(model, node) for node in nodes_to_evaluate]
    if not nodes:
        raise ValueError(
            "nodes_to_evaluate is empty. Give Keras tensors of the model, such as"
            " model.layers[0].output, or leave it out for all layers."
        )
    return nodes


def _parse_node(model: keras.Model, node: Any) -> Node:
    if isinstance(node, keras.Variable):
        if not any(variable is node for variable in model.variables):
            raise ValueError(f"The variable {node.path!r} is not one of this model.")
        return Node(str(node.path), value=tf.convert_to_tensor(node.value))
    if not isinstance(node, keras.KerasTensor):
        raise TypeError(
            f"A node is a Keras tensor, such as layer.output, or a variable; got"
            f" {node!r}. Give layers and their names as layer_names."
        )
    found = list(_places(model, node, ""))
    if len(found) != 1:
        raise ValueError(
            f"The Keras tensor {node.name!r} is computed by {len(found)} calls of this"
            f" model: {', '.join(place.path for place in found)}. Name one in"
            " layer_names."
            if found
            else f"The Keras tensor {node.name!r} is not one that this model computes."
        )
    return found[0]


def _places(
    model: keras.Model, tensor: keras.KerasTensor, above: str
) -> Iterator[Node]:
    """Where in a functional model, and the models in it, a Keras tensor is computed.

    Walks the nodes in the order in which a call computes them, and so names them as
    `trace` does.
    """
    graph = getattr(model, "_functional", None) or model
    by_depth = getattr(graph, "_nodes_by_depth", {})
    nodes = [n for depth in sorted(by_depth, reverse=True) for n in by_depth[depth]]
    calls = Counter(node.operation.name for node in nodes)
    seen: Counter[str] = Counter()
    for node in nodes:
        name = str(node.operation.name)
        label = name if calls[name] == 1 else f"{name}@{seen[name]}"
        seen[name] += 1
        path = above + label
        for i, output in enumerate(node.outputs):
            if output is tensor and not (node.is_input and above):
                yield Node(path, i)
        if isinstance(node.operation, keras.Model):
            yield from _places(node.operation, tensor, f"{path}/")
