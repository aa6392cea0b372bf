"""Statistics and histograms on the device are those of the NumPy definitions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tensorboard_keract import metadata
from tensorboard_keract.recording import layout, reduce_maps, reduce_tables, wire_format
from tensorboard_keract.recording.statistics import merge_statistics, statistics

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(params=["small", "large"])
def size_class(request, monkeypatch) -> str:
    """Tensors of any size are taken for small ones, or for large ones."""
    for name in ("_SMALL_VALUES", "_SMALL_VALUES_PER_SAMPLE"):
        value = 10**9 if request.param == "small" else -1
        monkeypatch.setattr(reduce_tables, name, value)
    return request.param


def _values(name: str) -> np.ndarray:
    random = np.random.default_rng(0)
    odd = random.normal(size=(6, 5, 4)).astype(np.float32)
    odd.flat[[0, 7, 30, 31]] = np.nan, np.inf, -np.inf, -np.inf
    odd[..., 2] = 0
    return {
        "normal": random.normal(size=(6, 5, 4)).astype(np.float32),
        "odd": odd,
        "scalar": np.float32(3),
        "constant": np.full((4, 4), -2.5, np.float32),
        "zeros": np.zeros((4, 4), np.float32),
        "nan": np.full((2, 2), np.nan, np.float32),
        "huge": np.array([[3e38, -3e38], [1e38, 0]], np.float32),
        "tiny": np.array([[1e-30, -1e-30], [2e-30, 0]], np.float32),
        "bool": np.array([[True, False]]),
        "integer": np.arange(12, dtype=np.int32).reshape(3, 4),
        "half": random.normal(size=(3, 4)).astype(np.float16),
        "empty": np.zeros((0, 3), np.float32),
        "no channels": np.zeros((3, 0), np.float32),
        "nearly constant": (1000 + 1e-3 * random.normal(size=(50, 4))).astype("f4"),
        "huge mean": np.full((3, 2), 3e38, np.float32),
        "many rows": np.maximum(random.normal(size=(5000, 3)), 0).astype(np.float32),
        "many channels": np.maximum(random.normal(size=(20, 700)), 0).astype("f4"),
    }[name]


NAMES = [
    "normal",
    "odd",
    "scalar",
    "constant",
    "zeros",
    "nan",
    "huge",
    "tiny",
    "bool",
    "integer",
    "half",
    "empty",
    "no channels",
    "nearly constant",
    "huge mean",
    "many rows",
    "many channels",
]


@pytest.mark.parametrize("name", NAMES)
def test_statistics_match_numpy(name: str, size_class: str) -> None:
    values = _values(name)
    channel_axis = values.ndim - 1 if values.ndim else None
    row = tf.function(
        lambda x: reduce_tables.statistics(
            reduce_tables.RowSource(x, channel_axis, "tanh")
        )
    )(values)
    expected = statistics(values, channel_axis, "tanh")
    np.testing.assert_allclose(row, expected, rtol=2e-5, atol=1e-37)


@pytest.mark.parametrize("name", NAMES)
def test_axes_but_channels_may_be_of_unknown_size(name: str, size_class: str) -> None:
    values = _values(name)
    channel_axis = values.ndim - 1 if values.ndim else None
    shape = [None] * (values.ndim - 1) + list(values.shape[-1:])

    @tf.function(input_signature=[tf.TensorSpec(shape, values.dtype)])
    def reduced(x):
        rows = [reduce_tables.RowSource(x, channel_axis, "tanh")]
        return reduce_tables.statistics_table(rows, [None]), reduce_tables.histograms(
            rows
        )

    (table, _), histograms = reduced(values)
    expected = statistics(values, channel_axis, "tanh")
    np.testing.assert_allclose(table[0], expected, rtol=2e-5, atol=1e-37)
    np.testing.assert_array_equal(histograms[0], wire_format.histogram(values))


def test_rows_keep_their_order_and_their_channels(size_class: str) -> None:
    values = np.random.default_rng(3).normal(size=(4, 2, 3)).astype(np.float32)
    values[:, :, 1] = 0
    other = np.array([1, 0, 3], np.float32)

    @tf.function
    def reduced(x, y):
        flat = tf.reshape(x, [4, 6])
        rows = [
            reduce_tables.RowSource(y),
            reduce_tables.RowSource(x, 2),
            reduce_tables.RowSource(flat, 1, "relu6"),
            reduce_tables.RowSource(tf.identity(flat), 1),
            reduce_tables.RowSource(x, 1),
        ]
        ratio = tf.constant(0.5)
        table, dead = reduce_tables.statistics_table(
            rows, [ratio, None, None, None, None]
        )
        return table, dead, reduce_tables.histograms(rows)

    table, dead, histograms = reduced(values, other)
    flat = values.reshape(4, 6)
    expected = np.stack(
        [
            statistics(other),
            statistics(values, 2),
            statistics(flat, 1, "relu6"),
            statistics(flat, 1),
            statistics(values, 1),
        ]
    )
    expected[0, metadata.STATISTICS.index("update_ratio")] = 0.5
    np.testing.assert_allclose(table, expected, rtol=2e-5)
    np.testing.assert_array_equal(dead, [0, 1, 0] + [0, 1, 0, 0, 1, 0] * 2 + [0, 0])
    for row, x in zip(histograms, [other, *[values] * 4], strict=True):
        np.testing.assert_array_equal(row, wire_format.histogram(x))


def test_the_same_values_are_reduced_once() -> None:
    @tf.function
    def reduced(x):
        rows = [
            reduce_tables.RowSource(x),
            reduce_tables.RowSource(tf.reshape(x, [-1])),
        ]
        return reduce_tables.statistics_table(
            rows, [None] * 2
        ), reduce_tables.histograms(rows)

    graph = reduced.get_concrete_function(tf.TensorSpec([100, 100])).graph
    called = [
        op.get_attr("f").name for op in graph.get_operations() if "Call" in op.type
    ]
    assert sum("moments" in name for name in called) == 1
    assert sum("counts_of" in name for name in called) == 1


def test_rows_without_channels_have_no_dead_channels() -> None:
    table, dead = reduce_tables.statistics_table(
        [reduce_tables.RowSource(tf.ones([3]))], [None]
    )
    assert table.shape == (1, len(metadata.STATISTICS))
    assert dead.shape == (0,)


def test_parts_of_a_batch_merge_to_its_statistics(size_class: str) -> None:
    values = _values("odd")
    parts = [values[:2], values[2:2], values[2:]]
    tables, dead = zip(
        *(
            reduce_tables.statistics_table(
                [reduce_tables.RowSource(tf.constant(part), 2, "tanh")], [None]
            )
            for part in parts
        ),
        strict=True,
    )
    table, dead_channels = merge_statistics(tables, dead, [4])
    np.testing.assert_allclose(table[0], statistics(values, 2, "tanh"), rtol=2e-5)
    np.testing.assert_array_equal(dead_channels, [0, 0, 1, 0])


def test_statistics_by_hand() -> None:
    found = dict(
        zip(
            metadata.STATISTICS,
            statistics([[0.0, 3.0], [0.0, -4.0], [np.nan, np.inf]], 1, "relu6"),
            strict=True,
        )
    )
    np.testing.assert_allclose(found["mean"], -0.25)
    np.testing.assert_allclose(found["std"], np.std([0, 3, 0, -4]), rtol=1e-6)
    assert found["l2_norm"] == 5
    assert (found["min"], found["max"]) == (-4, 3)
    assert (found["count"], found["nan_count"]) == (6, 1)
    assert (found["positive_inf_count"], found["negative_inf_count"]) == (1, 0)
    np.testing.assert_allclose(found["zero_fraction"], 2 / 6)
    assert found["dead_fraction"] == 0  # NaN is not zero.
    np.testing.assert_allclose(found["saturated_fraction"], 1 / 6)
    assert np.isnan(found["update_ratio"])


def test_an_empty_tensor_has_counts_alone() -> None:
    found = statistics(np.zeros((0, 3)), 1)
    named = dict(zip(metadata.STATISTICS, found, strict=True))
    assert named["count"] == named["nan_count"] == 0
    assert np.isnan(named["mean"])
    assert np.isnan(named["max"])


def test_a_dead_channel_is_zero_everywhere() -> None:
    values = np.ones((2, 3, 4), np.float32)
    values[..., 1] = 0
    values[0, :, 2] = 0
    found = reduce_tables.statistics(reduce_tables.RowSource(tf.constant(values), 2))
    assert found[metadata.STATISTICS.index("dead_fraction")] == 0.25


@pytest.mark.parametrize(
    ("now", "before", "steps", "ratio"),
    [
        ([3.0, 4.0], [0.0, 5.0], 1.0, np.sqrt(10) / 5),
        ([3.0, 4.0], [0.0, 5.0], 4.0, np.sqrt(10) / 20),
        ([3.0, 4.0], [3.0, 4.0], 1.0, 0.0),
        ([3.0, 4.0], [3.0, 4.0], 0.0, np.nan),
        ([3.0, 4.0], [0.0, 0.0], 1.0, np.nan),
    ],
)
def test_update_ratio_is_distance_per_step(now, before, steps, ratio) -> None:
    (found,) = _update_ratios([tf.constant(now)], [tf.constant(before)], steps)
    np.testing.assert_allclose(found, ratio, rtol=1e-6)


def _update_ratios(weights, previous, steps):
    samples = [reduce_tables.weight_samples(of) for of in (weights, previous)]
    return reduce_tables.update_ratios(weights, *samples, tf.constant(steps))


def test_update_ratios_of_many_weights_are_those_of_each() -> None:
    weights = [tf.constant([3.0, 4.0]), tf.constant([[1.0]]), tf.zeros([2])]
    previous = [tf.constant([0.0, 5.0]), tf.constant([[2.0]]), tf.zeros([2])]
    for side in (100, 1):  # Large ones between them are samples of their own.
        weights.insert(1, tf.fill([side, 300], 3.0))
        previous.insert(1, tf.fill([side, 300], 2.0))
    found = _update_ratios(weights, previous, 2.0)
    expected = [np.sqrt(10) / 10, 0.25, 0.25, 0.25, np.nan]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert _update_ratios([], [], 1.0) == []
    large = tf.fill([100, 300], 3.0), tf.fill([100, 300], 2.0)
    np.testing.assert_allclose(_update_ratios(large[:1], large[1:], 1.0), [0.5])


def test_of_a_large_weight_an_even_stride_is_compared() -> None:
    whole, large, small = (tf.range(n, dtype=tf.float32) for n in (2**16, 2**17 + 1, 9))
    small, *found = reduce_tables.weight_samples([whole, small, large, small])
    np.testing.assert_array_equal(small, [*range(9), *range(9)])
    np.testing.assert_array_equal(found[0], whole)
    np.testing.assert_array_equal(found[1], large[::3])


def test_segment_ids_know_of_empty_segments() -> None:
    found = reduce_tables._segment_ids(tf.constant([0, 2, 0, 0, 3, 0]))
    assert found.numpy().tolist() == [1, 1, 4, 4, 4]
    assert reduce_tables._segment_ids(tf.constant([0, 0])).shape == [0]


def _histograms(*tensors: tf.Tensor) -> tf.Tensor:
    return reduce_tables.histograms(
        [reduce_tables.RowSource(tensor) for tensor in tensors]
    )


def test_histograms_match_numpy_bin_by_bin(size_class: str) -> None:
    random = np.random.default_rng(1)
    wide = np.exp(random.normal(size=5000) * 20) * random.choice([-1, 1], 5000)
    edges = wire_format.histogram_edges()
    around = np.concatenate(
        [edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)]
    )
    tensors = [
        wide.astype(np.float32),
        around.astype(np.float32),
        np.array([np.nan, np.inf, -np.inf, 0, -0.0], np.float32),
        np.array(7, np.int32),
        np.array([True, False]),
        # NaN of both signs, all but the signalling ones.
        np.array([0x7FC00000, 0x7FFFFFFF, -1, -0x400000], np.int32).view(np.float32),
        np.zeros((0, 2), np.float32),
    ]
    found = tf.function(_histograms)(*map(tf.constant, tensors))
    for row, tensor in zip(found, tensors, strict=True):
        np.testing.assert_array_equal(row, wire_format.histogram(tensor))


def test_a_large_tensor_is_counted_on_an_even_stride(size_class: str) -> None:
    values = np.random.default_rng(2).normal(size=(300, 500)).astype(np.float32)
    stride = wire_format.histogram_stride(values.size, values.shape)
    assert stride == 11
    for shape in ((300, 500), (None, 500)):
        signature = [tf.TensorSpec(shape)]
        (found,) = tf.function(_histograms, input_signature=signature)(values)
        np.testing.assert_array_equal(
            found, wire_format.histogram(values.ravel()[::stride])
        )


@pytest.mark.parametrize("batch", [300, None])
def test_all_channels_of_a_large_tensor_are_counted_alike(batch, size_class) -> None:
    values = np.tile(np.arange(64, dtype=np.float32) % 2, (300, 8, 1))
    (found,) = tf.function(
        _histograms, input_signature=[tf.TensorSpec([batch, 8, 64])]
    )(values)
    assert found.numpy().sum() == 13964  # of 153,600 each 11th
    assert found.numpy()[wire_format.BIN_ZERO] == pytest.approx(13964 / 2, rel=0.01)


def test_the_same_values_in_rows_of_another_length_have_a_stride_of_their_own() -> None:
    values = np.random.default_rng(6).normal(size=(300, 500)).astype(np.float32)
    other = values.reshape(50_000, 3)
    found = tf.function(lambda x: _histograms(x, tf.reshape(x, [50_000, 3])))(values)
    for row, x in zip(found, (values, other), strict=True):
        stride = wire_format.histogram_stride(x.size, x.shape)
        np.testing.assert_array_equal(row, wire_format.histogram(x.ravel()[::stride]))


def _stored(plans, tensors, signature=None):
    """Planes of tensors, on the host."""

    def store(*tensors):
        return reduce_maps.store_all(list(zip(plans, tensors, strict=True)))

    stored = tf.function(store, input_signature=signature)(*tensors)
    found = reduce_maps.stored_tensors(plans, stored)
    return [found[plan] for plan in plans]


def test_tensors_stored_together_are_those_stored_alone() -> None:
    random = np.random.default_rng(4)
    shapes = [(2, 4, 4, 3), (3, 4, 4, 2), (2, 16), (2, 5), (2, 16)]
    precisions = ["uint8", "uint8", "uint8", "uint8", "float16"]
    tensors = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    plans = [
        layout.plan_tensor(
            metadata.ACTIVATION,
            f"layer{i}",
            "float32",
            layout.name_axes(metadata.ACTIVATION, "layer", shape),
            shape,
            precision=precision,
        )
        for i, (shape, precision) in enumerate(zip(shapes, precisions, strict=True))
    ]
    for found, plan, values in zip(
        _stored(plans, tensors), plans, tensors, strict=True
    ):
        expected, found = layout.store(plan, values), found.planes()
        assert found.codes.dtype == expected.codes.dtype
        np.testing.assert_allclose(found.codes, expected.codes, rtol=1e-3, atol=1)
        np.testing.assert_array_equal(found.low, expected.low)
        np.testing.assert_array_equal(found.high, expected.high)


@pytest.mark.parametrize("samples", [0, 1, 2, 3])
@pytest.mark.parametrize("pixels", [4, 64])
def test_a_batch_of_unknown_size_is_stored_up_to_the_plan(samples, pixels) -> None:
    values = np.random.default_rng(5).normal(size=(samples, 6, 6, 3)).astype(np.float32)
    names = layout.name_axes(metadata.ACTIVATION, "layer", (2, 6, 6, 3))
    planned, actual = (
        layout.plan_tensor(
            metadata.ACTIVATION,
            "layer",
            "float32",
            names,
            shape,
            layout.Limits(samples=2, pixels=pixels),
        )
        for shape in ((2, 6, 6, 3), values.shape)
    )
    signature = [tf.TensorSpec([None, 6, 6, 3])]
    (found,) = _stored([planned], [values], signature)
    assert found.plan == actual
    expected = layout.store(actual, values)
    for part, wanted in zip(found.planes(), expected, strict=True):
        assert part.shape == wanted.shape
        np.testing.assert_allclose(part, wanted, rtol=1e-5, atol=1e-6)


# A process of its own: virtual devices are made before TensorFlow starts.
REPLICAS = """
import numpy as np
import tensorflow as tf
from tensorboard_keract.recording import reduce_tables
from tensorboard_keract.recording.statistics import merge_statistics, statistics

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
values = np.random.default_rng(0).normal(size=(401, 30)).astype(np.float32)
values[:, 3] = 0
data = tf.data.Dataset.from_tensor_slices(values).batch(401)

@tf.function
def reduced(x):
    def of_replica(x):
        rows = [reduce_tables.RowSource(x, 1), reduce_tables.RowSource(x[:, :2], 1)]
        return reduce_tables.statistics_table(rows, [None] * 2), reduce_tables.histograms(rows)
    return strategy.run(of_replica, (x,))

(batch,) = strategy.experimental_distribute_dataset(data)
(table, dead), histograms = reduced(batch)
tables, dead = (strategy.experimental_local_results(part) for part in (table, dead))
assert len(tables) == 2
merged, _ = merge_statistics(tables, dead, [30, 2])
np.testing.assert_allclose(merged[0], statistics(values, 1), rtol=2e-5)
np.testing.assert_allclose(merged[1], statistics(values[:, :2], 1), rtol=2e-5)
counts = sum(h.numpy() for h in strategy.experimental_local_results(histograms))
assert counts.sum(axis=1).tolist() == [401 * 30, 401 * 2]
"""


def test_replicas_reduce_their_shares_of_a_batch() -> None:
    result = subprocess.run(
        [sys.executable, "-c", REPLICAS], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
