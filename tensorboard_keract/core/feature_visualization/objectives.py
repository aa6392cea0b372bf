"""What images are optimised for: terms of the energy that look at activations.

An **objective** is called with what the model makes of the images, a `Seen`, and gives a
loss for each image, [image], which is to fall. Any function does:

```python
def contrast(seen):
    return -tf.math.reduce_std(seen.activation("conv1"), axis=(1, 2, 3))
```

The step is compiled once for a function. Where numbers are to change without compiling
anew, derive a frozen dataclass from `Objective`: its fields of the kind
`field(compare=False, metadata=per_image(rank))` are arrays, which `seen.arrays` has as
tensors, [image, …] or [1, …] for the same of all.

Activations are A [image, …, channel]; means over places are over all axes between.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract.core.call_selection import CallSelection
from tensorboard_keract.core.feature_visualization.seen import Seen

_Self = TypeVar("_Self", bound="Objective")


# Of gradients where a ReLU gives 0; see `Seen.activation`.
_LEAK: Final = 0.1

# Of arrays that have the images first in any case.
_RANK_AS_GIVEN: Final = -1


def per_image(rank: int) -> dict[str, int]:
    """The metadata of a field of an `Objective` that is an array.

    Args:
      rank: how many axes it has for one image. An array with so many axes is the same
        for all images; one with one more has the images first.
    """
    return {"rank": rank}


@dataclass(frozen=True)
class Objective:
    """An objective whose arrays may change from run to run. Equal ones share a step.

    Attributes:
      is_scored: whether its loss is part of the scores in a result.
    """

    is_scored: ClassVar[bool] = True

    def __call__(self, seen: Seen) -> tf.Tensor:
        """The loss of each image, floating [image]."""
        raise NotImplementedError

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Its arrays, [image, …] or [1, …], int32 or float32.

        Raises:
          ValueError: if one has another number of axes than it should.
        """
        return {
            f.name: _with_images(f.name, getattr(self, f.name), f.metadata["rank"])
            for f in self._array_fields()
        }

    def bare(self: _Self) -> _Self:
        """The same without its arrays."""
        names = [f.name for f in self._array_fields()]
        return dataclasses.replace(self, **dict.fromkeys(names))

    def _array_fields(self) -> list[dataclasses.Field[Any]]:
        return [f for f in dataclasses.fields(self) if "rank" in f.metadata]


@dataclass(frozen=True)
class _AtLayer(Objective):
    layer: Any

    def __post_init__(self) -> None:
        # Of layers and functions only a weak reference: steps are kept by objective.
        if not isinstance(self.layer, CallSelection):
            selection = CallSelection.of([self.layer], (), nested=False)
            object.__setattr__(self, "layer", selection)


@dataclass(frozen=True)
class Layer(_AtLayer):
    """−mean of A: all of a layer."""

    def __call__(self, seen: Seen) -> tf.Tensor:
        return -_mean(seen.activation(self.layer, leak=_LEAK))


@dataclass(frozen=True)
class Channel(_AtLayer):
    """−mean over places of one channel of A. Erhan et al. 2009.

    Of a layer that ends in a softmax or sigmoid, A are the values before it.

    Attributes:
      channels: int, for all images, or [image].
      use_logits: False takes the softmax or sigmoid as it is.
    """

    channels: Any = field(compare=False, metadata=per_image(0))
    use_logits: bool = True

    def __call__(self, seen: Seen) -> tf.Tensor:
        values = seen.activation(self.layer, self.use_logits, _LEAK)
        return -_chosen(seen, _mean_over_places(values), "channels", seen.paths[-1])


@dataclass(frozen=True)
class Neuron(_AtLayer):
    """−A at one place.

    Attributes:
      positions: int [axes] for all images, or [image, axes]: of all axes of A but the
        first, (row, column, channel).
    """

    positions: Any = field(compare=False, metadata=per_image(1))

    def __call__(self, seen: Seen) -> tf.Tensor:
        values = seen.activation(self.layer, leak=_LEAK)
        positions = seen.arrays["positions"]
        axes = values.shape.rank - 1
        if positions.shape[-1] != axes:
            raise ValueError(
                f"A position in {seen.paths[-1]} has {axes} numbers, as the layer gives"
                f" {tuple(values.shape)}; {positions.shape[-1]} were given."
            )
        sizes = tf.shape(values)[1:]
        for axis, size in enumerate(values.shape[1:]):
            if size is not None:
                where = f"{seen.paths[-1]} has along axis {axis + 1} the places"
                seen.require_below("positions", size, where, axis)
        positions = tf.broadcast_to(positions, [tf.shape(values)[0], axes])
        places = tf.minimum(positions, sizes - 1)
        return -tf.gather_nd(values, places, batch_dims=1)


