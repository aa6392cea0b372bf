"""Sums and collections over the replicas of a distribution strategy.

To be called outside of the replicas, with what `strategy.run` returned.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def summed(strategy: tf.distribute.Strategy, value: Any) -> tf.Tensor:
    """The sum over all replicas, those of other workers included."""
    local = strategy.experimental_local_results(value)
    if len(local) < strategy.num_replicas_in_sync:
        return strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
    # No collective of its own: TensorFlow numbers those of a process by their order.
    return tf.add_n(local)


def stacked(strategy: tf.distribute.Strategy, value: Any) -> tf.Tensor:
    """[replica, ...], the tensors of all replicas.

    Args:
      strategy: that ran on the replicas.
      value: [1, ...] on each.
    """
    local = strategy.experimental_local_results(value)
    if len(local) < strategy.num_replicas_in_sync:
        return strategy.gather(value, axis=0)
    return tf.concat(local, axis=0)
