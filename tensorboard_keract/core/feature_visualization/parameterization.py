"""What the optimiser changes: the values of an image, or the waves that it is made of.

A parameterisation works in units of the input range: 0 its least value, 1 its greatest.
Without a range an image is what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Array: TypeAlias = npt.NDArray[Any]

# The square root of the covariance of colours in ImageNet's pictures, from Lucid: what
# it makes of independent values looks like natural colours.
_COLOR_ROOT: Final = np.array(
    [[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32
)

# Seeds are kept this far from the ends of the range, which a sigmoid never reaches.
_MARGIN: Final = 1e-3


@dataclass(frozen=True)
class Pixels:
    """Each value of the image.

    Attributes:
      clip: whether values beyond the input range are brought back after each step.
      noise: standard deviation of the first images, about the middle of the range.
    """

    clip: bool = True
    noise: float = 0.05

    def start(
        self, shape: tuple[int, ...], bounded: bool, random: np.random.Generator
    ) -> Array:
        """The first parameters of one image."""
        noise = self.noise * random.standard_normal(shape, np.float32)
        return noise + (0.5 if bounded else 0.0)

    def parameters(self, image: Array, bounded: bool) -> Array:
        """Those of which `image` makes this image."""
        return image

    def image(
        self, parameters: tf.Tensor, shape: tuple[int, ...], bounded: bool
    ) -> tf.Tensor:
        """Images [image, *shape]."""
        return parameters

    def projected(self, parameters: tf.Tensor, bounded: bool) -> tf.Tensor:
        """What is left of parameters after a step."""
        if self.clip and bounded:
            return tf.clip_by_value(parameters, 0.0, 1.0)
        return parameters


@dataclass(frozen=True)
class Fourier:
    """Waves of all frequencies, of independent colours; a sigmoid keeps to the range.

    Olah et al. 2017, https://distill.pub/2017/feature-visualization: the same minima, but
    steps that do not favour high frequencies, and colours as in photographs. For images
    [height, width, channel]; colours where there are three.

    Attributes:
      decay_power: amplitudes at the start fall with the frequency to this power.
      decorrelated: whether three channels are colours as photographs have them.
      noise: standard deviation of the first parameters.
    """

    decay_power: float = 1.0
    decorrelated: bool = True
    noise: float = 0.01

    def start(
        self, shape: tuple[int, ...], bounded: bool, random: np.random.Generator
    ) -> Array:
        """The first parameters of one image, [2, channel, height, frequency]."""
        height, width, channels = _image_shape(shape)
        waves = (2, channels, height, width // 2 + 1)
        noise: Array = random.standard_normal(waves, np.float32)
        return self.noise * noise

    def parameters(self, image: Array, bounded: bool) -> Array:
        """Those of which `image` makes this image, but for the ends of the range."""
        values = image.astype(np.float64)
        if bounded:
            inside = np.clip(values, _MARGIN, 1 - _MARGIN)
            values = np.log(inside / (1 - inside))
        if self._has_colors(image.shape):
            values = values @ np.linalg.inv(_color_matrix()).T
        waves = np.fft.rfft2(np.moveaxis(values, -1, 0)) / self._amplitudes(image.shape)
        return np.stack([waves.real, waves.imag]).astype(np.float32)

    def image(
        self, parameters: tf.Tensor, shape: tuple[int, ...], bounded: bool
    ) -> tf.Tensor:
        """Images [image, *shape]."""
        height, width, _ = _image_shape(shape)
        waves = tf.complex(parameters[:, 0], parameters[:, 1])
        waves *= tf.constant(self._amplitudes(shape), tf.complex64)
        values = tf.signal.irfft2d(waves, [height, width])
        values = tf.transpose(values, [0, 2, 3, 1])
        if self._has_colors(shape):
            values = tf.matmul(values, tf.constant(_color_matrix()), transpose_b=True)
        return tf.sigmoid(values) if bounded else values

    def projected(self, parameters: tf.Tensor, bounded: bool) -> tf.Tensor:
        """The parameters: the sigmoid keeps to the range."""
        return parameters

    def _has_colors(self, shape: tuple[int, ...]) -> bool:
        return self.decorrelated and shape[-1] == 3

    def _amplitudes(self, shape: tuple[int, ...]) -> Array:
        """[height, frequency]: what a wave's parameter is multiplied by."""
        height, width, _ = _image_shape(shape)
        down = np.fft.fftfreq(height)[:, np.newaxis]
        across = np.fft.rfftfreq(width)
        frequency = np.maximum(np.hypot(down, across), 1 / max(height, width))
        scale = np.sqrt(height * width) / frequency**self.decay_power
        amplitudes: Array = (scale / 4).astype(np.float32)
        return amplitudes


Parameterization: TypeAlias = Pixels | Fourier


def parse_parameterization(
    given: str | Parameterization | None, shape: tuple[int, ...]
) -> Parameterization:
    """One by name; None takes waves for images of some size, else pixels.

    Raises:
      ValueError: for an unknown name, or waves of what is no image.
    """
    is_image = len(shape) == 3
    if given is None:
        given = "fourier" if is_image and min(shape[:2]) >= 32 else "pixels"
    by_name: dict[Any, Parameterization] = {"pixels": Pixels(), "fourier": Fourier()}
    found = by_name.get(given, given)
    if not isinstance(found, (Pixels, Fourier)):
        raise ValueError(
            f'parameterization={given!r}; give "fourier", "pixels", Fourier(…) or'
            " Pixels(…)."
        )
    if isinstance(found, Fourier):
        _image_shape(shape)
    return found


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(
            f"Waves are for images [height, width, channel]; this input is {shape}. Use"
            ' parameterization="pixels".'
        )
    height, width, channels = shape
    return height, width, channels


def _color_matrix() -> Array:
    matrix: Array = _COLOR_ROOT / np.linalg.norm(_COLOR_ROOT, axis=0).max()
    return matrix
