"""Names, versions and summary metadata that the recording and the viewing half share.

Three series hold a run, under three plugin names, because TensorBoard keeps a
number of steps per tag that goes by the plugin name, and keeps all of it in
memory:

* `PLUGIN_NAME`, blob sequences: one tag `<kind>/<path>` per recorded tensor, and
  the tag `model` once per opening of the run.
* `STATISTICS_PLUGIN_NAME`, tensors: the tags `statistics` and `record`.
* `HISTOGRAMS_PLUGIN_NAME`, tensors: the tag `histograms`.

This module needs neither TensorFlow nor Keras.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message
from tensorboard.compat.proto import summary_pb2

from tensorboard_keract import plugin_data_pb2

_Message = TypeVar("_Message", bound=Message)

PLUGIN_NAME: Final = "keract"
STATISTICS_PLUGIN_NAME: Final = "keract_statistics"
HISTOGRAMS_PLUGIN_NAME: Final = "keract_histograms"

FORMAT_VERSION: Final = 1

MODEL_TAG: Final = "model"
STATISTICS_TAG: Final = "statistics"
HISTOGRAMS_TAG: Final = "histograms"
RECORD_TAG: Final = "record"

# What a recorded tensor is: the first part of its tag.
INPUT: Final = "input"
OUTPUT: Final = "output"
ACTIVATION: Final = "activation"
ACTIVATION_GRADIENT: Final = "activation_gradient"
WEIGHT: Final = "weight"
WEIGHT_GRADIENT: Final = "weight_gradient"
HEATMAP: Final = "heatmap"
FEATURE_VISUALIZATION: Final = "feature_visualization"
TENSOR_KINDS: Final = (
    INPUT,
    OUTPUT,
    ACTIVATION,
    ACTIVATION_GRADIENT,
    WEIGHT,
    WEIGHT_GRADIENT,
    HEATMAP,
    FEATURE_VISUALIZATION,
)

STATISTICS: Final = (
    "count",
    "mean",
    "std",
    "min",
    "max",
    "l2_norm",
    "zero_fraction",
    "dead_fraction",
    "saturated_fraction",
    "nan_count",
    "positive_inf_count",
    "negative_inf_count",
    "update_ratio",
)

# Values of the series `record`, one of each a step; NaN where not known.
RECORD_VALUES: Final = (
    "record",  # the running number of the record, from 0
    "epoch",  # epochs completed
    "probe_loss",
    "training_loss",
    "learning_rate",
    "loss_scale",
    "lost_records",  # records until here that were not written
    "update_skipped",  # 1 where the loss scale backed off from NaN or ±Inf gradients
)

# Of which batch tables and maps are: `ModelDescription.tables_source`, `maps_source`.
PROBE_SOURCE: Final = "probe"
TRAINING_SOURCE: Final = "training"
DATASET_SOURCE: Final = "dataset"

# Characters for which TensorBoard's default loader can't read a blob back.
_UNREADABLE_CHARACTERS: Final = {'"', "\\", *map(chr, range(32)), "\x7f"}


class UnsupportedFormatError(ValueError):
    """The data was written in a newer format than this version reads."""


class TagParts(NamedTuple):
    """A tag of the `keract` series taken apart."""

    kind: str
    path: str


def tensor_tag(kind: str, path: str) -> str:
    """The tag of the maps of one tensor, `<kind>/<path>`.

    `"`, `\\` and control characters become `_`: TensorBoard's default loader
    can't read a blob whose tag holds one.

    Raises:
      ValueError: if `kind` is not one of `TENSOR_KINDS`.
    """
    if kind not in TENSOR_KINDS:
        raise ValueError(
            f"Unknown kind of tensor {kind!r}. Use one of: {', '.join(TENSOR_KINDS)}."
        )
    return f"{kind}/{readable_path(path)}"


def readable_path(path: str) -> str:
    """`path` with `_` in place of the characters that TensorBoard can't read back."""
    return "".join("_" if c in _UNREADABLE_CHARACTERS else c for c in path)


def parse_tensor_tag(tag: str) -> TagParts | None:
    """Kind and path of a tag, or None where it is not the tag of a tensor."""
    kind, slash, path = tag.partition("/")
    return TagParts(kind, path) if slash and kind in TENSOR_KINDS else None


def create_summary_metadata(
    plugin_name: str, kind: str, path: str = "", description: str | None = None
) -> summary_pb2.SummaryMetadata:
    """Metadata that makes TensorBoard hand a summary to this plugin.

    Args:
      plugin_name: one of the three plugin names of this module. It decides the
        data class, too: blob sequence for `PLUGIN_NAME`, tensor for the others.
      kind: what the series holds, see `PluginData.kind`.
      path: layer or weight path; empty for a series of the whole model.
      description: Markdown, as in `tf.summary`.
    """
    data_class = (
        summary_pb2.DATA_CLASS_BLOB_SEQUENCE
        if plugin_name == PLUGIN_NAME
        else summary_pb2.DATA_CLASS_TENSOR
    )
    content = plugin_data_pb2.PluginData(
        format_version=FORMAT_VERSION, kind=kind, path=path
    )
    return summary_pb2.SummaryMetadata(
        summary_description=description or "",
        data_class=data_class,
        plugin_data=summary_pb2.SummaryMetadata.PluginData(
            plugin_name=plugin_name, content=content.SerializeToString()
        ),
    )


def parse_plugin_metadata(content: bytes) -> plugin_data_pb2.PluginData:
    """The `PluginData` in a `SummaryMetadata.plugin_data.content`.

    Raises:
      UnsupportedFormatError: if a newer version of this package wrote it.
      ValueError: if the bytes are not a `PluginData`.
    """
    return parse_message(plugin_data_pb2.PluginData, content, "plugin data")


def parse_message(message_type: type[_Message], content: bytes, what: str) -> _Message:
    """A stored message, refused where this version can't read it.

    Raises:
      UnsupportedFormatError: if a newer version of this package wrote it.
      ValueError: if the bytes are not such a message.
    """
    try:
        message = message_type.FromString(content)
    except DecodeError as error:
        raise ValueError(f"The stored {what} can't be read: {error}") from error
    version: int = getattr(message, "format_version")  # noqa: B009
    if version > FORMAT_VERSION:
        raise UnsupportedFormatError(
            f"The stored {what} is of format version {version}; this version of"
            f" tensorboard-keract reads up to {FORMAT_VERSION}. Upgrade with"
            " `pip install --upgrade tensorboard-keract`."
        )
    if version < 1:
        raise ValueError(f"The stored {what} names no format version.")
    return message
