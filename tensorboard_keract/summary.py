"""`tf.summary`-style functions that write single tensors for the Keract page.

Where a `Recorder` records a whole model, these write one tensor each, from wherever
it comes:

```python
with writer.as_default():
    tk.summary.activation("conv1", tensor, step=step)
```

Each function has a twin `*_pb` that returns the `Summary` message and needs no
TensorFlow. All take the conventions of `tf.summary`: names are prefixed by name
scopes, `step` defaults to `tf.summary.experimental.set_step`'s, and the result says
whether something was written.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto import summary_pb2

from tensorboard_keract import metadata
from tensorboard_keract.core.attribution.explanation import Explanation
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.event_file import blob_sequence_value, table_value
from tensorboard_keract.recording.heatmaps import (
    MAX_TIMES,
    explanation_message,
    heatmap_axes,
    target_rule,
)
from tensorboard_keract.recording.layout import (
    BATCH,
    Limits,
    name_axes,
    plan_tensor,
    store,
)
from tensorboard_keract.recording.statistics import statistics


def activation(
    name: str,
    data: Any,
    step: int | None = None,
    *,
    max_samples: int = 8,
    max_channels: int = 64,
    max_pixels: int = 64,
    precision: str = "uint8",
    data_format: str = "channels_last",
    description: str | None = None,
) -> Any:
    """Writes the feature maps of an activation.

    Args:
      name: the layer path, or any name; prefixed by active name scopes.
      data: real, batch axis first: [batch, unit], [batch, time, unit],
        [batch, height, width, channel], or any other rank. NaN and ±Inf are kept. Of
        an empty tensor nothing but its shape is written.
      step: as in `tf.summary.scalar`.
      max_samples: samples that are stored, the first ones.
      max_channels: channels that are stored, the first ones.
      max_pixels: height and width; larger maps are averaged over areas.
      precision: "uint8", 253 levels between each map's least and greatest value;
        "float16" or "float32".
      data_format: "channels_last" or "channels_first".
      description: Markdown.

    Returns:
      Whether it was written, a bool, or a boolean tensor inside a `tf.function`: False
      without a default writer, or where recording is off.

    Raises:
      ValueError: for an unknown precision, or without a step.
    """
    limits = Limits(max_samples, max_channels, max_pixels)
    return _write_tensor(
        metadata.ACTIVATION,
        name,
        data,
        step,
        limits,
        precision,
        data_format,
        description,
    )


def activation_pb(
    name: str,
    data: npt.ArrayLike,
    *,
    max_samples: int = 8,
    max_channels: int = 64,
    max_pixels: int = 64,
    precision: str = "uint8",
    data_format: str = "channels_last",
    description: str | None = None,
) -> summary_pb2.Summary:
    """The `Summary` that `activation` writes. Needs no TensorFlow."""
    limits = Limits(max_samples, max_channels, max_pixels)
    return _tensor_pb(
        metadata.ACTIVATION, name, data, limits, precision, data_format, description
    )


def gradient(
    name: str,
    data: Any,
    step: int | None = None,
    *,
    of: str = "activation",
    max_samples: int = 8,
    max_channels: int = 64,
    max_pixels: int = 64,
    precision: str = "uint8",
    data_format: str = "channels_last",
    description: str | None = None,
) -> Any:
    """Writes the gradient of the loss with respect to an activation or a weight.

    Args:
      name: the layer path, or for a weight its path, "conv1/kernel".
      data: as in `activation`; a weight's has no batch axis: [in, out],
        [height, width, in, out].
      of: "activation" or "weight".

    The other arguments, the result and the errors are those of `activation`.
    """
    limits = Limits(max_samples, max_channels, max_pixels)
    kind = _gradient_kind(of)
    return _write_tensor(
        kind, name, data, step, limits, precision, data_format, description
    )


def gradient_pb(
    name: str,
    data: npt.ArrayLike,
    *,
    of: str = "activation",
    max_samples: int = 8,
    max_channels: int = 64,
    max_pixels: int = 64,
    precision: str = "uint8",
    data_format: str = "channels_last",
    description: str | None = None,
) -> summary_pb2.Summary:
    """The `Summary` that `gradient` writes. Needs no TensorFlow."""
    limits = Limits(max_samples, max_channels, max_pixels)
    kind = _gradient_kind(of)
    return _tensor_pb(kind, name, data, limits, precision, data_format, description)


def heatmap(
    name: str | None = None,
    data: Any = None,
    image: Any = None,
    step: int | None = None,
    *,
    max_samples: int = 8,
    max_pixels: int = 256,
    precision: str = "uint8",
    description: str | None = None,
) -> Any:
    """Writes a heatmap over the input: how much each place of it counts.

    ```python
    tk.summary.heatmap("saliency", heatmap, images, step=step)
    tk.summary.heatmap(data=tk.grad_cam(model, images), step=step)
    ```

    Args:
      name: of the method, or any name; None for that of an explanation's method.
      data: an `Explanation`, which brings its input and what it explains; or real
        [batch, height, width], [batch, height, width, channel], [batch, time].
      image: the input that it lies on, real, batch axis first; None where the page has
        it from a recorder, and for that of an explanation.
      step, max_samples, max_pixels, precision, description: as in `activation`.

    Raises:
      ValueError: as in `activation`, or if the rank of `data` or `image` is wrong.
      TypeError: without data, or without a name for an array.
    """
    limits = Limits(samples=max_samples, pixels=max_pixels)
    heat = _heat(name, data, image)
    written = [
        _write_tensor(
            kind,
            heat.name,
            tensor,
            step,
            heat.limited(limits),
            precision,
            "channels_last",
            description,
            heat.explanation,
        )
        for kind, tensor in heat.tensors
    ]
    return _all(written)


def heatmap_pb(
    name: str | None = None,
    data: npt.ArrayLike | Explanation | None = None,
    image: npt.ArrayLike | None = None,
    *,
    max_samples: int = 8,
    max_pixels: int = 256,
    precision: str = "uint8",
    description: str | None = None,
) -> summary_pb2.Summary:
    """The `Summary` that `heatmap` writes. Needs no TensorFlow."""
    limits = Limits(samples=max_samples, pixels=max_pixels)
    heat = _heat(name, data, image)
    summary = summary_pb2.Summary()
    for kind, tensor in heat.tensors:
        part = _tensor_pb(
            kind,
            heat.name,
            tensor,
            heat.limited(limits),
            precision,
            "channels_last",
            description,
            heat.explanation,
        )
        summary.MergeFrom(part)
    return summary


def feature_visualization(
    name: str,
    data: Any,
    step: int | None = None,
    *,
    max_images: int = 16,
    max_pixels: int = 256,
    precision: str = "uint8",
    description: str | None = None,
) -> Any:
    """Writes images of what a unit looks for.

    Args:
      name: the layer path, or any name.
      data: what `maximize_activation` and its siblings gave, of which the images are
        written; or images, real [image, height, width, channel].
      max_images: that are stored, the first ones.
      step, max_pixels, precision, description: as in `activation`.

    Returns:
      Whether it was written, as `activation` says.

    Raises:
      ValueError: as in `activation`, or if the images have other axes.
    """
    limits = Limits(samples=max_images, pixels=max_pixels)
    return _write_tensor(
        metadata.FEATURE_VISUALIZATION,
        name,
        _images(data),
        step,
        limits,
        precision,
        "channels_last",
        description,
    )


def feature_visualization_pb(
    name: str,
    data: Any,
    *,
    max_images: int = 16,
    max_pixels: int = 256,
    precision: str = "uint8",
    description: str | None = None,
) -> summary_pb2.Summary:
    """The `Summary` that `feature_visualization` writes. Needs no TensorFlow."""
    limits = Limits(samples=max_images, pixels=max_pixels)
    return _tensor_pb(
        metadata.FEATURE_VISUALIZATION,
        name,
        _images(data),
        limits,
        precision,
        "channels_last",
        description,
    )


def histogram(
    name: str,
    data: Any,
    step: int | None = None,
    *,
    kind: str = metadata.ACTIVATION,
    description: str | None = None,
) -> Any:
    """Writes the histogram and the statistics of a tensor.

    The bins are fixed, signed and logarithmic (`wire_format.histogram`), so that
    histograms of different tensors, steps and runs compare; NaN and ±Inf are counted
    apart. All values are counted. An empty tensor gives zero counts.

    Args:
      name: the layer or weight path, or any name.
      data: real, any shape.
      step: as in `tf.summary.scalar`.
      kind: what the tensor is: "activation", "activation_gradient", "weight",
        "weight_gradient", "input", "output".
      description: Markdown.

    Returns:
      Whether it was written.

    Raises:
      ValueError: for an unknown kind, or without a step.
    """
    import tensorflow as tf

    written = []
    with _scope(name, data, step) as scoped:
        for table in _tables(kind, scoped, description):
            written.append(
                tf.summary.write(
                    tag=table.tag,
                    tensor=partial(_in_numpy, table.compute, data, tf.float32),
                    step=step,
                    metadata=table.summary_metadata,
                )
            )
    return _all(written)


def histogram_pb(
    name: str,
    data: npt.ArrayLike,
    *,
    kind: str = metadata.ACTIVATION,
    description: str | None = None,
) -> summary_pb2.Summary:
    """The `Summary` that `histogram` writes. Needs no TensorFlow."""
    return summary_pb2.Summary(
        value=[
            table_value(
                table.tag, table.compute(np.asarray(data)), table.summary_metadata
            )
            for table in _tables(kind, name, description)
        ]
    )


class _Table(NamedTuple):
    """A one-row table: its tag, its metadata, and how it is computed."""

    tag: str
    compute: Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]
    summary_metadata: summary_pb2.SummaryMetadata


def _tables(kind: str, name: str, description: str | None) -> list[_Table]:
    row = metadata.tensor_tag(kind, name)
    return [
        _Table(
            tag=f"{tag}/{row}",
            compute=compute,
            summary_metadata=metadata.create_summary_metadata(
                plugin_name, kind, name, description
            ),
        )
        for plugin_name, tag, compute in (
            (
                metadata.HISTOGRAMS_PLUGIN_NAME,
                metadata.HISTOGRAMS_TAG,
                lambda x: wire_format.histogram(x)[None].astype(np.float32),
            ),
            (
                metadata.STATISTICS_PLUGIN_NAME,
                metadata.STATISTICS_TAG,
                lambda x: statistics(x)[None],
            ),
        )
    ]


def _gradient_kind(of: str) -> str:
    kinds = {
        "activation": metadata.ACTIVATION_GRADIENT,
        "weight": metadata.WEIGHT_GRADIENT,
    }
    if of not in kinds:
        raise ValueError(f'`of` is {of!r}; a gradient is of "activation" or "weight".')
    return kinds[of]


def _images(data: Any) -> Any:
    images = getattr(data, "images", data)
    images = images if hasattr(images, "shape") else np.asarray(images)
    if len(images.shape) != 4:
        raise ValueError(
            f"Images have the shape {tuple(images.shape)}; give [image, height, width,"
            " channel]."
        )
    return images


class _Heat(NamedTuple):
    """A heatmap to be written: its tensors by kind."""

    name: str
    tensors: list[tuple[str, Any]]
    explanation: Explanation | None = None

    def limited(self, limits: Limits) -> Limits:
        """The limits; along time there is a value for each token."""
        is_series = len(self.tensors[0][1].shape) < 4
        return replace(limits, pixels=MAX_TIMES) if is_series else limits


def _heat(name: str | None, data: Any, image: Any) -> _Heat:
    explanation = data if isinstance(data, Explanation) else None
    if explanation is not None:
        name = name or explanation.method
        data = explanation.heatmap
        image = explanation.x if image is None else image
    if name is None or data is None:
        raise TypeError(
            "A heatmap needs a name and data; of an explanation data alone is enough:"
            " heatmap(data=explanation)."
        )
    data, image = (
        part if part is None or hasattr(part, "shape") else np.asarray(part)
        for part in (data, image)
    )
    rank = len(data.shape)
    if not 2 <= rank <= 4:
        raise ValueError(
            f"The data of a heatmap has {rank} axes; give [batch, height, width], with"
            " a channel axis or without, or [batch, time]."
        )
    if explanation is not None:
        has_channel = heatmap_axes(explanation)[-1] == "unit"
    else:
        has_channel = rank == 4
    tensors = [(metadata.HEATMAP, data if has_channel else data[..., None])]
    if image is not None:
        if len(image.shape) == rank == 3:
            image = image[..., None]
        image_rank = len(image.shape)
        if explanation is None and image_rank not in ((4,) if rank > 2 else (2, 3)):
            raise ValueError(
                f"The image of a heatmap has {image_rank} axes; give [batch, height,"
                " width, channel], of a series [batch, time, channel]."
            )
        tensors.append((metadata.INPUT, image))
    return _Heat(name, tensors, explanation)


def _tensor_pb(
    kind: str,
    name: str,
    data: npt.ArrayLike,
    limits: Limits,
    precision: str,
    data_format: str,
    description: str | None,
    explanation: Explanation | None = None,
) -> summary_pb2.Summary:
    wire_format.check_precision(precision)
    values = np.asarray(data)
    blobs = _encode(
        kind,
        name,
        values.dtype.name,
        limits,
        precision,
        data_format,
        explanation,
        values,
    )
    summary_metadata = metadata.create_summary_metadata(
        metadata.PLUGIN_NAME, kind, name, description
    )
    tag = metadata.tensor_tag(kind, name)
    return summary_pb2.Summary(
        value=[blob_sequence_value(tag, blobs, summary_metadata)]
    )


def _write_tensor(
    kind: str,
    name: str,
    data: Any,
    step: int | None,
    limits: Limits,
    precision: str,
    data_format: str,
    description: str | None,
    explanation: Explanation | None = None,
) -> Any:
    import tensorflow as tf

    wire_format.check_precision(precision)
    tensor = tf.convert_to_tensor(data)
    with _scope(name, tensor, step) as scoped:
        encode = partial(
            _encode,
            kind,
            scoped,
            tensor.dtype.name,
            limits,
            precision,
            data_format,
            explanation,
        )
        written = tf.summary.write(
            tag=metadata.tensor_tag(kind, scoped),
            tensor=partial(
                _in_numpy, lambda x: np.array(encode(x), object), tensor, tf.string
            ),
            step=step,
            metadata=metadata.create_summary_metadata(
                metadata.PLUGIN_NAME, kind, scoped, description
            ),
        )
    return _all([written])


def _encode(
    kind: str,
    path: str,
    dtype: str,
    limits: Limits,
    precision: str,
    data_format: str,
    explanation: Explanation | None,
    values: npt.NDArray[Any],
) -> list[bytes]:
    names = name_axes(kind, path, values.shape, data_format=data_format)
    plan = plan_tensor(kind, path, dtype, names, values.shape, limits, precision)
    header = plan.header()
    header.wall_time = time.time()
    header.epoch = -1
    if explanation is not None and kind == metadata.HEATMAP:
        samples = plan.stored(BATCH)
        rule = target_rule(explanation)
        message = explanation_message(explanation, samples, path, rule)
        header.explanation.CopyFrom(message)
    return wire_format.encode_tensor(store(plan, values), header)


def _in_numpy(compute: Callable[..., Any], data: Any, dtype: Any) -> Any:
    """Runs a NumPy function on a tensor, in eager code and inside a `tf.function`."""
    import tensorflow as tf

    tensor = tf.convert_to_tensor(data)
    if tensor.dtype == tf.bfloat16:
        tensor = tf.cast(tensor, tf.float32)
    return tf.numpy_function(compute, [tensor], dtype, stateful=False)


@contextlib.contextmanager
def _scope(name: str, *values: Any) -> Iterator[str]:
    import tensorflow as tf

    with tf.summary.experimental.summary_scope(name, "keract", values=values) as scope:
        yield scope[0]


def _all(written: Sequence[Any]) -> Any:
    """Whether all were written: a bool, or a tensor inside a `tf.function`."""
    import tensorflow as tf

    return all(map(bool, written)) if tf.executing_eagerly() else tf.reduce_all(written)
