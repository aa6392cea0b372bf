"""Every route, asked of real TensorBoard processes with each of its loaders."""

from __future__ import annotations

import csv
import gzip
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tensorboard_keract.viewer import routes
from tests.conftest import FIXTURE_STEPS
from tests.fixture_run import RECORDS_WITHOUT_TABLES, STEPS_PER_EPOCH
from tests.odd_runs import ODD_NAME
from tests.tensorboard_process import Reply, TensorBoard

RUN = "run1/keract"
TAG = "activation/conv1"
PARTIAL = "partial/keract"
STEPS = [record * STEPS_PER_EPOCH for record in range(FIXTURE_STEPS)]

# A good request of each route.
GOOD: dict[str, dict[str, Any]] = {
    "runs": {},
    "model": {"run": RUN},
    "series": {"run": RUN},
    "statistics": {"run": RUN},
    "histograms": {"run": RUN, "row": 0},
    "tensors": {"run": RUN, "tag": TAG, "step": 20, "index": [0, 1]},
    "header": {"run": RUN, "tag": TAG, "step": 20},
    "blob": {"run": RUN, "tag": TAG, "step": 20, "index": 0},
    "export.npz": {"run": RUN, "tag": TAG, "step": 20},
    "export.csv": {"run": RUN, "table": "statistics"},
    "export.png": {"run": RUN, "tag": TAG, "step": 20, "index": 0},
}


def check_error(reply: Reply, status: int, text: str) -> None:
    """One line of plain text that says `text`."""
    assert (reply.status, reply.headers["content-type"]) == (
        status,
        "text/plain; charset=utf-8",
    )
    assert reply.headers["x-content-type-options"] == "nosniff"
    body = reply.body.decode()
    assert text in body
    assert len(body.splitlines()) == 1


def array(reply: Reply, name: str) -> np.ndarray:
    head, payload = reply.unpack()
    entry = head[name]
    count = int(np.prod(entry["shape"]))
    values = np.frombuffer(payload, entry["dtype"], count, entry["offset"])
    return values.reshape(entry["shape"])


