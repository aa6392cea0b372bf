"""What a record gives TensorBoard's own tabs: by hand, and as TensorBoard reads it."""

from __future__ import annotations

import itertools
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.util import tensor_util

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import layout, wire_format
from tensorboard_keract.recording.event_file import EventFile
from tensorboard_keract.recording.record import Record, Reduced
from tensorboard_keract.recording.standard_summaries import (
    STANDARD_KINDS,
    StandardSummaries,
    check_also_write,
    linear_buckets,
)
from tensorboard_keract.recording.statistics import statistics
from tests.storing import stored_tensor
from tests.tensorboard_process import WITH_TENSORFLOW, TensorBoard

NAN, INF = np.nan, np.inf
WHITE = [255, 255, 255]
BLUE, RED = [0, 75, 150], [143, 23, 20]
MAGENTA, CYAN, GREEN = [255, 0, 224], [0, 240, 255], [0, 255, 42]
GRAY_GAP, SIGNED_GAP = [70, 110, 190], [128, 128, 128]


def _stored(kind: str, path: str, values: Any, precision: str = "uint8"):
    values = np.asarray(values, np.float32)
    names = layout.name_axes(kind, path, values.shape)
    plan = layout.plan_tensor(
        kind, path, "float32", names, values.shape, None, precision
    )
    return stored_tensor(plan, values)


def _description(rows) -> plugin_data_pb2.ModelDescription:
    return plugin_data_pb2.ModelDescription(
        rows=[
            plugin_data_pb2.TableRow(kind=kind, path=path, histogram_stride=stride)
            for kind, path, stride in rows
        ]
    )


def _record(step: int = 0, **arguments: Any) -> Record:
    values = arguments.pop("values", {})
    defaults: dict[str, Any] = {
        "restarts": False,
        "inputs_change": arguments.pop("inputs_change", False),
    }
    return Record(
        step=step,
        epoch=-1,
        wall_time_s=100.0 + step,
        values=np.array(
            [values.get(name, NAN) for name in metadata.RECORD_VALUES], np.float32
        ),
        reduced=Reduced(**arguments),
        note=lambda kind, path: "",
        describe_model=plugin_data_pb2.ModelDescription,
        **defaults,
    )


def _tables(*tensors: Any) -> dict[str, Any]:
    """Both tables of tensors; a row of NaN for None."""
    arrays = [None if t is None else np.asarray(t, np.float32) for t in tensors]
    return {
        "statistics": tf.constant(
            np.stack(
                [
                    np.full(len(metadata.STATISTICS), NAN, np.float32)
                    if array is None
                    else statistics(array)
                    for array in arrays
                ]
            )
        ),
        "histograms": tf.constant(
            np.stack(
                [
                    np.full(wire_format.HISTOGRAM_BINS, NAN)
                    if array is None
                    else wire_format.histogram(array)
                    for array in arrays
                ]
            ).astype(np.float32)
        ),
    }


def _make(kinds, record: Record, rows=()) -> dict[str, Any]:
    """Values by tag."""
    values = StandardSummaries(check_also_write(kinds))(record, _description(rows))
    assert len({value.tag for value in values}) == len(values)
    return {value.tag: tensor_util.make_ndarray(value.tensor) for value in values}


def _buckets(values: Any, total: float | None = None) -> np.ndarray[Any, Any]:
    x = np.asarray(values, np.float32)
    finite = x[np.isfinite(x)]
    low, high = (finite.min(), finite.max()) if finite.size else (NAN, NAN)
    bins = wire_format.histogram(x).astype(np.float64)
    return linear_buckets(
        bins, float(low), float(high), finite.size if total is None else total
    )


def _images(value: Any) -> list[np.ndarray[Any, Any]]:
    """Pixels of an image summary, [height, width, RGB], of the size that it says."""
    width, height, *pngs = list(value)
    images = [tf.io.decode_png(png).numpy() for png in pngs]
    assert {image.shape for image in images} == {(int(height), int(width), 3)}
    return images


def test_kinds_are_checked_and_put_in_order() -> None:
    assert check_also_write(()) == ()
    assert check_also_write("scalars") == ("scalars",)
    kinds = ["images", "histograms", "images"]
    assert check_also_write(iter(kinds)) == ("histograms", "images")
    assert check_also_write(reversed(STANDARD_KINDS)) == STANDARD_KINDS
    with pytest.raises(ValueError, match=r"'scalar'.*histograms, scalars, images"):
        check_also_write("scalar")
    with pytest.raises(ValueError, match="names 3"):
        check_also_write([3])  # type: ignore[list-item]


# Histograms


