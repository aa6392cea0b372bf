"""Samples from files, as a model takes them: images, and arrays of NumPy."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract.recording.given_files import (
    ARRAY_SUFFIXES,
    AUTO,
    IMAGE_SUFFIXES,
    SCALES,
    RefusedError,
)

Array = npt.NDArray[Any]

# They change no values at inference, or where they are: what comes after them scales.
_BEFORE_SCALING: Final = (
    "InputLayer",
    "Resizing",
    "CenterCrop",
    "Reshape",
    "Pipeline",
)
_SCALING: Final = ("Rescaling", "Normalization", "TrueDivide", "Divide")


@dataclass(frozen=True)
class Samples:
    """What was read.

    Attributes:
      x: an array, or arrays by the name of the input; batch axis first.
      description: what was done to it, for a reader.
    """

    x: Any
    description: str

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(keras.tree.flatten(self.x)[0])


@dataclass(frozen=True)
class Reading:
    """How files become samples.

    Attributes:
      scale: of pixels: a key of `SCALES`, or "auto".
      size: height and width of images, where the model takes any; None for those of
        the first.
      crop: whether what is beyond the model's proportions is cut off; otherwise an
        image is stretched.
      most: how many samples are read.
    """

    scale: str = AUTO
    size: tuple[int, int] | None = None
    crop: bool = False
    most: int = 16


def read_samples(model: keras.Model, paths: Sequence[Path], how: Reading) -> Samples:
    """Reads the first samples of files.

    Raises:
      RefusedError: if a file can't be read, or does not fit the model.
    """
    shapes = _input_shapes(model)
    if len(shapes) > 1:
        return _several_inputs(shapes, paths, how.most)
    ((name, shape),) = shapes.items()
    suffixes = {path.suffix.lower() for path in paths}
    if suffixes <= set(ARRAY_SUFFIXES):
        parts: list[Array] = []
        for path in paths:
            parts.append(_as_batch(_array(path, name), shape, path)[: how.most])
            if sum(map(len, parts)) >= how.most:
                break
        x = _joined(parts)[: how.most]
        if not len(x):
            raise RefusedError(f"{paths[0]} holds no samples.")
        return Samples(x, f"{x.dtype} {list(x.shape)} as it is in the file")
    if suffixes <= set(IMAGE_SUFFIXES):
        return _images(model, paths[: how.most], shape, how)
    both = {*IMAGE_SUFFIXES, *ARRAY_SUFFIXES}
    odd = next((p for p in paths if p.suffix.lower() not in both), None)
    if odd is not None:
        raise RefusedError(
            f"{odd} is neither an image ({', '.join(IMAGE_SUFFIXES)}) nor an array"
            f" ({', '.join(ARRAY_SUFFIXES)}) by its name."
        )
    raise RefusedError("Give images or arrays, not both at once.")


def begins_with_scaling(model: Any) -> bool:
    """Whether the first layer that changes values scales them."""
    first = next(_opened(model), None)
    return type(first).__name__ in _SCALING


def _opened(model: Any) -> Any:
    for layer in model.layers:
        if isinstance(layer, (keras.Model, keras.Sequential)):
            yield from _opened(layer)
            continue
        name = type(layer).__name__
        if name not in _BEFORE_SCALING and not name.startswith("Random"):
            yield layer


def _input_shapes(model: keras.Model) -> dict[str, tuple[int | None, ...]]:
    """Of each input by name, with the batch axis."""
    inputs = keras.tree.flatten(getattr(model, "inputs", None) or [])
    if inputs:
        names = getattr(model, "input_names", None) or [t.name for t in inputs]
        return {n: tuple(t.shape) for n, t in zip(names, inputs, strict=True)}
    built = (model.get_build_config() or {}).get("input_shape")
    sizes = built if isinstance(built, (list, tuple)) else ()
    if sizes and not isinstance(sizes[0], (list, tuple)):
        return {"x": (None, *sizes[1:])}
    raise RefusedError(
        f"The model {model.name} does not say what inputs it takes, so that files can't"
        " be brought to their shape. Record it with tensorboard_keract.Recorder."
    )


def _several_inputs(
    shapes: dict[str, tuple[int | None, ...]], paths: Sequence[Path], most: int
) -> Samples:
    names = ", ".join(shapes)
    if len(paths) != 1 or paths[0].suffix.lower() != ".npz":
        raise RefusedError(
            f"The model has several inputs: {names}. Give one .npz file with an array"
            f" for each: numpy.savez('x.npz', {', '.join(f'{n}=…' for n in shapes)})."
        )
    x = {
        name: _as_batch(_array(paths[0], name, several=True), shape, paths[0])[:most]
        for name, shape in shapes.items()
    }
    if len(set(map(len, x.values()))) > 1:
        found = ", ".join(f"{name} {len(part)}" for name, part in x.items())
        raise RefusedError(f"The inputs in {paths[0]} differ in length: {found}.")
    what = ", ".join(f"{n} {p.dtype} {list(p.shape)}" for n, p in x.items())
    return Samples(x, f"{what} as they are in the file")


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file by name; that of an .npy file has the name "".

    Raises:
      RefusedError: if the file can't be read, or holds pickles, which can run code.
    """
    try:
        # Of a large file little is read.
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": loaded}
        with loaded:
            return dict(loaded)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RefusedError(f"{path} can't be read as an array: {error}") from error


