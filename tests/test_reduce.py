"""Statistics and histograms on the device are those of the NumPy definitions."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tensorboard_keract import metadata
from tensorboard_keract.recording import reduce, wire_format
from tensorboard_keract.recording.statistics import statistics


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
]


@pytest.mark.parametrize("name", NAMES)
def test_statistics_match_numpy(name: str) -> None:
    values = _values(name)
    channel_axis = values.ndim - 1 if values.ndim else None
    row = tf.function(
        lambda x: reduce.statistics(reduce.RowSource(x, channel_axis, "tanh"))
    )(values)
    expected = statistics(values, channel_axis, "tanh")
    np.testing.assert_allclose(row, expected, rtol=2e-5, atol=1e-37)


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
    found = reduce.statistics(reduce.RowSource(tf.constant(values), 2))
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
    found = reduce.update_ratio(
        tf.constant(now), tf.constant(before), tf.constant(steps)
    )
    np.testing.assert_allclose(found, ratio, rtol=1e-6)


def test_histograms_match_numpy_bin_by_bin() -> None:
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
    ]
    found = tf.function(reduce.histograms)([tf.constant(t) for t in tensors])
    for row, tensor in zip(found, tensors, strict=True):
        np.testing.assert_array_equal(row, wire_format.histogram(tensor))


def test_a_large_tensor_is_counted_on_an_even_stride() -> None:
    values = np.random.default_rng(2).normal(size=(300, 500)).astype(np.float32)
    stride = wire_format.histogram_stride(values.size)
    assert stride == 3
    (found,) = tf.function(reduce.histograms)([tf.constant(values)])
    np.testing.assert_array_equal(
        found, wire_format.histogram(values.ravel()[::stride])
    )
