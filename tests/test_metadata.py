"""Tags, summary metadata and format versions."""

from __future__ import annotations

import pytest
from tensorboard.compat.proto import summary_pb2

from tensorboard_keract import metadata, plugin_data_pb2


def test_tensor_tag_is_kind_and_path() -> None:
    assert metadata.tensor_tag("weight", "a/b/kernel") == "weight/a/b/kernel"


def test_tensor_tag_of_unknown_kind_names_the_kinds() -> None:
    with pytest.raises(ValueError, match=r"'activations'.*activation, .*heatmap"):
        metadata.tensor_tag("activations", "conv1")


def test_characters_that_cannot_be_read_back_are_replaced() -> None:
    assert metadata.readable_path('a"b\\c\nd\x00e\x7f') == "a_b_c_d_e_"
    assert metadata.readable_path("日本 <b> %2f .. :0@1") == "日本 <b> %2f .. :0@1"


@pytest.mark.parametrize("kind", metadata.TENSOR_KINDS)
def test_tag_is_parsed_back(kind: str) -> None:
    tag = metadata.tensor_tag(kind, "a/b")
    assert metadata.parse_tensor_tag(tag) == (kind, "a/b")


@pytest.mark.parametrize(
    "tag", ["", "model", "activation", "activations/a", "/a", "x/y"]
)
def test_other_tags_are_none(tag: str) -> None:
    assert metadata.parse_tensor_tag(tag) is None


@pytest.mark.parametrize(
    ("plugin_name", "data_class"),
    [
        (metadata.PLUGIN_NAME, summary_pb2.DATA_CLASS_BLOB_SEQUENCE),
        (metadata.STATISTICS_PLUGIN_NAME, summary_pb2.DATA_CLASS_TENSOR),
        (metadata.HISTOGRAMS_PLUGIN_NAME, summary_pb2.DATA_CLASS_TENSOR),
    ],
)
def test_summary_metadata(plugin_name: str, data_class: int) -> None:
    created = metadata.create_summary_metadata(
        plugin_name, "activation", "conv1", "*text*"
    )
    assert created.data_class == data_class
    assert created.summary_description == "*text*"
    assert created.plugin_data.plugin_name == plugin_name
    parsed = metadata.parse_plugin_metadata(created.plugin_data.content)
    assert (parsed.kind, parsed.path) == ("activation", "conv1")
    assert parsed.format_version == metadata.FORMAT_VERSION


def test_newer_version_is_refused_with_advice() -> None:
    newer = plugin_data_pb2.PluginData(format_version=metadata.FORMAT_VERSION + 1)
    with pytest.raises(metadata.UnsupportedFormatError, match="pip install --upgrade"):
        metadata.parse_plugin_metadata(newer.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff"])
def test_what_is_no_plugin_data_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="stored plugin data") as error:
        metadata.parse_plugin_metadata(content)
    assert not isinstance(error.value, metadata.UnsupportedFormatError)
