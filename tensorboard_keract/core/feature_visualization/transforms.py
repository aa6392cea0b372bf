"""What is done to images before the model sees them, anew at each iteration.

What survives being moved, turned and scaled is no noise that only this very image has
(Mordvintsev et al. 2015; Olah et al. 2017). A **transform** is called with images
[image, *spatial, channel], a `seed`, int32 [2], for `tf.random.stateless_uniform`, and an
`amount`, 1, or 0 for an image as it is: at 0 it must change nothing but the size. All
images of a batch are transformed alike, so that none depends on the others. Images that
have grown are cropped to the input's size at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Pad:
    """Adds a border on all sides.

    Attributes:
      size: pixels.
      value: of the border; None repeats the edge, mirrored.
    """

    size: int
    value: float | None = None

    def __call__(
        self, images: tf.Tensor, seed: tf.Tensor, amount: tf.Tensor
    ) -> tf.Tensor:
        spatial = images.shape.rank - 2
        widths = [[0, 0], *[[self.size] * 2] * spatial, [0, 0]]
        if self.value is None:
            return tf.pad(images, widths, "SYMMETRIC")
        return tf.pad(images, widths, constant_values=self.value)


@dataclass(frozen=True)
class Jitter:
    """Shifts along each spatial axis; what leaves on one side comes back on the other.

    Attributes:
      size: at most so many pixels.
    """

    size: int

    def __call__(
        self, images: tf.Tensor, seed: tf.Tensor, amount: tf.Tensor
    ) -> tf.Tensor:
        axes = list(range(1, images.shape.rank - 1))
        shift = tf.random.stateless_uniform(
            [len(axes)], seed, -self.size, self.size + 1, tf.int32
        )
        return tf.roll(images, shift * tf.cast(amount, tf.int32), axes)


@dataclass(frozen=True)
class Scale:
    """Enlarges or shrinks about the centre, linearly; beyond the edge it is mirrored.

    Attributes:
      low, high: by a factor between these.
    """

    low: float = 0.95
    high: float = 1.05

    def __call__(
        self, images: tf.Tensor, seed: tf.Tensor, amount: tf.Tensor
    ) -> tf.Tensor:
        height, width = _size(images, self)
        factor = tf.random.stateless_uniform([], seed, self.low, self.high)
        factor = 1 + (factor - 1) * amount
        rows = _interpolation(height, _places(height) / factor)
        columns = _interpolation(width, _places(width) / factor)
        scaled = tf.einsum("ah,nhwc->nawc", rows, images)
        return tf.einsum("bw,nawc->nabc", columns, scaled)


@dataclass(frozen=True)
class Rotate:
    """Turns about the centre, with linear interpolation; beyond the edge it is mirrored.

    Attributes:
      degrees: at most so far to either side.
    """

    degrees: float

    def __call__(
        self, images: tf.Tensor, seed: tf.Tensor, amount: tf.Tensor
    ) -> tf.Tensor:
        height, width = _size(images, self)
        most = math.radians(self.degrees)
        angle = tf.random.stateless_uniform([], seed, -most, most) * amount
        row, column = tf.meshgrid(_places(height), _places(width), indexing="ij")
        return _sampled(
            images,
            tf.reshape(tf.cos(angle) * row - tf.sin(angle) * column, [-1]),
            tf.reshape(tf.sin(angle) * row + tf.cos(angle) * column, [-1]),
        )


def cropped(images: tf.Tensor, size: tuple[int | None, ...]) -> tf.Tensor:
    """The middle of images [image, *spatial, channel].

    Raises:
      ValueError: if they are smaller.
    """
    for axis, target in enumerate(size, start=1):
        now = images.shape[axis]
        if target is None or now is None or now == target:
            continue
        if now < target:
            raise ValueError(
                f"The transforms leave {now} pixels along an axis, and the model takes"
                f" {target}. Begin with Pad({-(-(target - now) // 2)}), or more."
            )
        start = (now - target) // 2
        part = [slice(None)] * images.shape.rank
        part[axis] = slice(start, start + target)
        images = images[tuple(part)]
    return images


def _size(images: tf.Tensor, transform: object) -> tuple[int, int]:
    if images.shape.rank != 4:
        raise ValueError(
            f"{type(transform).__name__} is for images [image, height, width, channel];"
            f" these inputs are {tuple(images.shape)}."
        )
    height, width = images.shape[1:3]
    return int(height), int(width)


def _places(size: int) -> tf.Tensor:
    """Of pixels along an axis, from its centre."""
    return tf.range(size, dtype=tf.float32) - (size - 1) / 2


def _neighbours(size: int, places: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The pixels before and after places that are counted from the centre, and how much
    the one after counts."""
    place = places + (size - 1) / 2
    before = tf.floor(place)
    share = place - before
    first = tf.cast(before, tf.int32)
    return _mirrored(first, size), _mirrored(first + 1, size), share


def _mirrored(index: tf.Tensor, size: int) -> tf.Tensor:
    index = tf.math.floormod(index, 2 * size)
    return tf.minimum(index, 2 * size - 1 - index)


def _interpolation(size: int, places: tf.Tensor) -> tf.Tensor:
    """[place, size]: the weights of all pixels at each place."""
    before, after, share = _neighbours(size, places)
    weights = tf.one_hot(before, size) * (1 - share)[:, tf.newaxis]
    return weights + tf.one_hot(after, size) * share[:, tf.newaxis]


def _sampled(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Images at places [height · width], the same of all."""
    _, height, width, channels = images.shape
    count = tf.shape(images)[0]
    # One gathered row for each pixel, whatever the number of images.
    flat = tf.reshape(tf.transpose(images, [1, 2, 0, 3]), [height * width, -1])
    up, down, by_row = _neighbours(height, rows)
    left, right, by_column = _neighbours(width, columns)
    total: tf.Tensor = 0.0
    for row, row_share in ((up, 1 - by_row), (down, by_row)):
        for column, column_share in ((left, 1 - by_column), (right, by_column)):
            weight = (row_share * column_share)[:, tf.newaxis]
            total += tf.gather(flat, row * width + column) * weight
    back = tf.reshape(total, [height, width, count, channels])
    return tf.transpose(back, [2, 0, 1, 3])
