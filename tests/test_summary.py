"""Summaries of single tensors, written by `tf.summary` and by the `*_pb` twins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.util import tensor_util

import tensorboard_keract as tk
from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.statistics import statistics
from tests.reading import planes_of, read_records

DATA = np.random.default_rng(0).normal(size=(2, 4, 3, 5)).astype(np.float32)


def _write(log_dir: Path, write) -> dict:
    writer = tf.summary.create_file_writer(str(log_dir / "keract"))
    with writer.as_default():
        write()
    writer.close()
    merged = {}
    for record in read_records(log_dir):
        merged |= {tag: (record, value) for tag, value in record.values.items()}
    return merged


@pytest.mark.parametrize(
    ("write", "tag"),
    [
        (tk.summary.activation, "activation/net/conv1"),
        (tk.summary.gradient, "activation_gradient/net/conv1"),
        (tk.summary.heatmap, "heatmap/net/conv1"),
        (tk.summary.feature_visualization, "feature_visualization/net/conv1"),
    ],
)
def test_writes_under_kind_and_scope(write, tag, tmp_path: Path) -> None:
    def run() -> None:
        with tf.name_scope("net"):
            assert write("conv1", DATA, step=3)

    found = _write(tmp_path, run)
    record, _ = found[tag]
    assert record.step == 3
    planes = planes_of(record, tag)
    np.testing.assert_allclose(planes, DATA.transpose(0, 3, 1, 2), atol=0.02)


def test_a_weight_gradient_has_no_batch_axis(tmp_path: Path) -> None:
    kernel = DATA
    found = _write(
        tmp_path, lambda: tk.summary.gradient("conv/kernel", kernel, 0, of="weight")
    )
    record, _ = found["weight_gradient/conv/kernel"]
    assert planes_of(record, "weight_gradient/conv/kernel").shape == (1, 15, 2, 4)
    with pytest.raises(ValueError, match="weights"):
        tk.summary.gradient("conv/kernel", kernel, 0, of="weights")


def test_a_heatmap_brings_its_image(tmp_path: Path) -> None:
    image = np.arange(24, dtype=np.float32).reshape(2, 4, 3, 1)
    found = _write(
        tmp_path, lambda: tk.summary.heatmap("cam", DATA[..., 0], image, step=0)
    )
    assert set(found) == {"heatmap/cam", "input/cam"}
    with pytest.raises(ValueError, match="data of a heatmap has 1 axes"):
        tk.summary.heatmap("cam", DATA[0, :, 0, 0], step=0)
    with pytest.raises(ValueError, match="image of a heatmap has 2 axes"):
        tk.summary.heatmap("cam", DATA[..., 0], image[:, :, 0, 0], step=0)
    with pytest.raises(TypeError, match="needs a name"):
        tk.summary.heatmap(data=DATA, step=0)


def test_a_heatmap_of_a_series_is_a_row(tmp_path: Path) -> None:
    heat, series = DATA[:, :, 0, 0], DATA[:, :, 0]
    found = _write(tmp_path, lambda: tk.summary.heatmap("ig", heat, series, step=0))
    record, _ = found["heatmap/ig"]
    header = wire_format.decode_header(record.values["heatmap/ig"][0])
    assert (header.height_axis, header.width_axis) == ("", "time")
    np.testing.assert_allclose(
        planes_of(record, "heatmap/ig")[:, 0, 0], heat, atol=0.02
    )
    assert planes_of(found["input/ig"][0], "input/ig").shape == (2, 1, 5, 4)


def _explanation() -> tk.Explanation:
    return tk.Explanation(
        method="grad_cam",
        heatmap=np.arange(8, dtype=np.float32).reshape(2, 2, 2),
        scores=np.array([1.5, 2], np.float32),
        targets=np.array([3, 1], np.int32),
        score_source="logits",
        site="conv4",
        signed=False,
        x=np.zeros((2, 4, 4, 3), np.float32),
    )


def test_an_explanation_says_what_it_explains(tmp_path: Path) -> None:
    found = _write(
        tmp_path,
        lambda: tk.summary.heatmap(data=_explanation(), step=2, max_samples=1),
    )
    assert set(found) == {"heatmap/grad_cam", "input/grad_cam"}
    record, blobs = found["heatmap/grad_cam"]
    explanation = wire_format.decode_header(blobs[0]).explanation
    assert (explanation.method, explanation.site) == ("grad_cam", "conv4")
    assert explanation.input_path == "grad_cam"
    assert list(explanation.targets) == [3]
    assert list(explanation.scores) == [1.5]
    assert explanation.target_rule == "ids"
    np.testing.assert_allclose(
        planes_of(record, "heatmap/grad_cam"), [[[[0, 1], [2, 3]]]], atol=0.01
    )
    header = wire_format.decode_header(found["input/grad_cam"][1][0])
    assert not header.HasField("explanation")


def test_a_visualization_is_written_by_its_images(tmp_path: Path) -> None:
    result = tk.FeatureVisualization("maximize_activation", DATA, scores=np.ones(2))
    found = _write(
        tmp_path, lambda: tk.summary.feature_visualization("conv", result, step=0)
    )
    tag = "feature_visualization/conv"
    planes = planes_of(found[tag][0], tag)
    np.testing.assert_allclose(planes, DATA.transpose(0, 3, 1, 2), atol=0.02)
    with pytest.raises(ValueError, match="give \\[image, height, width"):
        tk.summary.feature_visualization_pb("conv", DATA[0])


def test_a_histogram_is_counted_whole_with_its_statistics(tmp_path: Path) -> None:
    found = _write(
        tmp_path, lambda: tk.summary.histogram("w", DATA, step=1, kind="weight")
    )
    assert set(found) == {"histograms/weight/w", "statistics/weight/w"}
    np.testing.assert_array_equal(
        found["histograms/weight/w"][1], [wire_format.histogram(DATA)]
    )
    np.testing.assert_array_equal(found["statistics/weight/w"][1], [statistics(DATA)])
    with pytest.raises(ValueError, match="Unknown kind"):
        tk.summary.histogram("w", DATA, step=1, kind="weights")


def test_works_inside_a_compiled_step(tmp_path: Path) -> None:
    step = tf.Variable(5, dtype=tf.int64)

    @tf.function
    def train_step(x):
        written = tk.summary.activation("h", tf.nn.relu(x), step=step)
        return written & tk.summary.histogram("h", x, step=step)

    def run() -> None:
        assert train_step(tf.constant(DATA))
        step.assign(6)
        train_step(tf.constant(DATA) * 2)

    _write(tmp_path, run)
    maps = [r for r in read_records(tmp_path) if "activation/h" in r.values]
    assert [r.step for r in maps] == [5, 6]
    np.testing.assert_allclose(
        planes_of(maps[1], "activation/h"),
        np.maximum(DATA * 2, 0).transpose(0, 3, 1, 2),
        atol=0.02,
    )


def test_nothing_is_written_without_a_writer_or_when_off(tmp_path: Path) -> None:
    assert not tk.summary.activation("a", DATA, step=0)

    def run() -> None:
        with tf.summary.record_if(False):
            assert not tk.summary.histogram("a", DATA, step=0)

    assert _write(tmp_path, run) == {}


def test_a_step_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="step"):
        _write(tmp_path, lambda: tk.summary.activation("a", DATA))


@pytest.mark.parametrize(
    ("write", "build", "options"),
    [
        (tk.summary.activation, tk.summary.activation_pb, {"max_channels": 2}),
        (tk.summary.activation, tk.summary.activation_pb, {"precision": "float16"}),
        (tk.summary.gradient, tk.summary.gradient_pb, {"of": "weight"}),
        (tk.summary.heatmap, tk.summary.heatmap_pb, {"image": DATA}),
        (tk.summary.heatmap, tk.summary.heatmap_pb, {"data": _explanation()}),
        (
            tk.summary.feature_visualization,
            tk.summary.feature_visualization_pb,
            {"max_images": 1},
        ),
        (tk.summary.histogram, tk.summary.histogram_pb, {"kind": "weight"}),
    ],
)
def test_twins_make_the_same(write, build, options, tmp_path: Path) -> None:
    options = {"data": DATA, "description": "some *text*", **options}
    summary = build("x", **options)
    found = _write(tmp_path, lambda: write("x", step=0, **options))
    assert {value.tag for value in summary.value} == set(found)
    for value in summary.value:
        made, written = tensor_util.make_ndarray(value.tensor), found[value.tag][1]
        if made.dtype != object:
            np.testing.assert_array_equal(made, written)
            continue
        (header, planes), (other, same) = (
            wire_format.decode_tensor(list(blobs)) for blobs in (made, written)
        )
        header.wall_time = other.wall_time
        assert header == other
        np.testing.assert_array_equal(planes.codes, same.codes)


def test_metadata_names_plugin_kind_and_path() -> None:
    (value,) = tk.summary.activation_pb("conv", DATA).value
    assert value.metadata.plugin_data.plugin_name == metadata.PLUGIN_NAME
    content = metadata.parse_plugin_metadata(value.metadata.plugin_data.content)
    assert (content.kind, content.path) == ("activation", "conv")


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="int4"):
        tk.summary.activation_pb("conv", DATA, precision="int4")
