"""Parts of a compiled function that it calls for many tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def subroutine(*signature: tf.TensorSpec) -> Callable[..., Any]:
    """Compiles a function once and calls it for each tensor, not inlined.

    A model has hundreds of tensors, and it is the number of ops that makes the first
    pass slow.
    """
    compiled: Callable[..., Any] = tf.function(
        input_signature=signature,
        autograph=False,
        experimental_attributes={"_noinline": True},
    )
    return compiled
