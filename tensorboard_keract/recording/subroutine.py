"""Parts of a compiled function that it calls for many tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

_Function = TypeVar("_Function", bound=Callable[..., Any])


def subroutine(*signature: tf.TensorSpec) -> Callable[[_Function], _Function]:
    """Compiles a function once and calls it for each tensor, not inlined.

    A model has hundreds of tensors, and it is the number of ops that makes the first
    pass slow. Give it no constant for an argument, and read all of its results: for
    each call that has one, or does not, TensorFlow makes a copy of the function.
    """
    compile_function: Callable[[_Function], _Function] = tf.function(
        input_signature=signature,
        autograph=False,
        experimental_attributes={"_noinline": True},
    )
    return compile_function