@pytest.mark.parametrize("value", [3.0, -0.25, 1.0, 1e-30, -1e30, 7e4])
def test_a_constant_is_one_narrow_bucket_with_a_width(value) -> None:
    ((left, right, count),) = _buckets([value] * 5)
    assert left < value < right
    assert count == 5
    assert right - left < max(1e-3 * abs(value), 2e-7)


def test_zeros_are_one_bucket_about_zero() -> None:
    np.testing.assert_array_equal(_buckets(np.zeros(4)), [[-(2**-24), 2**-24, 4]])


@pytest.mark.parametrize("values", [[], [NAN, NAN], [INF, -INF, NAN]])
def test_without_finite_values_there_are_no_buckets(values) -> None:
    assert _buckets(values).shape == (0, 3)


def test_two_values_are_at_the_ends() -> None:
    buckets = _buckets([-1, 2, 2])
    np.testing.assert_allclose(buckets[:, 0], -1 + 0.1 * np.arange(30), atol=1e-12)
    np.testing.assert_allclose(buckets[:, 1], -0.9 + 0.1 * np.arange(30), atol=1e-12)
    np.testing.assert_array_equal(buckets[:, 2], [1] + [0] * 28 + [2])


def test_exact_zeros_are_in_one_bucket() -> None:
    buckets = _buckets([0] * 7 + [3])
    np.testing.assert_allclose(buckets[0], [0, 0.1, 7])
    assert buckets[1:, 2].sum() == pytest.approx(1)
    buckets = _buckets([-3] + [0] * 7)
    np.testing.assert_allclose(buckets[-1], [-0.1, 0, 7], atol=1e-12)


def test_a_single_bin_is_spread_evenly() -> None:
    # 1.1 and 1.3 lie between 1 and the square root of 2.
    buckets = _buckets([1.1, 1.2, 1.3])
    assert (buckets[0, 0], buckets[-1, 1]) == (np.float32(1.1), np.float32(1.3))
    np.testing.assert_allclose(buckets[:, 2], 0.1)


def test_the_density_in_a_bin_is_a_line_between_its_neighbours() -> None:
    root = float(np.float32(2**0.5))
    bins = np.zeros(wire_format.HISTOGRAM_BINS)
    # Densities of 4, 2 and 0 over [1/sqrt(2), 1), [1, sqrt(2)), [sqrt(2), 2).
    first = wire_format.BIN_POSITIVE_TINY + 2 * 24
    widths = 1 - root / 2, root - 1
    bins[first : first + 2] = 4 * widths[0], 2 * widths[1]
    buckets = linear_buckets(bins, root / 2, 2.0, bins.sum())
    assert buckets[:, 2].sum() == pytest.approx(bins.sum())
    middle = buckets[:, :2].mean(axis=1)
    width = buckets[0, 1] - buckets[0, 0]
    inside = (buckets[:, 0] > 1) & (buckets[:, 1] < root)
    # The lesser slope: 2 over the distance of the centres of the first two bins, or
    # of the latter two.
    slope = -min(2 / (sum(widths) / 2), 2 / ((2 - 1) / 2))
    expected = (2 + slope * (middle - (1 + root) / 2)) * width
    np.testing.assert_allclose(buckets[inside, 2], expected[inside], rtol=1e-6)
    np.testing.assert_array_equal(buckets[buckets[:, 0] > root, 2], 0)


def test_counts_and_places_are_those_of_the_bins() -> None:
    rng = np.random.default_rng(0)
    for values in (
        rng.normal(size=3000),
        np.maximum(rng.normal(size=3000), 0),
        rng.normal(size=3000) * 1e-9,
        rng.standard_cauchy(3000) * 1e5,
        np.append(rng.normal(size=300), 1e38),
        1 + 1e-6 * rng.normal(size=3000),
    ):
        x = values.astype(np.float32)
        buckets = _buckets(x)
        assert np.isfinite(buckets).all()
        assert (buckets[:, 1] > buckets[:, 0]).all()
        assert (buckets[:, 2] >= 0).all()
        np.testing.assert_array_equal(buckets[1:, 0], buckets[:-1, 1])
        assert (buckets[0, 0], buckets[-1, 1]) == (x.min(), x.max())
        assert buckets[:, 2].sum() == pytest.approx(x.size)
    # Of the normal distribution it is within a few per cent of the true histogram.
    x = rng.normal(size=30_000).astype(np.float32)
    true, _ = np.histogram(x, 30)
    assert abs(_buckets(x)[:, 2] - true).sum() / 2 < 0.03 * x.size


