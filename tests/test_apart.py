"""Which captured tensors are computed apart, so that the rest is optimised as ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import tensorflow as tf

from tensorboard_keract.core.apart import Apart


def _read_apart(
    graph: Callable[[tf.Tensor], tuple[tf.Tensor, Sequence[tf.Tensor]]],
) -> bool:
    """Whether the tensor that is captured, the first, is copied; its value is the same."""
    found: list[bool] = []

    @tf.function(autograph=False)
    def function(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, Sequence[tf.Tensor]]:
        captured, returned = graph(x)
        copy = Apart(returned)(captured)
        found.append(copy is not captured)
        return copy, captured, returned

    copy, captured, _ = function(tf.constant([[1.0, -2.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(copy, captured)
    return found[0]


def test_a_product_in_a_product_is_copied() -> None:
    assert _read_apart(lambda x: ((y := x * 2.0), [y * 3.0]))
    assert _read_apart(lambda x: ((y := x * 2.0), [tf.identity(y) + 3.0]))


def test_what_the_optimiser_leaves_is_itself() -> None:
    assert not _read_apart(lambda x: ((y := tf.nn.relu(x)), [y * 3.0]))
    assert not _read_apart(lambda x: ((y := x * 2.0), [tf.nn.relu(y)]))
    assert not _read_apart(lambda x: ((y := x * 2.0), [y]))


def test_with_a_second_reader_it_is_itself() -> None:
    assert not _read_apart(lambda x: ((y := x * 2.0), [y * 3.0, tf.nn.relu(y)]))


@pytest.mark.parametrize(
    "second",
    [
        lambda y: [y * 3.0],  # The same once more.
        lambda y: [tf.shape(y)],
        lambda y: [tf.nn.relu(y)][1:],  # Leads nowhere.
    ],
    ids=["double", "shape", "dead end"],
)
def test_readers_that_go_are_not_counted(
    second: Callable[[tf.Tensor], list[tf.Tensor]],
) -> None:
    assert _read_apart(lambda x: ((y := x * 2.0), [y * 3.0, *second(y)]))


def test_a_linear_layer_before_an_activation_is_copied() -> None:
    weights = tf.ones([2, 3])
    assert _read_apart(
        lambda x: ((y := tf.nn.bias_add(x @ weights, tf.ones(3))), [tf.nn.tanh(y)])
    )
    assert _read_apart(lambda x: ((y := x @ weights), [tf.nn.relu(y)]))
    assert not _read_apart(lambda x: ((y := x @ weights), [tf.nn.softmax(y)]))


def test_the_whole_tree_is_copied() -> None:
    assert _read_apart(lambda x: ((y := (x * 2.0 + 1.0) * 5.0), [y * 3.0]))


def test_an_eager_tensor_is_itself() -> None:
    x = tf.constant(1.0)
    assert Apart(())(x) is x