def read_png(data: bytes) -> np.ndarray:
    """Pixels of a PNG with one IDAT chunk and no filters, [height, width, RGBA]."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, color = struct.unpack(">IIBB", data[16:26])
    assert (depth, color) == (8, 6)
    (length,) = struct.unpack(">I", data[33:37])
    rows = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8)
    return rows.reshape(height, 1 + width * 4)[:, 1:].reshape(height, width, 4)


@pytest.fixture
def wall_times(tensorboard: TensorBoard) -> list[float]:
    index = tensorboard.get("series", run=RUN).json()
    return index["steps"][index["tags"][TAG]]["wall_times"]


def test_plugin_is_listed_as_an_es_module(tensorboard: TensorBoard) -> None:
    listed = tensorboard.request("data/plugins_listing").json()["keract"]
    assert listed["enabled"] is True
    assert listed["tab_name"] == "Keract"
    assert listed["loading_mechanism"]["module_path"].endswith("/index.js")


def test_every_route_has_a_good_request() -> None:
    assert set(GOOD) == set(routes.ROUTES)


@pytest.mark.parametrize("route", GOOD)
def test_good_request(tensorboard: TensorBoard, route: str) -> None:
    reply = tensorboard.get(route, **GOOD[route])
    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-cache, must-revalidate"
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("route", GOOD)
def test_parameters_that_are_not_known_are_ignored(
    tensorboard: TensorBoard, route: str
) -> None:
    assert tensorboard.get(route, **GOOD[route], nonsense=1).status == 200


@pytest.mark.parametrize("route", GOOD)
def test_head_has_no_body(tensorboard: TensorBoard, route: str) -> None:
    query = "&".join(f"{k}={v}" for k, v in GOOD[route].items() if k != "index")
    query += "&index=0"
    path = f"data/plugin/keract/{route}?{query}"
    reply = tensorboard.request(path, "HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["runs", "blob", "index.js", "nothing"])
def test_other_methods_are_refused(
    tensorboard: TensorBoard, method: str, path: str
) -> None:
    reply = tensorboard.request(f"data/plugin/keract/{path}", method)
    check_error(reply, 405, method)
    assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("route", "missing"),
    [
        (route, name)
        for route, parameters in GOOD.items()
        for name in parameters
        if (route, name) != ("tensors", "index")
    ],
)
def test_missing_parameter(tensorboard: TensorBoard, route: str, missing: str) -> None:
    parameters = {k: v for k, v in GOOD[route].items() if k != missing}
    check_error(tensorboard.get(route, **parameters), 400, f"'{missing}' is missing")


@pytest.mark.parametrize(
    ("route", "changed", "status", "text"),
    [
        *[
            (route, {"run": "no\nrun<b>"}, 404, "the runs with Keract data")
            for route in GOOD
            if route != "runs"
        ],
        *[
            (route, {"tag": "activation/none"}, 404, TAG)
            for route in ("tensors", "header", "blob", "export.npz", "export.png")
        ],
        *[
            (route, {"step": 21}, 404, "steps 0, 20")
            for route in ("tensors", "header", "blob", "export.npz", "export.png")
        ],
        *[
            (route, {"index": index}, 404, "8 blobs")
            for route in ("blob", "export.png")
            for index in (8, -1)
        ],
        ("tensors", {"index": [0, -1]}, 400, "counted from 0"),
        ("header", {"tag": "model"}, 404, "model"),
        ("header", {"step": "1.5"}, 400, "whole number"),
        ("header", {"step": ""}, 400, "whole number"),
        ("header", {"step": "١"}, 400, "whole number"),
        ("header", {"step": "9" * 30}, 400, "whole number"),
        ("header", {"wall_time": "nan"}, 400, "finite number"),
        ("header", {"wall_time": "soon"}, 400, "finite number"),
        ("header", {"wall_time": "1.5"}, 404, "wall time"),
        ("tensors", {"step": [0, 20], "wall_time": 1.5}, 400, "one step"),
        ("tensors", {"step": range(1025)}, 400, "1024"),
        ("tensors", {"index": range(257)}, 400, "256"),
        ("histograms", {"row": 999}, 404, "rows 0 to"),
        ("histograms", {"row": -1}, 404, "rows 0 to"),
        ("histograms", {"row": "x"}, 400, "whole number"),
        ("export.npz", {"versus_step": "first"}, 400, "whole number"),
        ("export.npz", {"versus_step": 21}, 404, "21"),
        ("export.npz", {"versus_step": 20, "versus_run": "none"}, 404, "none"),
        ("export.csv", {"table": "other"}, 400, "'statistics', 'histograms'"),
        ("export.csv", {"table": "histograms"}, 400, "'row' is missing"),
        ("export.csv", {"row": 999}, 404, "rows 0 to"),
        ("export.png", {"channel": 16}, 404, "16 channels"),
        ("export.png", {"channel": -1}, 404, "16 channels"),
        ("export.png", {"channel": "a"}, 400, "whole number"),
        ("export.png", {"colormap": "pink"}, 400, "'viridis'"),
        ("export.png", {"low": 1}, 400, "together"),
        ("export.png", {"low": 2, "high": 1}, 400, "greater"),
        ("export.png", {"low": "-inf", "high": 1}, 400, "finite"),
    ],
)
def test_bad_parameter(
    tensorboard: TensorBoard,
    route: str,
    changed: dict[str, Any],
    status: int,
    text: str,
) -> None:
    reply = tensorboard.get(route, **{**GOOD[route], **changed})
    check_error(reply, status, text)


def test_runs(tensorboard: TensorBoard) -> None:
    runs = {run["run"]: run for run in tensorboard.get("runs").json()["runs"]}
    assert {RUN, "run2/keract", ODD_NAME} <= set(runs)
    assert runs[RUN] == {
        "run": RUN,
        "start_time": 1_700_000_000.0,
        "format_error": "",
    }


def test_model_has_every_field(tensorboard: TensorBoard) -> None:
    model = tensorboard.get("model", run=RUN).json()
    assert model["name"] == "digits"
    conv1 = next(layer for layer in model["layers"] if layer["path"] == "conv1")
    assert conv1["parents"] == ["image"]
    assert conv1["outputs"] == [
        {"shape": [8, 14, 14, 16], "dtype": "float32", "path": "conv1"}
    ]
    assert conv1["note"] == ""
    assert model["probe"]["labels"] == [3, 7, 0, 8, 1, 5, 9, 2]
    assert model["statistics"] == list(metadata.STATISTICS)
    edges = model["histogram_edges"]
    assert (len(edges), edges[0], edges[-1]) == (166, "-Infinity", "Infinity")


def test_series(tensorboard: TensorBoard) -> None:
    index = tensorboard.get("series", run=RUN).json()
    assert index["steps"][index["tags"][TAG]]["steps"] == STEPS
    once = index["tags"]["feature_visualization/block/conv2"]
    assert index["steps"][once]["steps"] == STEPS[-1:]
    assert index["steps"][index["statistics"]]["steps"] == STEPS
    assert index["steps"][index["histograms"]]["steps"] == STEPS
    assert index["records_written"] == FIXTURE_STEPS
    assert "model" not in index["tags"]


def test_statistics(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get("statistics", run=RUN)
    head, _ = reply.unpack()
    rows = tensorboard.get("model", run=RUN).json()["rows"]
    assert head["steps"] == STEPS
    assert head["epochs"] == list(range(FIXTURE_STEPS))
    assert (head["rows"], head["columns"]) == (len(rows), 13)
    values = array(reply, "statistics")
    assert values.shape == (FIXTURE_STEPS, len(rows), 13)
    conv1 = next(
        i
        for i, r in enumerate(rows)
        if (r["kind"], r["path"]) == ("activation", "conv1")
    )
    count = metadata.STATISTICS.index("count")
    assert (values[:, conv1, count] == 8 * 14 * 14 * 16).all()
    numbers = array(reply, "record_values")[:, metadata.RECORD_VALUES.index("record")]
    assert numbers.tolist() == list(range(FIXTURE_STEPS))


def test_histograms_of_chosen_rows(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get("histograms", run=RUN, row=[3, 1])
    assert reply.unpack()[0]["rows"] == [3, 1]
    values = array(reply, "histograms")
    assert values.shape == (FIXTURE_STEPS, 2, wire_format.HISTOGRAM_BINS)
    assert (values[:, 1].sum(axis=-1) == 8 * 14 * 14 * 16).all()
    alone = array(tensorboard.get("histograms", run=RUN, row=1), "histograms")
    np.testing.assert_array_equal(alone[:, 0], values[:, 1])


def test_histograms_at_chosen_steps(tensorboard: TensorBoard) -> None:
    every = array(tensorboard.get("histograms", run=RUN, row=1), "histograms")
    # Step 21 has none.
    reply = tensorboard.get("histograms", run=RUN, row=1, step=[40, 0, 21])
    assert reply.unpack()[0]["steps"] == [0, 40]
    np.testing.assert_array_equal(array(reply, "histograms"), every[[0, 2]])


def test_tensors_at_several_steps(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get("tensors", run=RUN, tag=TAG, step=[40, 0], index=[1, 0])
    head, payload = reply.unpack()
    assert [tensor["step"] for tensor in head["tensors"]] == [40, 0]
    for tensor in head["tensors"]:
        assert tensor["header"]["step"] == tensor["step"]
        assert [blob["index"] for blob in tensor["blobs"]] == [1, 0]
        for blob in tensor["blobs"]:
            stored = payload[blob["offset"] : blob["offset"] + blob["length"]]
            assert len(gzip.decompress(stored)) == 16 * 14 * 14
            assert zlib.crc32(stored) == tensor["header"]["crc32"][blob["index"]]
    end = head["tensors"][-1]["blobs"][-1]
    assert len(payload) == end["offset"] + end["length"]


def test_tensors_without_index_are_headers(tensorboard: TensorBoard) -> None:
    head, payload = tensorboard.get("tensors", run=RUN, tag=TAG, step=STEPS).unpack()
    assert len(head["tensors"]) == FIXTURE_STEPS
    assert payload == b""


def test_header(tensorboard: TensorBoard) -> None:
    header = tensorboard.get("header", run=RUN, tag=TAG, step=20).json()
    assert (header["kind"], header["path"], header["step"]) == (
        "activation",
        "conv1",
        20,
    )
    assert [axis["name"] for axis in header["axes"]] == [
        "batch",
        "height",
        "width",
        "channel",
    ]
    assert len(header["low"]) == header["blobs"] * header["channels"] == 8 * 16
    # The dead channel, the constant one.
    assert (header["low"][3], header["high"][3]) == (0, 0)
    assert (header["low"][7], header["high"][7]) == (0.5, 0.5)


def test_blob_is_passed_on_as_it_is_stored(tensorboard: TensorBoard) -> None:
    path = f"data/plugin/keract/blob?run={RUN}&tag={TAG}&step=20&index=2"
    zipped = tensorboard.request(path, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    plain = tensorboard.request(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(zipped.body) == plain.body
    assert len(plain.body) == 16 * 14 * 14


@pytest.mark.parametrize("route", ["tensors", "header", "blob"])
def test_answer_for_a_wall_time_is_cached(
    tensorboard: TensorBoard, wall_times: list[float], route: str
) -> None:
    good = {**GOOD[route], "wall_time": repr(wall_times[1])}
    reply = tensorboard.get(route, **good)
    assert reply.status == 200
    assert reply.headers["cache-control"] == "private, max-age=31536000"
    assert reply.body == tensorboard.get(route, **GOOD[route]).body


def test_json_is_compressed(tensorboard: TensorBoard) -> None:
    path = f"data/plugin/keract/model?run={RUN}"
    reply = tensorboard.request(path, headers={"Accept-Encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip"


def test_npz_holds_values_and_codes(tensorboard: TensorBoard) -> None:
    tag = "activation_gradient/block/conv2"
    reply = tensorboard.get("export.npz", run=RUN, tag=tag, step=STEPS[-1])
    assert reply.headers["content-disposition"] == (
        'attachment; filename="run1_keract_activation_gradient_block_conv2'
        f'_step_{STEPS[-1]}.npz"'
    )
    arrays = np.load(io.BytesIO(reply.body))
    assert len(reply.body) < sum(array.nbytes for array in arrays.values())
    assert arrays["values"].shape == arrays["codes"].shape == (8, 32, 7, 7)
    assert arrays["low"].shape == arrays["high"].shape == (8, 32)
    assert np.isnan(arrays["values"][2, 4]).all()
    assert arrays["values"][0, 2, 3, 2] == np.inf
    assert arrays["values"][1, 2, 3, 3] == -np.inf
    assert '"kind": "activation_gradient"' in str(arrays["header"])


def test_npz_of_a_comparison_holds_both_sides_and_their_difference(
    tensorboard: TensorBoard,
) -> None:
    tag = "activation_gradient/block/conv2"
    at = {"run": RUN, "tag": tag, "step": STEPS[-1]}
    reply = tensorboard.get(
        "export.npz", **at, versus_run="run2/keract", versus_step=STEPS[0]
    )
    disposition = reply.headers["content-disposition"]
    assert disposition.endswith(f'_step_{STEPS[-1]}_minus_run2_keract_step_0.npz"')
    arrays = np.load(io.BytesIO(reply.body))
    sides = {"a": (RUN, STEPS[-1]), "b": ("run2/keract", STEPS[0])}
    for name, (run, step) in sides.items():
        alone = tensorboard.get("export.npz", run=run, tag=tag, step=step)
        values = np.load(io.BytesIO(alone.body))["values"]
        np.testing.assert_array_equal(arrays[name], values)
        assert (arrays[f"{name}_run"], arrays[f"{name}_step"]) == (run, step)
        assert f'"step": {step}' in str(arrays[f"{name}_header"])
    with np.errstate(invalid="ignore"):
        expected = arrays["a"] - arrays["b"]
    np.testing.assert_array_equal(arrays["a_minus_b"], expected)
    same = tensorboard.get("export.npz", **at, versus_step=STEPS[-1])
    difference = np.load(io.BytesIO(same.body))["a_minus_b"]
    assert np.isnan(difference[0, 2, 3, 2])  # inf − inf.
    assert set(np.unique(difference[np.isfinite(difference)])) == {0}


def test_statistics_csv(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get("export.csv", run=RUN, table="statistics", row=[1, 0])
    lines = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert len(lines) == FIXTURE_STEPS * 2
    assert (lines[0]["kind"], lines[0]["path"]) == ("activation", "conv1")
    assert float(lines[0]["count"]) == 8 * 14 * 14 * 16


def test_histograms_csv(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get("export.csv", run=RUN, table="histograms", row=1)
    lines = list(csv.DictReader(io.StringIO(reply.body.decode())))
    first = [line for line in lines if line["step"] == "0"]
    assert sum(float(line["count"]) for line in first) == 8 * 14 * 14 * 16
    zeros = next(line for line in first if line["bin"] == "83")
    assert (float(zeros["low"]), float(zeros["high"])) == (0, 0)


def test_png_tiles_all_channels(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get("export.png", **GOOD["export.png"])
    assert reply.headers["content-type"] == "image/png"
    pixels = read_png(reply.body)
    # 4 x 4 tiles of 14 x 14, with gaps of one transparent pixel.
    assert pixels.shape == (59, 59, 4)
    assert (pixels[14] == 0).all() and (pixels[:, 29] == 0).all()
    assert (pixels[:14, :14, 3] == 255).all()


def test_png_of_one_channel_at_a_domain(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get(
        "export.png", **GOOD["export.png"], channel=7, low=0.5, high=1, colormap="gray"
    )
    pixels = read_png(reply.body)
    assert pixels.shape == (14, 14, 4)
    assert (pixels == pixels[0, 0]).all()


def test_newer_format_is_named(tensorboard: TensorBoard) -> None:
    runs = {run["run"]: run for run in tensorboard.get("runs").json()["runs"]}
    assert "format version 2" in runs["newer"]["format_error"]
    reply = tensorboard.get("header", run="newer", tag="activation/dense", step=1)
    check_error(reply, 404, "format version 2")


def test_run_of_any_name(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get("header", run=ODD_NAME, tag="activation/dense", step=1)
    assert reply.json()["path"] == "dense"


def test_model_of_single_summaries_is_made_from_their_tags(
    tensorboard: TensorBoard,
) -> None:
    model = tensorboard.get("model", run="single").json()
    assert [(row["kind"], row["path"]) for row in model["rows"]] == [
        ("activation", "net/dense"),
        ("weight", "net/dense/kernel"),
        ("activation", "net/other"),
    ]
    assert model["rows"][0]["shape"] == [1, 3]
    assert model["rows"][0]["dtype"] == "float32"
    (layer,) = model["layers"]
    assert (layer["path"], layer["weights"]) == ("net/dense", ["net/dense/kernel"])
    assert model["record_values"] == []


def test_tables_of_single_summaries_are_joined(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get("statistics", run="single")
    values = array(reply, "statistics")
    head = reply.unpack()[0]
    assert (head["steps"], head["epochs"]) == ([1, 2], [-1, -1])
    maxima = values[:, :, metadata.STATISTICS.index("max")]
    # No statistics of the kernel, none of `other` at step 2.
    np.testing.assert_array_equal(maxima, [[1, np.nan, 1], [2, np.nan, np.nan]])
    counts = array(
        tensorboard.get("histograms", run="single", row=[0, 1, 2]), "histograms"
    )
    sums = counts.sum(axis=-1)
    np.testing.assert_array_equal(sums, [[3, np.nan, 3], [3, np.nan, np.nan]])
    index = tensorboard.get("series", run="single").json()
    assert index["steps"][index["histograms"]]["steps"] == [1, 2]
    assert index["records_written"] is None


def test_table_of_another_shape_is_nan(tensorboard: TensorBoard) -> None:
    reply = tensorboard.get("statistics", run="changed")
    steps = reply.unpack()[0]["steps"]
    # Training began again at step 2; only the data server drops step 3 for that.
    assert [step for step in steps if step != 3] == [0, 1, 2, 4]
    by_step = dict(zip(steps, array(reply, "statistics")[:, :, 0], strict=True))
    assert np.isnan([by_step[0], by_step[1]]).all()
    np.testing.assert_array_equal([by_step[2], by_step[4]], [[2] * 3] * 2)


def test_steps_of_partial_records_are_those_of_each_tag(
    tensorboard: TensorBoard,
) -> None:
    index = tensorboard.get("series", run=PARTIAL).json()

    def records(place: int) -> list[int]:
        return [step // STEPS_PER_EPOCH for step in index["steps"][place]["steps"]]

    assert records(index["statistics"]) == list(range(12))
    # Where there may be histograms: up to the last that are.
    assert records(index["histograms"]) == list(range(11))
    for tag in (TAG, "input/image", "weight/conv1/kernel"):
        assert records(index["tags"][tag]) == [0, 3, 6, 9]
    # Three records have a number, and were lost.
    assert index["records_written"] == 12


def test_statistics_of_partial_records_are_nan_where_left_out(
    tensorboard: TensorBoard,
) -> None:
    reply = tensorboard.get("statistics", run=PARTIAL)
    head = reply.unpack()[0]
    rows = tensorboard.get("model", run=PARTIAL).json()["rows"]
    assert head["epochs"] == list(range(12))
    gradients = np.asarray([row["kind"].endswith("_gradient") for row in rows])
    recorded = ~np.isnan(array(reply, "statistics")[:, :, 0])
    with_statistics = [r for r in range(12) if r not in RECORDS_WITHOUT_TABLES]
    assert np.flatnonzero(recorded[:, ~gradients].all(axis=1)).tolist() == (
        with_statistics
    )
    assert np.flatnonzero(recorded[:, gradients].any(axis=1)).tolist() == [0, 4, 8]
    values = array(reply, "record_values")
    lost = values[:, metadata.RECORD_VALUES.index("lost_records")]
    assert lost.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 3, 3, 3, 3]
    skipped = values[:, metadata.RECORD_VALUES.index("update_skipped")]
    assert np.flatnonzero(skipped == 1).tolist() == [2, 7]


def test_histograms_of_partial_records_are_of_their_own_steps(
    tensorboard: TensorBoard,
) -> None:
    model = tensorboard.get("model", run=PARTIAL).json()
    names = [(row["kind"], row["path"]) for row in model["rows"]]
    rows = [
        names.index((kind, "conv1"))
        for kind in ("activation", metadata.ACTIVATION_GRADIENT)
    ]
    assert {model["rows"][row]["histogram_stride"] for row in rows} == {0}
    reply = tensorboard.get("histograms", run=PARTIAL, row=rows)
    records = [step // STEPS_PER_EPOCH for step in reply.unpack()[0]["steps"]]
    assert records == [0, 2, 4, 6, 8, 10]
    counts = array(reply, "histograms").sum(axis=-1)
    every_second = [samples * 14 * 14 * 16 // 2 for samples in (6, 6, 6, 3, 6, 6)]
    assert counts[:, 0].tolist() == every_second
    np.testing.assert_array_equal(np.isnan(counts[:, 1]), [False, True] * 3)


def test_a_smaller_batch_has_the_samples_that_it_has(
    tensorboard: TensorBoard,
) -> None:
    asked = {"run": PARTIAL, "tag": TAG, "index": [5, 1]}
    head, _ = tensorboard.get("tensors", **asked, step=[60, 120]).unpack()
    found = [
        (tensor["header"]["blobs"], [blob["index"] for blob in tensor["blobs"]])
        for tensor in head["tensors"]
    ]
    assert found == [(6, [5, 1]), (3, [1])]
    alone = {"run": PARTIAL, "tag": TAG, "step": 120, "index": 5}
    check_error(tensorboard.get("blob", **alone), 404, "3 blobs")


def test_csv_has_no_line_of_what_was_left_out(tensorboard: TensorBoard) -> None:
    names = [
        (row["kind"], row["path"])
        for row in tensorboard.get("model", run=PARTIAL).json()["rows"]
    ]
    row = names.index((metadata.ACTIVATION_GRADIENT, "conv1"))
    for table in ("statistics", "histograms"):
        reply = tensorboard.get("export.csv", run=PARTIAL, table=table, row=row)
        lines = csv.DictReader(io.StringIO(reply.body.decode()))
        assert {line["step"] for line in lines} == {"0", "80", "160"}


def test_partial_records_of_a_restarted_run_are_one_history(
    tensorboard: TensorBoard,
) -> None:
    run = "restarted"
    index = tensorboard.get("series", run=run).json()
    steps = [0, 1, 3]
    assert index["steps"][index["statistics"]]["steps"] == steps
    # Step 4 has histograms, of before the restart: only Python drops them for that.
    assert index["steps"][index["histograms"]]["steps"] in (steps, steps[:1])
    assert index["steps"][index["tags"]["activation/dense"]]["steps"] == [0]
    reply = tensorboard.get("histograms", run=run, row=0)
    assert reply.unpack()[0]["steps"] == [0]
    late = tensorboard.get("header", run=run, tag="activation/dense", step=4)
    check_error(late, 404, "steps 0")
    # The first record is of a recorder that knew six values, the others have eight.
    values = array(tensorboard.get("statistics", run=run), "record_values")
    assert np.isnan(values).sum(axis=1).tolist() == [2, 0, 0]
    np.testing.assert_array_equal(values[:, 0], [0, 5, 6])


def test_damaged_records_are_named(tensorboard: TensorBoard) -> None:
    dense = {"run": "damaged", "tag": "activation/dense"}
    check_error(tensorboard.get("blob", **dense, step=1, index=0), 404, "checksum")
    assert tensorboard.get("blob", **dense, step=1, index=1).status == 200
    check_error(tensorboard.get("header", **dense, step=2), 404, "can't be read")
    check_error(tensorboard.get("header", **dense, step=3), 404, "step")
    check_error(tensorboard.get("model", run="damaged"), 404, "can't be read")
    index = tensorboard.get("series", run="damaged").json()
    assert index["steps"][index["tags"]["activation/dense"]]["steps"] == [1, 2]


def test_tag_without_tensor_does_not_hide_the_others(
    tensorboard: TensorBoard,
) -> None:
    run = "without_tensor"
    assert "activation/dense" in tensorboard.get("series", run=run).json()["tags"]
    reply = tensorboard.get("header", run=run, tag="activation/dense", step=1)
    assert reply.status == 200
    values = array(tensorboard.get("statistics", run=run), "statistics")
    assert (values[:, 0] == 3).all()


@pytest.mark.parametrize(
    "path",
    ["nothing", "nothing.js", "..%2fsetup.py", "../../setup.py", "a/index.css%00"],
)
def test_absent_file_is_404(tensorboard: TensorBoard, path: str) -> None:
    reply = tensorboard.request(f"data/plugin/keract/{path}")
    check_error(reply, 404, "runs, model, series")


def test_index_js_is_a_script(tensorboard: TensorBoard) -> None:
    reply = tensorboard.request("data/plugin/keract/index.js")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert b"render" in reply.body


def test_no_request_led_to_a_traceback(tensorboard: TensorBoard) -> None:
    for route, parameters in GOOD.items():
        tensorboard.get(route, **{**parameters, "run": "\x00\ud7ff￿"})
    assert "Traceback" not in tensorboard.log()