def test_without_statistics_the_outermost_bins_say_where_it_ends() -> None:
    bins = wire_format.histogram([-1e9, 0, 3]).astype(np.float64)
    buckets = linear_buckets(bins, NAN, NAN, 3)
    assert buckets[0, 0] == -(2**17)
    assert buckets[-1, 1] == 4
    assert buckets[:, 2].sum() == pytest.approx(3)
    zero = wire_format.histogram([0, 0]).astype(np.float64)
    np.testing.assert_array_equal(
        linear_buckets(zero, NAN, NAN, 2), [[-(2**-24), 2**-24, 2]]
    )


def test_histograms_of_a_stride_are_scaled_to_the_tensor() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=1000).astype(np.float32)
    x[::50] = NAN
    tables = _tables(x)
    tables["histograms"] = tf.constant(
        wire_format.histogram(x[::4])[np.newaxis].astype(np.float32)
    )
    rows = [("weight", "k", 4)]
    made = _make("histograms", _record(**tables), rows)
    assert made["weight_histogram/k"][:, 2].sum() == pytest.approx(980)
    # Without statistics, the stride says how many they stand for.
    del tables["statistics"]
    made = _make("histograms", _record(**tables), rows)
    counted = np.isfinite(x[::4]).sum()
    assert made["weight_histogram/k"][:, 2].sum() == pytest.approx(4 * counted)
    (value,) = StandardSummaries(("histograms",))(_record(**tables), _description(rows))
    assert "every 4th value" in value.metadata.summary_description


# Scalars


def test_scalars_are_the_statistics_that_are_known() -> None:
    record = _record(
        **_tables([3, -4, 0, 0], [NAN, INF, 1, NAN], None),
        values={"record": 1, "probe_loss": 2.5, "learning_rate": 0.125},
    )
    rows = [("activation", "a", 1), ("weight", 'd/"k"', 1), ("activation", "no", 1)]
    made = _make("scalars", record, rows)
    assert all(number.shape == () for number in made.values())
    assert {tag: number.item() for tag, number in made.items()} == pytest.approx(
        {
            "activation_mean/a": -0.25,
            "activation_std/a": np.std([3, -4, 0, 0]),
            "activation_min/a": -4,
            "activation_max/a": 3,
            "activation_l2_norm/a": 5,
            "activation_zero_fraction/a": 0.5,
            "weight_mean/d/_k_": 1,
            "weight_std/d/_k_": 0,
            "weight_min/d/_k_": 1,
            "weight_max/d/_k_": 1,
            "weight_l2_norm/d/_k_": 1,
            "weight_zero_fraction/d/_k_": 0,
            "weight_nan_count/d/_k_": 2,
            "weight_positive_inf_count/d/_k_": 1,
            "record/probe_loss": 2.5,
            "record/learning_rate": 0.125,
        }
    )


def test_counts_of_nan_go_back_to_zero() -> None:
    make = StandardSummaries(("scalars",))
    rows = _description([("weight", "k", 1)])
    counts = []
    for values in ([1, 2], [NAN, 2], [1, 2], None):
        made = make(_record(**_tables(values)), rows)
        named = {v.tag: tensor_util.make_ndarray(v.tensor).item() for v in made}
        counts.append(named.get("weight_nan_count/k"))
    assert counts == [None, 1, 0, None]


def test_a_record_without_tables_and_maps_has_no_summaries() -> None:
    assert _make(STANDARD_KINDS, _record()) == {}
    empty = _stored("activation", "e", np.zeros((0, 3)))
    assert _make(STANDARD_KINDS, _record(maps=(empty,))) == {}
    left_out = _record(**_tables(None, [NAN]))
    rows = [("activation", "a", 1), ("activation", "b", 1)]
    assert set(_make(STANDARD_KINDS, left_out, rows)) == {
        "activation_nan_count/b",
        "activation_zero_fraction/b",
    }


def test_tags_are_not_those_of_the_recorder() -> None:
    whats = [*metadata.STATISTICS, "histogram", "image"]
    firsts = {
        f"{kind}_{what}"
        for kind, what in itertools.product(metadata.TENSOR_KINDS, whats)
    }
    own = {metadata.MODEL_TAG, metadata.STATISTICS_TAG, metadata.HISTOGRAMS_TAG}
    assert not firsts & {*metadata.TENSOR_KINDS, *own, metadata.RECORD_TAG}


# Images


