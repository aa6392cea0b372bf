"""A backward pass waits for those who read its gradients, and for no one else."""

from __future__ import annotations

import tensorflow as tf

from tensorboard_keract.recording.pacing import Pacing

LAYERS = 6


def _convolutions(x):
    """Outputs of convolutions in a row, and their gradients."""
    outputs = []
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x
        for _ in range(LAYERS):
            y = tf.nn.conv2d(y, tf.ones([1, 1, 1, 1]), 1, "SAME")
            outputs.append(y)
    return outputs, tape.gradient(y, outputs)


def test_a_pass_waits_for_readers_of_its_gradients() -> None:
    waits = {}

    @tf.function
    def paced(x):
        _, gradients = _convolutions(x)
        pacing = Pacing()
        sums = [tf.reduce_sum(gradient) for gradient in gradients]
        pacing.wait_for_readers(gradients)
        for index, gradient in enumerate(gradients):
            waits[index] = {
                i
                for i, one in enumerate(sums)
                if one.op.name in {op.name for op in gradient.op.control_inputs}
            }
        return sums

    found = paced(tf.ones([1, 2, 2, 1]))
    assert [float(one) for one in found] == [4.0] * LAYERS
    # The pass goes from 4 to 0: that of the last output is constant.
    assert waits == {5: set(), 4: set(), 3: set(), 2: set(), 1: {4}, 0: {3}}


def test_a_reader_of_several_tensors_is_not_waited_for() -> None:
    def waiting(readers) -> int:
        @tf.function
        def paced(x):
            outputs, gradients = _convolutions(x)
            pacing = Pacing()
            found = readers(outputs, gradients)
            pacing.wait_for_readers([*outputs, *gradients])
            return found

        graph = paced.get_concrete_function(tf.TensorSpec([1, 2, 2, 1])).graph
        return sum(
            len(op.control_inputs)
            for op in graph.get_operations()
            if "Backprop" in op.type
        )

    assert waiting(lambda outputs, gradients: tf.exp(outputs[0])) == 1
    assert waiting(lambda outputs, gradients: outputs[0] + gradients[0]) == 0
    assert waiting(lambda outputs, gradients: tf.reshape(outputs[0], [-1])) == 0


def test_without_a_graph_nothing_waits() -> None:
    outputs, gradients = _convolutions(tf.ones([1, 2, 2, 1]))
    Pacing().wait_for_readers([*outputs, *gradients])
