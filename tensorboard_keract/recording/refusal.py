"""What is said where a model, its loss or a selection of layers refuses what it is given."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import keras

from tensorboard_keract.core.capture import Loss


class SelectionRefusedError(Exception):
    """Carries what is wrong with the selected layers past `explaining_refusal`."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextlib.contextmanager
def explaining_refusal(
    model: keras.Model,
    what: Callable[[], str],
    advice: str,
    error_type: type[ValueError],
) -> Iterator[None]:
    """Turns what the model or its loss raises into an error that says what was given.

    Args:
      model: that may refuse it.
      what: describes what it is given, for the sentence "refuses …".
      advice: a sentence, what would do.
      error_type: of the error.
    """
    try:
        yield
    except SelectionRefusedError as refused:
        raise refused.cause from None
    except Exception as error:  # Layers and losses are users' code: it can be anything.
        expected = getattr(model, "input_shape", None)
        wanted = f" It takes inputs of shape {expected}." if expected else ""
        raise error_type(
            f"The model or its loss refuses {what()}.{wanted} {advice} The cause: {error}"
        ) from error


def check_loss(model: keras.Model, loss: Loss | None) -> None:
    """Raises ValueError where there is no loss to take gradients of."""
    if loss is None and not getattr(model, "compiled", False):
        raise ValueError(
            "Gradients need a loss, and this model is not compiled. Call"
            " model.compile(optimizer, loss), or pass loss=function(y, y_pred), or"
            ' record without gradients: kinds=("activation", "weight").'
        )