@dataclass(frozen=True)
class Direction(_AtLayer):
    """−mean over places of A · v, times the cosine between them to a power.

    Olah et al. 2017, https://distill.pub/2017/feature-visualization: the cosine keeps
    images from growing along v while they grow more along others.

    Attributes:
      vectors: float [channel] for all images, or [image, channel].
      cosine_power: 0 is the dot product alone.
    """

    vectors: Any = field(compare=False, metadata=per_image(1))
    cosine_power: float = 0.0

    def __call__(self, seen: Seen) -> tf.Tensor:
        values = seen.activation(self.layer, leak=_LEAK)
        vectors = tf.cast(seen.arrays["vectors"], tf.float32)
        channels = values.shape[-1]
        if vectors.shape[-1] != channels:
            raise ValueError(
                f"{seen.paths[-1]} has {channels} channels; a direction in it is as many"
                f" numbers, not {vectors.shape[-1]}."
            )
        vectors = tf.broadcast_to(vectors, [tf.shape(values)[0], channels])
        for _ in range(values.shape.rank - 2):
            vectors = tf.expand_dims(vectors, 1)
        return -_mean_over_places(
            _dot_x_cosine(values, vectors, self.cosine_power)[..., tf.newaxis]
        )[:, 0]


@dataclass(frozen=True)
class ClassScore(Objective):
    """−the score of a class: of its logit where the model ends in a softmax or sigmoid.

    Simonyan et al. 2014, https://arxiv.org/abs/1312.6034. The probability would also
    rise by making all others unlikely.

    Attributes:
      classes: int, for all images, or [image].
      output: name of the output; None for the first.
      use_logits: False takes the output as it is.
    """

    classes: Any = field(compare=False, metadata=per_image(0))
    output: str | None = None
    use_logits: bool = True

    def __call__(self, seen: Seen) -> tf.Tensor:
        values = seen.output(self.output, self.use_logits)
        if values.shape.rank == 1:
            values = values[:, tf.newaxis]
        return -_chosen(seen, _mean_over_places(values), "classes", seen.paths[-1])


@dataclass(frozen=True)
class DeepDream(_AtLayer):
    """−mean of A²: whatever the layer sees in the image is amplified.

    Mordvintsev et al. 2015, "Inceptionism".
    """

    def __call__(self, seen: Seen) -> tf.Tensor:
        return -_mean(tf.square(seen.activation(self.layer)))


@dataclass(frozen=True)
class Caricature(_AtLayer):
    """−mean over places of A · T times the cosine between them to a power.

    With T the activation of the image that is caricatured; Olah et al. 2018,
    https://distill.pub/2018/building-blocks.

    Attributes:
      target: T, float, of the shape of A, [1, …] for all or [image, …].
    """

    target: Any = field(compare=False, metadata=per_image(_RANK_AS_GIVEN))
    cosine_power: float = 1.0

    def __call__(self, seen: Seen) -> tf.Tensor:
        values = seen.activation(self.layer)
        target = _as_large(seen, values)
        product = _dot_x_cosine(values, target, self.cosine_power)
        return -_mean(product[..., tf.newaxis])


@dataclass(frozen=True)
class Content(_AtLayer):
    """Mean of (A − T)², T the activation of another image. Gatys et al. 2015,
    https://arxiv.org/abs/1508.06576.

    Attributes:
      target: T, float, of the shape of A, [1, …] for all or [image, …].
    """

    target: Any = field(compare=False, metadata=per_image(_RANK_AS_GIVEN))

    def __call__(self, seen: Seen) -> tf.Tensor:
        values = seen.activation(self.layer)
        return _mean(tf.math.squared_difference(values, _as_large(seen, values)))


