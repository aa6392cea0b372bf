"""Tensors of a graph computed apart, so that reading them leaves the rest as it is.

TensorFlow's graph optimiser rewrites what has a single reader: it reorders trees of sums
and products, and fuses a matrix product or convolution with the bias and the activation
that follow. A node that is captured has a reader more, stays as it was written, and the
step's numbers differ in the last bit from those of the plain step. So such a node is
computed once more for the one who captures it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2

_REORDERED_OPS: Final = ("Add", "AddV2", "AddN", "Sub", "Mul", "Div", "RealDiv")
_CONTRACTIONS: Final = (
    "MatMul",
    "BatchMatMulV2",
    "Conv2D",
    "Conv3D",
    "DepthwiseConv2dNative",
)
_BIAS_OPS: Final = ("BiasAdd", "Add", "AddV2")
_FUSED_READERS: Final = (
    *("Relu", "Relu6", "Elu", "LeakyRelu", "Tanh", "Sigmoid"),
    *("Add", "AddV2", "BiasAdd", "Mul"),
)
# What the optimiser takes out: these, and readers of nothing but the shape.
_PASSING_OPS: Final = ("Identity", "IdentityN")
_SHAPE_READERS: Final = ("Shape", "ShapeN", "Size", "Rank")
_LARGE_DEFINITION_BYTES: Final = 4096
# An attribute by which it does not take a copy for the same.
_MARK: Final = "_keract_apart"


class Apart:
    """Gives tensors of a complete graph to one who was not there when it was made."""

    def __init__(self, returned: Any) -> None:
        """Looks at a graph.

        Args:
          returned: the tensors, in any structure, that its function returns; what
            leads to none of them, and changes nothing, is not computed.
        """
        self._returned = {
            tensor.name
            for tensor in tf.nest.flatten(returned, expand_composites=True)
            if isinstance(tensor, tf.Tensor) and tf.is_symbolic_tensor(tensor)
        }
        self._graph: tf.Graph | None = None
        self._live: set[str] = set()
        self._values: dict[str, Hashable] = {}

    def __call__(self, tensor: tf.Tensor) -> tf.Tensor:
        """The tensor, or a copy of what computes it where that may be rewritten.

        To be called before anything else reads it. Eager tensors are themselves.
        """
        if not isinstance(tensor, tf.Tensor) or not tf.is_symbolic_tensor(tensor):
            return tensor
        self._look_at(tensor.graph)
        source = _source(tensor)
        readers = self._readers_left(source)
        if len(readers) != 1:
            return tensor
        (reader,) = readers
        if source.op.type in _REORDERED_OPS and reader.type in _REORDERED_OPS:
            return self._copy_of_tree(source)
        is_fused = reader.type in _FUSED_READERS
        return _copy_of_contraction(source) if is_fused else tensor

    def _look_at(self, graph: tf.Graph) -> None:
        """Notes, once, which operations are computed and which are the same."""
        if self._graph is graph:
            return
        self._graph = graph
        operations = graph.get_operations()  # Each after those that it reads.
        for op in operations:
            self._values[op.name] = self._value(op)
        for op in reversed(operations):
            outputs = op.outputs
            if (
                op.op_def.is_stateful
                or not outputs
                or any(output.name in self._returned for output in outputs)
                or any(r.name in self._live for o in outputs for r in o.consumers())
            ):
                self._live.add(op.name)

    def _value(self, op: tf.Operation) -> Hashable:
        """Equal for operations that compute the same."""
        if op.op_def.is_stateful or op.type == "Placeholder":
            return str(op.name)
        definition = op.node_def
        if definition.ByteSize() > _LARGE_DEFINITION_BYTES:
            return str(op.name)  # A large constant.
        inputs = (
            (self._values.get(source.op.name, source.op.name), source.value_index)
            for source in map(_source, op.inputs)
        )
        attributes = definition.attr
        return hash(
            (
                op.type,
                *((n, attributes[n].SerializeToString()) for n in sorted(attributes)),
                *inputs,
            )
        )

    def _readers_left(self, tensor: tf.Tensor) -> list[tf.Operation]:
        """The readers of a tensor, as they are when doubles and dead ends are gone.

        Nor are those counted that came after the graph was looked at.
        """
        readers = {
            self._values[reader.name]: reader
            for reader in _readers(tensor)
            if reader.type not in _SHAPE_READERS and reader.name in self._live
        }
        return list(readers.values())

    def _copy_of_tree(self, tensor: tf.Tensor) -> tf.Tensor:
        """Of the sums and products that the tensor is the root of."""
        source = _source(tensor)
        if source.op.type not in _REORDERED_OPS or len(self._readers_left(source)) != 1:
            return tensor
        inputs = [self._copy_of_tree(value) for value in source.op.inputs]
        return _copy(source.op, inputs)


def _source(tensor: tf.Tensor) -> tf.Tensor:
    """What a tensor passes on."""
    while tensor.op.type in _PASSING_OPS:
        tensor = tensor.op.inputs[tensor.value_index]
    return tensor


def _readers(tensor: tf.Tensor) -> list[tf.Operation]:
    readers = []
    for reader in tensor.consumers():
        if reader.type not in _PASSING_OPS:
            readers.append(reader)
            continue
        for place, value in enumerate(reader.inputs):
            if value.name == tensor.name:
                readers += _readers(reader.outputs[place])
    return readers


def _copy_of_contraction(tensor: tf.Tensor) -> tf.Tensor:
    """Of a matrix product or convolution, with its bias if it has one; else itself."""
    op = tensor.op
    if op.type in _CONTRACTIONS:
        return _copy(op, list(op.inputs))
    if op.type in _BIAS_OPS:
        product = _source(op.inputs[0]).op
        if product.type in _CONTRACTIONS:
            return _copy(op, [_copy(product, list(product.inputs)), *op.inputs[1:]])
    return tensor


def _copy(op: tf.Operation, inputs: list[tf.Tensor]) -> tf.Tensor:
    attributes = {name: op.node_def.attr[name] for name in op.node_def.attr}
    copied: tf.Tensor = op.graph._create_op_internal(
        op.type,
        inputs,
        [output.dtype for output in op.outputs],
        attrs=attributes | {_MARK: attr_value_pb2.AttrValue(b=True)},
    ).outputs[0]
    return copied
