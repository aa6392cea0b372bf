"""Saved models from files: found, put in the order of their steps, and loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import keras

from tensorboard_keract.recording.given_files import MODEL_SUFFIXES, RefusedError

_MISSING: Final = re.compile(
    r"Could not locate (?:class|function|object) '(\w+)'|Unknown layer: '?(\w+)"
)


class Checkpoint(NamedTuple):
    """A file with a model, and the step that it was saved at."""

    path: Path
    step: int


def checkpoints(paths: Sequence[Path], steps: Sequence[int]) -> list[Checkpoint]:
    """The files in the order of their steps.

    Args:
      paths: one or several.
      steps: one for each file. Where there are none, they are the last numbers in the
        names of the files, if each has another one; else files are numbered from 0.

    Raises:
      RefusedError: if steps are not one for each file, each another one from 0 up.
    """
    if steps:
        if len(steps) != len(paths):
            raise RefusedError(
                f"There are {len(steps)} steps for {len(paths)} models; give one for"
                " each."
            )
        if len(set(steps)) < len(steps) or min(steps) < 0:
            raise RefusedError("Each model needs a step of its own, 0 or more.")
    else:
        named = [re.findall(r"\d+", path.stem) for path in paths]
        numbers = [int(found[-1]) for found in named if found]
        are_steps = len(paths) > 1 and len(set(numbers)) == len(paths)
        steps = numbers if are_steps else range(len(paths))
    found = [Checkpoint(path, step) for path, step in zip(paths, steps, strict=True)]
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def load_model(path: Path, *, compiled: bool, safe: bool) -> keras.Model:
    """A model of Keras 3, or an older one in HDF5, from its file.

    Args:
      path: of the file.
      compiled: whether its loss is needed.
      safe: whether code in the file is refused, as in lambdas.

    Raises:
      RefusedError: if it is no such file, or can't be loaded.
    """
    if path.is_dir():
        raise RefusedError(_directory_refused(path))
    if not path.exists():
        raise RefusedError(f"There is no file {path}.")
    if path.name.endswith(".weights.h5"):
        raise RefusedError(
            f"{path} holds weights alone, without the layers that they belong to. Save"
            " the model: model.save('model.keras')."
        )
    if path.suffix not in MODEL_SUFFIXES:
        raise RefusedError(
            f"{path} is no saved model by its name; they end in {', '.join(MODEL_SUFFIXES)}."
        )
    try:
        model = keras.models.load_model(path, compile=compiled, safe_mode=safe)
    except Exception as error:  # Layers are users' code: it can be anything.
        raise RefusedError(_load_refused(path, error)) from error
    if not isinstance(model, keras.Model):
        raise RefusedError(
            f"{path} holds a {type(model).__name__}, which is no keras.Model."
        )
    if not model.built:
        raise RefusedError(
            f"{path} was saved before its model was built: it holds no weights. Begin"
            " the model with an Input, or call it on data, before it is saved."
        )
    return model


def take_weights(model: keras.Model, path: Path, other: keras.Model) -> None:
    """Gives a model the weights of another that has the same.

    Raises:
      RefusedError: if the other, from this file, has other weights.
    """
    mine, others = (
        list(_shapes(weights)) for weights in (model.weights, other.weights)
    )
    if mine != others:
        differing = [
            f"{a} and {b}" for a, b in zip(mine, others, strict=False) if a != b
        ]
        what = f"{len(mine)} and {len(others)} weights"
        raise RefusedError(
            f"{path} is not the same model with other weights:"
            f" {differing[0] if differing else what}. A run is of one model; record the"
            " other with a --logdir of its own."
        )
    model.set_weights(other.get_weights())


def _shapes(weights: Iterable[Any]) -> Iterator[str]:
    for weight in weights:
        yield f"{weight.name} {tuple(weight.shape)}"


def _directory_refused(path: Path) -> str:
    if (path / "saved_model.pb").exists() or (path / "keras_metadata.pb").exists():
        return (
            f"{path} is a TensorFlow SavedModel. Keras 3 can call one"
            " (keras.layers.TFSMLayer), but not see its layers, so there is nothing to"
            " record. Load it with the Keras that saved it, and save it as a Keras"
            " file: in Keras 2, or with `pip install tf_keras`,"
            f" tf_keras.models.load_model({str(path)!r}).save('model.h5')."
        )
    return (
        f"{path} is a directory. Name the models in it, such as"
        f" '{path}/*.keras', of which each becomes a step."
    )


def _load_refused(path: Path, error: Exception) -> str:
    message = str(error)
    missing = _MISSING.search(message)
    if missing:
        name = missing.group(1) or missing.group(2)
        return (
            f"{path} needs {name!r}, which is not of Keras. Say which Python module"
            " defines it, --import MODULE; it is to be decorated with"
            " @keras.saving.register_keras_serializable()."
        )
    if "safe_mode" in message or "unsafe" in message.lower():
        return (
            f"{path} holds Python code, as of a Lambda layer, which is not run from a"
            " file. If you trust the file, allow it: --unsafe."
        )
    first = message.strip().partition("\n")[0]
    return f"{path} can't be loaded as a Keras model. {type(error).__name__}: {first}"
