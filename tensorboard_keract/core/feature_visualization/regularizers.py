"""What keeps images plausible: terms of the energy that look at the images alone.

A **regularizer** is called with images and gives a penalty for each, floating [image],
which is to fall. Any function does. Images are [image, *spatial, channel], or
[image, feature]; 0 to 1 is their input range, whatever that is; without a range they are
as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class TotalVariation:
    """Sum over the spatial axes of the mean of |difference of neighbours|^beta.

    Against noise: Mahendran and Vedaldi 2015, https://arxiv.org/abs/1412.0035. 0 for
    images without spatial axes.

    Attributes:
      beta: 2 smooths; 1 leaves edges.
    """

    beta: float = 2.0

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        rank = images.shape.rank
        total = tf.zeros(tf.shape(images)[:1])
        for axis in range(1, rank - 1):
            if images.shape[axis] == 1:
                continue
            ends = [[slice(None)] * rank, [slice(None)] * rank]
            ends[0][axis], ends[1][axis] = slice(1, None), slice(None, -1)
            step = images[tuple(ends[0])] - images[tuple(ends[1])]
            # No root: its gradient is infinite where neighbours are alike.
            power = tf.square(step) if self.beta == 2 else tf.abs(step) ** self.beta
            total += tf.reduce_mean(power, axis=list(range(1, rank)))
        return total


@dataclass(frozen=True)
class LpNorm:
    """Mean of |image − centre|^p: values far from the centre cost. Simonyan et al. 2014.

    Attributes:
      p: the greater, the more it is about the farthest; 6 in keras-vis.
      centre: 0.5 is the middle of the input range, 0 its least value.
    """

    p: float = 2.0
    centre: float = 0.5

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        axes = list(range(1, images.shape.rank))
        distance = tf.abs(images - self.centre)
        power = tf.square(distance) if self.p == 2 else distance**self.p
        return tf.reduce_mean(power, axis=axes)


@dataclass(frozen=True)
class BoundedRange:
    """Mean of the squared distance to 0 … 1: nothing is lost within the range.

    For images that are not kept there anyway: see `Pixels(clip=False)`.
    """

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        axes = list(range(1, images.shape.rank))
        beyond = images - tf.clip_by_value(images, 0.0, 1.0)
        return tf.reduce_mean(tf.square(beyond), axis=axes)
