"""Where images go in a model's input, and what the other inputs are meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract.core.model_layout import named_inputs

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Canvas:
    """The input that is optimised.

    Attributes:
      name: of the input.
      shape: of one image.
      dtype: that the model takes.
      seeds: [1 or image, *shape], where images begin; None for noise.
      fixed: the other inputs in the structure's order, each [1 or image, …].
      structure: of the model's input: anything in each place.
      place: of the optimised input among the structure's leaves.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    seeds: Array | None
    fixed: tuple[Array, ...]
    structure: Any
    place: int

    @property
    def signature(self) -> tuple[Any, ...]:
        """Equal for canvases that a compiled step can't tell apart."""
        fixed = [(values.shape[1:], values.dtype.name) for values in self.fixed]
        return self.name, self.shape, self.dtype, tuple(fixed), str(self.structure)

    def packed(self, images: tf.Tensor, fixed: Sequence[tf.Tensor]) -> Any:
        """What the model is called with."""
        leaves = list(fixed)
        leaves.insert(self.place, tf.cast(images, self.dtype))
        return keras.tree.pack_sequence_as(self.structure, leaves)

    def sample(self) -> Any:
        """What the model is called with for one image, of zeros."""
        fixed = [tf.constant(values[:1]) for values in self.fixed]
        return self.packed(tf.zeros([1, *self.shape]), fixed)


def parse_canvas(
    model: keras.Model,
    seed_input: Any,
    name: str | None,
    input_shape: Sequence[int] | None,
) -> Canvas:
    """Reads what `minimize` says of `seed_input`, `input` and `input_shape`.

    Raises:
      ValueError: if it is not known which input is optimised, or its shape; if inputs
        are missing, or of other shapes than the model takes.
      TypeError: if the input holds whole numbers.
    """
    declared = _declared(model)
    seed_input = getattr(seed_input, "images", seed_input)
    if seed_input is None and len(declared) > 1:
        listed = ", ".join(f'"{key}": …' for key in declared)
        raise ValueError(
            f"The model has {len(declared)} inputs. Give seed_input={{{listed}}} with"
            " None for the one that is optimised from noise, and arrays for the others,"
            " one sample or one for each image."
        )
    leaves = keras.tree.flatten(seed_input)
    structure = keras.tree.pack_sequence_as(seed_input, list(range(len(leaves))))
    by_name = _places(model, structure)
    if name is None:
        noise = [i for i, leaf in enumerate(leaves) if leaf is None]
        place = noise[0] if noise else 0
        name = next(key for key, i in by_name.items() if i == place)
    if name not in by_name:
        raise ValueError(
            f"The model has no input {name!r}; it has: {', '.join(by_name)}."
        )
    place = by_name[name]
    given: list[Array | None] = [
        None if leaf is None else np.asarray(leaf) for leaf in leaves
    ]
    missing = [k for k, i in by_name.items() if given[i] is None and i != place]
    if missing:
        raise ValueError(
            f"seed_input has nothing for {', '.join(missing)}: only {name} is optimised;"
            " give arrays for the other inputs."
        )
    spec = declared.get(name)
    dtype = keras.config.floatx() if spec is None else str(spec.dtype)
    if "float" not in dtype:
        raise TypeError(
            f"The input {name!r} holds whole numbers ({dtype}), which can't be changed a"
            " little. Feature visualisation needs floating inputs, such as images."
        )
    seeds = given.pop(place)
    return Canvas(
        name=name,
        shape=_shape(name, spec, seeds, input_shape),
        dtype=dtype,
        seeds=None if seeds is None else seeds.astype(np.float32),
        fixed=tuple(_narrowed(values) for values in given if values is not None),
        structure=structure,
        place=place,
    )


def _declared(model: keras.Model) -> dict[str, Any]:
    symbolic = keras.tree.flatten(getattr(model, "inputs", None) or [])
    return dict(zip(_names(model, list(range(len(symbolic)))), symbolic, strict=True))


def _places(model: keras.Model, structure: Any) -> dict[str, int]:
    """The leaves of a structure of their own numbers, by input name."""
    markers = keras.tree.map_structure(lambda _: tf.zeros(()), structure)
    flat = keras.tree.flatten(markers)
    return {
        name: next(i for i, other in enumerate(flat) if other is marker)
        for name, marker in named_inputs(model, markers).items()
    }


def _names(model: keras.Model, structure: Any) -> list[str]:
    return list(_places(model, structure))


def _shape(
    name: str, spec: Any, seeds: Array | None, input_shape: Sequence[int] | None
) -> tuple[int, ...]:
    declared = None if spec is None else tuple(spec.shape[1:])
    wanted = None if input_shape is None else tuple(map(int, input_shape))
    if seeds is not None:
        wanted = seeds.shape[1:]
    if wanted is None and (declared is None or None in declared):
        size = (
            "no known" if declared is None else f"no fixed size {declared}; it has no"
        )
        raise ValueError(
            f"The input {name!r} has {size} shape. Give input_shape, of one image, such"
            " as (128, 128, 3)."
        )
    if declared is None or wanted is None:
        shape = wanted or declared
        assert shape is not None
        return shape
    fits = len(wanted) == len(declared) and all(
        size in (None, given) for size, given in zip(declared, wanted, strict=True)
    )
    if not fits:
        what = "input_shape is" if seeds is None else "seed_input has images"
        raise ValueError(
            f"{what} {wanted}, and the input {name!r} takes {declared}. Images have the"
            " batch axis first."
        )
    return wanted


def _narrowed(values: Array) -> Array:
    return values.astype(np.float32) if values.dtype == np.float64 else values