@dataclass(frozen=True)
class Style(_AtLayer):
    """Mean of (G − T)², G the Gram matrix of A and T that of another image.

    G = Aᵀ A / places [channel, channel]: which channels are active together, not where.
    Gatys et al. 2015, https://arxiv.org/abs/1508.06576.

    Attributes:
      target: T, float [1, channel, channel], or one for each image; `gram`.
    """

    target: Any = field(compare=False, metadata=per_image(_RANK_AS_GIVEN))

    def __call__(self, seen: Seen) -> tf.Tensor:
        matrix = gram(seen.activation(self.layer))
        return _mean(tf.math.squared_difference(matrix, _as_large(seen, matrix)))


@dataclass(frozen=True)
class Diversity(_AtLayer):
    """Mean cosine between the Gram matrices of an image and the others of its group.

    Olah et al. 2017: several images for one unit that are to differ. 0 for an image
    that is alone.

    Attributes:
      groups: int [image], which images belong together.
    """

    is_scored: ClassVar[bool] = False
    groups: Any = field(compare=False, metadata=per_image(0))

    def __call__(self, seen: Seen) -> tf.Tensor:
        matrices = gram(seen.activation(self.layer))
        flat = tf.reshape(matrices, [tf.shape(matrices)[0], -1])
        flat = tf.math.l2_normalize(flat, axis=1, epsilon=1e-12)
        cosines = tf.matmul(flat, flat, transpose_b=True)
        groups = tf.broadcast_to(seen.arrays["groups"], [tf.shape(flat)[0]])
        others = tf.cast(groups[:, tf.newaxis] == groups, tf.float32)
        others = tf.linalg.set_diag(others, tf.zeros_like(others[0]))
        count = tf.reduce_sum(others, axis=1)
        return tf.reduce_sum(cosines * others, axis=1) / tf.maximum(count, 1)


def _with_images(name: str, given: Any, rank: int) -> npt.NDArray[Any]:
    values = np.asarray(given)
    values = values.astype(np.int32 if values.dtype.kind in "iu" else np.float32)
    if values.ndim == rank:
        values = values[np.newaxis]
    if values.ndim != rank + 1 and (rank != _RANK_AS_GIVEN or values.ndim == 0):
        raise ValueError(
            f"{name} has {values.ndim} axes; give {max(rank, 0)} for the same of all"
            f" images, or one more, the images first."
        )
    return values


def gram(values: Any) -> tf.Tensor:
    """Aᵀ A / places of [image, …, channel], float32 [image, channel, channel]."""
    values = tf.convert_to_tensor(values, tf.float32)
    shape = tf.shape(values)
    flat = tf.reshape(values, [shape[0], -1, shape[-1]])
    flat.set_shape([values.shape[0], None, values.shape[-1]])
    places = tf.cast(tf.shape(flat)[1], tf.float32)
    return tf.matmul(flat, flat, transpose_a=True) / places


def _mean(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank)))


def _mean_over_places(values: tf.Tensor) -> tf.Tensor:
    """[image, …, channel] as [image, channel]."""
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank - 1)))


def _chosen(seen: Seen, means: tf.Tensor, name: str, where: str) -> tf.Tensor:
    """Of [image, channel] that of each image, by the numbers in an array."""
    count = means.shape[-1]
    numbers = seen.arrays[name]
    if count is not None:
        seen.require_below(name, count, f"{where} has the {name}")
        numbers = tf.minimum(numbers, count - 1)  # Checked before: never read beyond.
    numbers = tf.broadcast_to(numbers, tf.shape(means)[:1])
    return tf.gather(means, numbers, axis=1, batch_dims=1)


def _as_large(seen: Seen, values: tf.Tensor) -> tf.Tensor:
    target = tf.cast(seen.arrays["target"], tf.float32)
    if not target.shape[1:].is_compatible_with(values.shape[1:]):
        raise ValueError(
            f"The target has the shape {tuple(target.shape)}, and {seen.paths[-1]} gives"
            f" {tuple(values.shape)}; they must agree in all axes but the first."
        )
    return target


def _dot_x_cosine(values: tf.Tensor, others: tf.Tensor, power: float) -> tf.Tensor:
    """[image, …]: dot products along the last axis, times the cosine to a power."""
    dot = tf.reduce_sum(values * others, axis=-1)
    if power == 0:
        return dot
    lengths = tf.norm(values, axis=-1) * tf.norm(others, axis=-1)
    cosine = dot / (lengths + 1e-6)
    # At 0.1 at least, as in Lucid: or nothing would lead away from the other side.
    return dot * tf.maximum(cosine, 0.1) ** power
