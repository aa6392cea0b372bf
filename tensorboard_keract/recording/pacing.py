"""Keeps a backward pass from running ahead of those who read its gradients.

TensorFlow runs what is ready in any order. A pass that went on to its end before its
gradients were reduced would hold all of them at once, which is as much memory as all
activations; without readers each is freed as soon as the next is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import tensorflow as tf

# So many convolutions further a reader has to be done.
_LEAD: Final = 2


class Pacing:
    """Knows a graph as it was when its passes were complete and nothing read them.

    What waits are gradients of the inputs of convolutions: on a CPU no graph optimiser
    fuses them with others, so a step's numbers stay what they are. Models without
    convolutions have small tensors.
    """

    def __init__(self) -> None:
        """Looks at the graph that is being built; there is nothing to do without one."""
        self._gradients: list[tf.Operation] = []
        # Of each operation, the index of the last of these that it is or depends on.
        self._last: dict[str, int] = {}
        self._graph = None if tf.executing_eagerly() else _current_graph()
        if self._graph is None:
            return
        for op in self._graph.get_operations():
            self._look_at(op)

    def _look_at(self, op: tf.Operation) -> int:
        """The index of the last gradient that an operation is or depends on."""
        if op.name not in self._last:
            # Mostly looked at before; a loop may read what was made after it.
            sources = [*(source.op for source in op.inputs), *op.control_inputs]
            last = max(map(self._look_at, sources), default=-1)
            if "BackpropInput" in op.type:
                last = max(last, len(self._gradients))
                self._gradients.append(op)
            self._last[op.name] = last
        return self._last[op.name]

    def wait_for_readers(self, tensors: Iterable[tf.Tensor]) -> None:
        """Makes the pass wait for those that read one of these tensors and no other.

        What waits comes after all that a reader depends on, so there is no circle.
        """
        for tensor in tensors:
            if not tf.is_symbolic_tensor(tensor) or tensor.graph is not self._graph:
                continue
            waiting = self._last[tensor.op.name] + 1 + _LEAD
            for reader in tensor.consumers():
                is_new = reader.name not in self._last
                if is_new and waiting < len(self._gradients) and _reads_only(reader):
                    self._gradients[waiting]._add_control_input(reader)


def _current_graph() -> tf.Graph:
    return tf.compat.v1.get_default_graph()


def _reads_only(reader: tf.Operation) -> bool:
    """Whether it reads one tensor, and is done with it when it is done."""
    sources = {source.name for source in reader.inputs if source.op.type != "Const"}
    return len(sources) == 1 and reader.type != "Reshape"