def test_maps_are_gray_over_the_range_of_the_layer() -> None:
    # [batch, height, width, channel]: two channels of 1 × 2 and a height of 2.
    maps = np.array([[[[0, 4], [1, 4]], [[2, 3], [NAN, -INF]]]])
    made = _make("images", _record(maps=(_stored("activation", "c", maps, "float32"),)))
    (image,) = _images(made["activation_image/c"])
    height, width, _ = image.shape
    tile = (width - (width % 2 or 2)) // 2
    gray = {0: 0, 1: 64, 2: 128, 3: 191, 4: 255}
    expected = [
        [[gray[0]] * 3, [gray[1]] * 3, [gray[4]] * 3, [gray[4]] * 3],
        [[gray[2]] * 3, MAGENTA, [gray[3]] * 3, GREEN],
    ]
    quarter = tile // 4
    columns = [quarter, tile - quarter, width - tile + quarter, width - quarter]
    rows = [height // 4, height - height // 4]
    np.testing.assert_array_equal(image[np.ix_(rows, columns)], expected)
    np.testing.assert_array_equal(image[:, width // 2], [GRAY_GAP] * height)


def test_gradients_and_weights_diverge_about_zero() -> None:
    kernel = np.array([[-2, 0, 1], [INF, NAN, 0]])
    made = _make("images", _record(maps=(_stored("weight", "k", kernel, "float32"),)))
    (image,) = _images(made["weight_image/k"])
    cell = image.shape[0] // 2, image.shape[1] // 3
    assert min(cell) >= 24
    half_red = [round(255 + (c - 255) * 64 / 127) for c in RED]
    expected = np.array([[BLUE, WHITE, half_red], [CYAN, MAGENTA, WHITE]], np.uint8)
    np.testing.assert_array_equal(
        image, expected.repeat(cell[0], axis=0).repeat(cell[1], axis=1)
    )


def test_units_are_tiles_and_three_samples_are_shown() -> None:
    dense = np.arange(20.0).reshape(5, 4)
    made = _make("images", _record(maps=(_stored("activation", "d", dense),)))
    images = _images(made["activation_image/d"])
    assert len(images) == 3
    height, width, _ = images[0].shape
    for sample, image in enumerate(images):
        corners = image[np.ix_([0, height - 1], [0, width - 1])]
        # 0 ... 11 are shown, over their own range; a code is off by half of 1/252.
        expected = (4 * sample + np.arange(4).reshape(2, 2, 1)) * 255 / 11
        np.testing.assert_allclose(corners, expected.repeat(3, 2), atol=1.5)
    np.testing.assert_array_equal(images[0][:, width // 2], [GRAY_GAP] * height)


@pytest.mark.parametrize(
    ("kind", "values", "color"),
    [
        ("activation", np.full((1, 4, 4, 1), 3), [0, 0, 0]),
        ("activation", np.full((1, 4, 4, 1), NAN), MAGENTA),
        ("activation_gradient", np.zeros((1, 4, 4, 1)), WHITE),
        ("activation_gradient", np.full((1, 4, 4, 1), 2), RED),
        ("weight", np.full((4, 4), NAN), MAGENTA),
        ("weight", 5.0, RED),
    ],
)
def test_constant_maps_have_one_color(kind, values, color) -> None:
    made = _make("images", _record(maps=(_stored(kind, "x", values),)))
    (image,) = _images(made[f"{kind}_image/x"])
    assert min(image.shape[:2]) >= 24
    np.testing.assert_array_equal(image, np.broadcast_to(color, image.shape))


def test_colour_pictures_are_shown_in_colour_where_the_inputs_are_new() -> None:
    picture = np.array([[[[0, 1, 0], [1, 0.5, NAN]]]]).repeat(2, axis=1)
    inputs = (_stored("input", "image", picture, "float32"),)
    make = StandardSummaries(("images",))
    (value,) = make(_record(inputs=inputs), _description(()))
    assert value.tag == "input_image/image"
    (image,) = _images(tensor_util.make_ndarray(value.tensor))
    np.testing.assert_array_equal(image[0, 0], [0, 255, 0])
    np.testing.assert_array_equal(image[-1, -1], MAGENTA)
    assert make(_record(1, inputs=inputs), _description(())) == []
    again = make(_record(2, inputs=inputs, inputs_change=True), _description(()))
    assert [v.tag for v in again] == ["input_image/image"]


def test_large_tensors_become_images_of_a_few_hundred_pixels() -> None:
    rng = np.random.default_rng(0)
    record = _record(
        maps=(
            _stored("weight", "a/kernel", rng.normal(size=(3, 3, 64, 64))),
            _stored("activation", "b", rng.normal(size=(1, 64, 64, 64))),
            _stored("activation", "c", rng.normal(size=(1, 5000))),
            _stored("activation", "d", rng.normal(size=(1, 300, 300))),
            _stored("weight", "e/kernel", rng.normal(size=(700, 2))),
        )
    )
    made = _make("images", record)
    assert len(made) == 5
    for value in made.values():
        (image,) = _images(value)
        assert 100 <= max(image.shape) <= 600, image.shape


# As TensorBoard reads it

ROWS = [("activation", "conv", 1), ("weight", "conv/kernel", 1)]
STEPS = (0, 10)


def _real_record(step: int) -> Record:
    conv = np.arange(2 * 4 * 4 * 3.0).reshape(2, 4, 4, 3) + step
    kernel = np.array([[-1.0, 0], [2, 2]])
    return _record(
        step,
        **_tables(conv, kernel),
        maps=(_stored("activation", "conv", conv), _stored("weight", "k", kernel)),
        values={"training_loss": 1 / (1 + step)},
    )


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two records of standard summaries alone."""
    directory = tmp_path_factory.mktemp("standard")
    make = StandardSummaries(STANDARD_KINDS)
    file = EventFile(str(directory / "run" / "keract"))
    file.start_session(0)
    for step in STEPS:
        record = _real_record(step)
        file.write(make(record, _description(ROWS)), step, record.wall_time_s)
    file.close()
    return directory


@pytest.fixture(scope="module", params=["true", "false"], ids=["rust", "python"])
def tensorboard(
    request: pytest.FixtureRequest,
    logdir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TensorBoard]:
    output = tmp_path_factory.mktemp("output")
    load_fast = request.param == "true"
    with TensorBoard(logdir, output, load_fast, WITH_TENSORFLOW) as process:
        _await_records(process)
        yield process


def _await_records(tensorboard: TensorBoard, timeout_s: float = 60) -> None:
    """Waits until the last series of the run has been read to its end."""
    query = "run=run/keract&tag=weight_image/k"
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        reply = tensorboard.request(f"data/plugin/images/images?{query}")
        if reply.status == 200 and len(reply.json()) == len(STEPS):
            return
        time.sleep(0.2)
    raise TimeoutError(tensorboard.log())


def _ask(tensorboard: TensorBoard, route: str, **parameters: object) -> Any:
    query = urllib.parse.urlencode(parameters)
    reply = tensorboard.request(f"data/plugin/{route}?{query}")
    assert reply.status == 200, reply
    return reply


def test_tensorboard_reads_what_is_written(tensorboard: TensorBoard) -> None:
    run = "run/keract"

    def ask(plugin: str, tag: str, **parameters: object) -> Any:
        route = f"{plugin}/{plugin}"
        return _ask(tensorboard, route, run=run, tag=tag, **parameters).json()

    tags = _ask(tensorboard, "timeseries/tags").json()
    scalars = tags["scalars"]["runTagInfo"][run]
    assert {"activation_mean/conv", "record/training_loss"} <= set(scalars)
    assert tags["histograms"]["runTagInfo"][run] == [
        "activation_histogram/conv",
        "weight_histogram/conv/kernel",
    ]
    assert tags["images"]["tagRunSampledInfo"] == {
        "activation_image/conv": {run: {"maxSamplesPerStep": 2}},
        "weight_image/k": {run: {"maxSamplesPerStep": 1}},
    }
    assert (
        "white the greatest"
        in tags["images"]["tagDescriptions"]["activation_image/conv"]
    )

    assert ask("scalars", "activation_mean/conv") == [
        [100.0, 0, 47.5],
        [110.0, 10, 57.5],
    ]
    losses = [value for _, _, value in ask("scalars", "record/training_loss")]
    assert losses == pytest.approx([1, 1 / 11])

    histograms = ask("histograms", "weight_histogram/conv/kernel")
    assert [step for _, step, _ in histograms] == list(STEPS)
    for _, _, buckets in histograms:
        counts = [count for _, _, count in buckets]
        assert counts == [1] + [0] * 9 + [1] + [0] * 18 + [2]
        assert (buckets[0][0], buckets[-1][1]) == (-1, 2)
    for _, step, buckets in ask("histograms", "activation_histogram/conv"):
        assert sum(count for _, _, count in buckets) == pytest.approx(96)
        assert (buckets[0][0], buckets[-1][1]) == (step, 95 + step)

    for sample in range(2):
        shown = ask("images", "activation_image/conv", sample=sample)
        assert [entry["step"] for entry in shown] == list(STEPS)
        png = tensorboard.request(
            f"data/plugin/images/individualImage?{shown[1]['query']}"
        )
        assert png.headers["content-type"] == "image/png"
        pixels = tf.io.decode_png(png.body).numpy()
        # The first value of the first channel: 0 and 48 of 0 ... 95.
        np.testing.assert_allclose(pixels[0, 0], sample * 48 / 95 * 255, atol=1.5)