def _array(path: Path, name: str, several: bool = False) -> Array:
    """The array of an input: by its name; of a single input "x" or the only one, too."""
    held = read_arrays(path)
    if name in held:
        return held[name]
    if not several and ("x" in held or len(held) == 1):
        return held.get("x", next(iter(held.values())))
    raise RefusedError(
        f"{path} holds {', '.join(held) or 'nothing'}; the model's input is {name!r}."
    )


def _as_batch(array: Array, shape: tuple[int | None, ...], path: Path) -> Array:
    """With the batch axis, and a channel axis of one where that alone is missing."""
    forms = [array, array[np.newaxis]]
    if shape[-1] == 1:
        forms += [form[..., np.newaxis] for form in forms]
    for form in forms:
        if _fits(form, shape):
            return form
    raise RefusedError(
        f"{path} holds the shape {array.shape}; the model takes {shape}, where the"
        " first axis is the batch and None any size."
    )


def _fits(array: Array, shape: tuple[int | None, ...]) -> bool:
    sizes = zip(array.shape[1:], shape[1:], strict=False)
    return array.ndim == len(shape) and all(b in (None, a) for a, b in sizes)


def _joined(parts: list[Array]) -> Array:
    try:
        return np.concatenate(parts)
    except ValueError as error:
        raise RefusedError(f"The files don't go together: {error}") from error


def _images(
    model: keras.Model,
    paths: Sequence[Path],
    shape: tuple[int | None, ...],
    how: Reading,
) -> Samples:
    channels_first = (
        len(shape) == 4
        and keras.config.image_data_format() == "channels_first"
        and shape[1] in (1, 3, 4)
    )
    spatial = shape[2:] if channels_first else shape[1:3]
    channels = 1 if len(shape) == 3 else shape[1 if channels_first else -1] or 3
    if len(shape) not in (3, 4) or channels not in (1, 3, 4):
        raise RefusedError(
            f"The model takes {shape}, which are no images of 1, 3 or 4 channels. Give"
            " its inputs as an array, .npy or .npz."
        )
    images = [_image(path, channels) for path in paths]
    fits = all(a in (None, b) for a, b in zip(spatial, how.size or (), strict=False))
    if not fits:
        raise RefusedError(
            f"The model takes images of {spatial[0]} × {spatial[1]}; --size is for one"
            " that takes any."
        )
    wanted = how.size or images[0].shape[:2]
    height, width = size = tuple(
        fixed or of_any for fixed, of_any in zip(spatial, wanted, strict=True)
    )
    resized = [_resized(image, size, how.crop) for image in images]
    scale, why = how.scale, ""
    if scale == AUTO:
        keeps = begins_with_scaling(model)
        scale = "0-255" if keeps else "0-1"
        why = ", for the model scales them itself" if keeps else ""
        why += "; --scale has others"
    x = _scaled(np.stack(resized), scale)
    if len(shape) == 3:
        x = x[..., 0]
    elif channels_first:
        x = x.transpose(0, 3, 1, 2)
    color = {1: "grey", 3: "RGB", 4: "RGBA"}[channels]
    fitted = "cropped and resized" if how.crop else "resized"
    return Samples(
        x,
        f"{color} images, {fitted} to {height} × {width}, {SCALES[scale]}{why}",
    )


def _image(path: Path, channels: int) -> Array:
    """Pixels [height, width, channel], float32 of 0 to 255."""
    try:
        contents = path.read_bytes()
    except OSError as error:
        raise RefusedError(f"{path} can't be read: {error}") from error
    # Of these formats TensorFlow makes colours alone.
    in_color = contents[:2] in (b"BM", b"GI", b"RI")
    try:
        decoded = tf.io.decode_image(
            contents,
            channels=3 if channels == 1 and in_color else channels,
            expand_animations=False,
        )
    except tf.errors.InvalidArgumentError as error:
        needs_alpha = " with transparency" if channels == 4 else ""
        raise RefusedError(
            f"{path} can't be read as an image{needs_alpha}; readable are PNG, JPEG,"
            " GIF, BMP and WebP."
        ) from error
    image = tf.cast(decoded, tf.float32)
    if channels == 1 and image.shape[-1] == 3:
        image = tf.image.rgb_to_grayscale(image)
    pixels: Array = image.numpy()
    return pixels


def _resized(image: Array, size: tuple[int, ...], crop: bool) -> Array:
    if image.shape[:2] == size:
        return image
    if crop:
        factor = min(image.shape[0] / size[0], image.shape[1] / size[1])
        height, width = (max(1, round(factor * side)) for side in size)
        top = (image.shape[0] - height) // 2
        left = (image.shape[1] - width) // 2
        image = image[top : top + height, left : left + width]
    resized = tf.image.resize(image, size, antialias=True)
    pixels: Array = np.clip(resized.numpy(), 0, 255)
    return pixels


def _scaled(pixels: Array, scale: str) -> Array:
    scaled: dict[str, Callable[[Array], Any]] = {
        "0-255": lambda x: x,
        "0-1": lambda x: x / 255,
        "tf": lambda x: x / 127.5 - 1,
        "caffe": lambda x: _as_imagenet(x, "caffe"),
        "torch": lambda x: _as_imagenet(x, "torch"),
    }
    return np.asarray(scaled[scale](pixels), np.float32)


def _as_imagenet(pixels: Array, mode: str) -> Any:
    if pixels.shape[-1] != 3:
        raise RefusedError(
            f"--scale {mode} is for images of three channels; the model takes"
            f" {pixels.shape[-1]}."
        )
    return keras.applications.imagenet_utils.preprocess_input(
        pixels.copy(), data_format="channels_last", mode=mode
    )
