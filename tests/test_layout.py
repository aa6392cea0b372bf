"""How tensors lie in planes, in NumPy; and the same done by TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tensorboard_keract.recording import layout, reduce_maps, wire_format
from tensorboard_keract.recording.layout import Limits, name_axes, plan_tensor, store


def _plan(kind, shape, limits=None, precision="float32", path="layer/kernel", **owner):
    names = name_axes(kind, path, shape, **owner)
    return plan_tensor(kind, path, "float32", names, shape, limits, precision)


@pytest.mark.parametrize(
    ("kind", "shape", "plane_shape", "channel_axes", "height_axis", "width_axis"),
    [
        ("activation", (2,), (2, 1, 1, 1), (), "", ""),
        ("activation", (2, 5), (2, 1, 1, 5), (), "", "unit"),
        ("activation", (2, 7, 5), (2, 1, 5, 7), (), "unit", "time"),
        ("activation", (2, 4, 3, 6), (2, 6, 4, 3), ("channel",), "height", "width"),
        ("activation", (2, 1, 1, 6), (2, 1, 1, 6), (), "", "channel"),
        (
            "activation",
            (2, 3, 4, 5, 6),
            (2, 18, 4, 5),
            ("channel", "depth"),
            "height",
            "width",
        ),
        ("weight", (), (1, 1, 1, 1), (), "", ""),
        ("weight", (5,), (1, 1, 1, 5), (), "", "unit"),
        ("weight", (4, 5), (1, 1, 4, 5), (), "in", "out"),
        ("weight", (3, 3, 2, 5), (1, 10, 3, 3), ("out", "in"), "height", "width"),
        ("weight", (3, 3, 1, 5), (1, 5, 3, 3), ("out",), "height", "width"),
        ("weight", (1, 1, 4, 5), (1, 1, 4, 5), (), "in", "out"),
        ("weight", (3, 4, 5), (1, 5, 4, 3), ("out",), "in", "time"),
    ],
)
def test_every_rank_has_planes(
    kind, shape, plane_shape, channel_axes, height_axis, width_axis
) -> None:
    plan = _plan(kind, shape)
    assert plan.plane_shape == plane_shape
    assert plan.channel_axes == channel_axes
    assert (plan.height_axis, plan.width_axis) == (height_axis, width_axis)
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    planes = store(plan, values)
    assert planes.codes.shape == plane_shape
    assert sorted(planes.codes.ravel()) == sorted(values.ravel())


def test_a_plane_is_a_channel_of_a_sample() -> None:
    values = np.random.default_rng(0).normal(size=(2, 4, 3, 6)).astype(np.float32)
    planes = store(_plan("activation", values.shape), values)
    np.testing.assert_array_equal(planes.codes[1, 5], values[1, :, :, 5])


def test_channels_first_is_told_by_the_layer() -> None:
    values = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype(np.float32)
    plan = _plan("activation", values.shape, data_format="channels_first")
    np.testing.assert_array_equal(store(plan, values).codes, values)


def test_attention_has_heads_of_queries_by_keys() -> None:
    names = name_axes("activation", "mha/attention_scores", (2, 3, 4, 6))
    assert names == ("batch", "head", "query", "key")
    plan = plan_tensor("activation", "", "float32", names, (2, 3, 4, 6))
    assert plan.plane_shape == (2, 3, 4, 6)
    assert plan.channel_axes == ("head",)
    assert (plan.height_axis, plan.width_axis) == ("query", "key")


def test_projections_of_attention_are_units_by_time_for_each_head() -> None:
    shape = (2, 7, 3, 5)
    names = name_axes("activation", "mha/query", shape, class_name="EinsumDense")
    plan = plan_tensor("activation", "", "float32", names, shape)
    assert plan.channel_axes == ("head",)
    assert (plan.height_axis, plan.width_axis) == ("unit", "time")


def test_a_kernel_plane_is_one_input_of_one_output() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 5)).astype(np.float32)
    planes = store(_plan("weight", kernel.shape), kernel)
    np.testing.assert_array_equal(planes.codes[0, 2 * 4 + 1], kernel[:, :, 1, 4])


def test_areas_are_averaged_and_the_last_may_be_smaller() -> None:
    row = np.array([1, 3, 5, 7, 100], np.float32)
    values = np.tile(row, (5, 1)).reshape(1, 5, 5, 1)
    plan = _plan("activation", values.shape, Limits(pixels=3))
    np.testing.assert_array_equal(
        store(plan, values).codes[0, 0], np.tile([2.0, 6.0, 100.0], (3, 1))
    )
    assert [(axis.stored, axis.pooling) for axis in plan.axes] == [
        (1, 1),
        (3, 2),
        (3, 2),
        (1, 1),
    ]
    assert plan.header().pooling_method == "area_mean"


def test_a_pooled_picture_keeps_its_proportions() -> None:
    plan = _plan("activation", (1, 60, 200, 3), Limits(pixels=64))
    assert plan.plane_shape == (1, 3, 15, 50)


def test_nan_in_an_area_makes_its_mean_nan() -> None:
    values = np.array([1, np.nan, 5, np.inf], np.float32).reshape(1, 1, 4, 1)
    codes = store(_plan("activation", values.shape, Limits(pixels=2)), values).codes
    np.testing.assert_array_equal(codes[0, 0], [[np.nan, np.inf]])


def test_the_first_samples_and_channels_are_stored() -> None:
    values = np.random.default_rng(0).normal(size=(5, 4, 4, 9)).astype(np.float32)
    plan = _plan("activation", values.shape, Limits(samples=2, channels=3))
    np.testing.assert_array_equal(
        store(plan, values).codes, values[:2, :, :, :3].transpose(0, 3, 1, 2)
    )


def test_another_shape_than_planned_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\).*planned as \(2, 4\)"):
        store(_plan("activation", (2, 4)), np.zeros((2, 3)))


SHAPES = [
    ("activation", (3,)),
    ("activation", (3, 5)),
    ("activation", (3, 70, 5)),
    ("activation", (3, 70, 65, 5)),
    ("activation", (2, 3, 4, 5, 6)),
    ("weight", (3, 3, 2, 5)),
    ("weight", ()),
]


@pytest.mark.parametrize("precision", wire_format.PRECISIONS)
@pytest.mark.parametrize(("kind", "shape"), SHAPES)
@pytest.mark.parametrize("limits", [Limits(), Limits(2, 3, 16, 20)])
def test_tensorflow_stores_the_same_planes(kind, shape, limits, precision) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=shape).astype(np.float32)
    if values.size > 500:
        values.flat[[3, 50, 400]] = np.nan, np.inf, -np.inf
    plan = _plan(kind, shape, limits, precision)
    expected = store(plan, values)
    stored = tf.function(lambda x: reduce_maps.store_all([(plan, x)]))(values)
    found = reduce_maps.stored_tensors([plan], stored)[plan].planes()
    assert found.codes.shape == expected.codes.shape == plan.plane_shape
    np.testing.assert_allclose(found.low, expected.low, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.high, expected.high, rtol=1e-5, atol=1e-7)
    tolerance = 1 if precision == "uint8" else 2e-3
    np.testing.assert_allclose(
        found.codes.astype(np.float32),
        expected.codes.astype(np.float32),
        rtol=1e-3,
        atol=tolerance,
    )


def test_planned_bytes_are_those_of_codes_and_ranges() -> None:
    plan = _plan("activation", (2, 4, 3, 6), precision="uint8")
    planes = store(plan, np.zeros((2, 4, 3, 6)))
    assert plan.byte_count == planes.codes.nbytes + planes.low.nbytes * 2


def test_the_header_says_what_is_shown_of_what() -> None:
    plan = _plan("activation", (9, 130, 130, 100), Limits(), precision="uint8")
    header = plan.header()
    axes = {a.name: (a.size, a.stored, a.pooling) for a in header.axes}
    assert axes == {
        layout.BATCH: (9, 8, 1),
        "height": (130, 44, 3),
        "width": (130, 44, 3),
        "channel": (100, 64, 1),
    }
