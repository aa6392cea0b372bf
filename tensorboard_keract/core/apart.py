"""Tensors of a graph computed apart, so that reading them leaves the rest as it is.

TensorFlow's graph optimiser rewrites what has a single reader: it reorders trees of sums
and products, and fuses a matrix product or convolution with the bias and the activation
that follow. A node that is captured has a reader more, stays as it was written, and the
step's numbers differ in the last bit from those of the plain step. So such a node is
computed once more for the one who captures it.
"""

from __future__ import annotations

from typing import Final

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
# The optimiser takes these operations out.
_PASSING_OPS: Final = ("Identity", "IdentityN")
# An attribute by which it does not take a copy for the same.
_MARK: Final = "_keract_apart"


def apart(tensor: tf.Tensor) -> tf.Tensor:
    """The tensor, or a copy of what computes it where an optimiser may rewrite that.

    To be called when the rest of the graph is complete, and before the result is read.
    Eager tensors are themselves.
    """
    if not isinstance(tensor, tf.Tensor) or not tf.is_symbolic_tensor(tensor):
        return tensor
    source = _source(tensor)
    readers = _readers(source)
    if len(readers) != 1:
        return tensor
    if source.op.type in _REORDERED_OPS and readers[0].type in _REORDERED_OPS:
        return _copy_of_tree(source)
    is_fused = readers[0].type in _FUSED_READERS
    return _copy_of_contraction(source) if is_fused else tensor


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


def _copy_of_tree(tensor: tf.Tensor) -> tf.Tensor:
    """Of the sums and products that the tensor is the root of."""
    source = _source(tensor)
    if source.op.type not in _REORDERED_OPS or len(_readers(source)) != 1:
        return tensor
    return _copy(source.op, [_copy_of_tree(value) for value in source.op.inputs])


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
