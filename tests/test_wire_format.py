"""Codes, blobs and histogram bins, on values that can be checked by hand."""

from __future__ import annotations

import gzip
import importlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import wire_format

FLOAT32_MAX = float(np.finfo(np.float32).max)
LEAST_NORMAL = float(np.finfo(np.float32).tiny)

NAN, INF = np.nan, np.inf


def planes_of(*values: float) -> np.ndarray:
    """One plane with one row, [1, 1, 1, len(values)]."""
    return np.asarray(values, np.float32).reshape(1, 1, 1, -1)


def codes_of(*values: float) -> list[int]:
    return wire_format.quantize(planes_of(*values)).codes.ravel().tolist()


def roundtrip(values: np.ndarray, precision: str = "uint8") -> np.ndarray:
    return wire_format.dequantize(wire_format.quantize(values, precision))


def test_codes_span_the_range_of_a_plane() -> None:
    planes = wire_format.quantize(planes_of(-1, 0, 1))
    assert planes.codes.ravel().tolist() == [0, 126, 252]
    assert (planes.low.tolist(), planes.high.tolist()) == ([[-1]], [[1]])
    assert planes.codes.dtype == np.uint8
    assert planes.low.dtype == planes.high.dtype == np.float32


def test_each_plane_has_a_range_of_its_own() -> None:
    values = np.asarray([[[[0, 1]], [[10, 30]]]], np.float32)
    planes = wire_format.quantize(values)
    assert planes.low.tolist() == [[0, 10]]
    assert planes.high.tolist() == [[1, 30]]
    np.testing.assert_array_equal(roundtrip(values), values)


def test_nan_and_infinities_have_codes_and_leave_the_range_alone() -> None:
    planes = wire_format.quantize(planes_of(-INF, 0, NAN, 2, INF))
    assert planes.codes.ravel().tolist() == [253, 0, 255, 252, 254]
    assert (planes.low.item(), planes.high.item()) == (0, 2)
    np.testing.assert_array_equal(
        wire_format.dequantize(planes), planes_of(-INF, 0, NAN, 2, INF)
    )


def test_constant_plane_has_no_width_and_codes_0() -> None:
    planes = wire_format.quantize(planes_of(0.1, 0.1))
    assert planes.codes.ravel().tolist() == [0, 0]
    assert planes.low == planes.high == np.float32(0.1)
    np.testing.assert_array_equal(wire_format.dequantize(planes), planes_of(0.1, 0.1))


def test_plane_without_finite_values_has_the_range_0_0() -> None:
    planes = wire_format.quantize(planes_of(NAN, INF, -INF))
    assert (planes.low.item(), planes.high.item()) == (0, 0)
    assert planes.codes.ravel().tolist() == [255, 254, 253]


@pytest.mark.parametrize("shape", [(0, 2, 3, 4), (1, 0, 3, 4), (1, 2, 0, 4)])
@pytest.mark.parametrize("precision", wire_format.PRECISIONS)
def test_empty_planes_are_kept(shape: tuple[int, ...], precision: str) -> None:
    planes = wire_format.quantize(np.zeros(shape), precision)
    assert planes.codes.shape == shape
    assert planes.low.tolist() == np.zeros(shape[:2]).tolist()
    assert wire_format.dequantize(planes).shape == shape


@pytest.mark.parametrize(
    "extreme", [3e38, FLOAT32_MAX, float(np.finfo(np.float32).tiny), 1e-45]
)
def test_extreme_ranges_do_not_overflow(extreme: float) -> None:
    values = planes_of(-extreme, extreme)
    assert codes_of(-extreme, extreme)[0] == 0
    np.testing.assert_array_equal(roundtrip(values)[..., 0], values[..., 0])
    assert np.isfinite(roundtrip(values)).all()


@given(
    hnp.arrays(
        np.float32,
        st.tuples(*[st.integers(1, 3)] * 4),
        elements=st.floats(width=32, allow_subnormal=False),
    )
)
@example(np.array([[[[np.inf, 0, 3.376e38]]]], np.float32))
def test_error_is_at_most_half_a_code(values: np.ndarray) -> None:
    planes = wire_format.quantize(values)
    decoded = wire_format.dequantize(planes)
    finite = np.isfinite(values)
    np.testing.assert_array_equal(decoded[~finite], values[~finite])
    span = planes.high.astype(np.float64) - planes.low
    bound = span[..., None, None] / 504
    # And the rounding of float32 itself.
    largest = np.maximum(np.abs(planes.low), np.abs(planes.high)).astype(np.float64)
    rounding = 2.0**-22 * largest
    error = np.abs(decoded[finite].astype(np.float64) - values[finite])
    limit = np.broadcast_to(bound + rounding[..., None, None], values.shape)
    assert (error <= limit[finite]).all()


def test_float_precisions_store_the_values() -> None:
    values = planes_of(0.1, -65504, NAN, INF, 1e-3)
    np.testing.assert_array_equal(roundtrip(values, "float32"), values)
    np.testing.assert_array_equal(
        roundtrip(values, "float16"), values.astype(np.float16).astype(np.float32)
    )


def test_unknown_precision_and_rank_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'int4'.*uint8, float16, float32"):
        wire_format.quantize(planes_of(1), "int4")
    with pytest.raises(ValueError, match=r"\(3,\)"):
        wire_format.quantize(np.zeros(3))


def encoded(
    precision: str = "uint8",
) -> tuple[list[bytes], plugin_data_pb2.TensorHeader, np.ndarray]:
    values = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    header = plugin_data_pb2.TensorHeader(kind="activation", path="conv1")
    blobs = wire_format.encode_tensor(wire_format.quantize(values, precision), header)
    return blobs, header, values


@pytest.mark.parametrize("precision", wire_format.PRECISIONS)
def test_tensor_is_decoded_as_it_was_encoded(precision: str) -> None:
    blobs, header, values = encoded(precision)
    decoded_header, planes = wire_format.decode_tensor(blobs)
    assert decoded_header == header
    assert (header.blobs, header.channels, header.height, header.width) == (2, 3, 4, 5)
    assert header.precision == precision
    np.testing.assert_allclose(wire_format.dequantize(planes), values, atol=19 / 504)


def test_blob_is_a_gzip_stream_of_the_codes() -> None:
    (_, blob, _), _, values = encoded()
    codes = wire_format.quantize(values).codes
    assert gzip.decompress(blob) == codes[0].tobytes()


def test_float_blobs_are_little_endian() -> None:
    values = np.asarray([[[1.0]]], ">f4")
    assert gzip.decompress(wire_format.encode_blob(values)) == b"\x00\x00\x80\x3f"


@pytest.mark.parametrize("compressor", ["isal.igzip", "gzip"])
def test_a_blob_tells_no_time(compressor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal planes make equal bytes and checksums, whenever they are written."""
    monkeypatch.setattr(wire_format, "_gzip", importlib.import_module(compressor))
    blob = wire_format.encode_blob(np.zeros((1, 2, 3), np.uint8))
    assert blob[:2] == b"\x1f\x8b"
    assert blob[4:8] == bytes(4)  # RFC 1952: MTIME.


def test_tensor_without_samples_is_a_header() -> None:
    header = plugin_data_pb2.TensorHeader(kind="activation", path="conv1")
    planes = wire_format.quantize(np.zeros((0, 3, 4, 5)))
    blobs = wire_format.encode_tensor(planes, header)
    assert len(blobs) == 1
    assert wire_format.decode_tensor(blobs)[1].codes.shape == (0, 3, 4, 5)


def test_damage_is_named() -> None:
    (header, first, second), _, _ = encoded()
    flipped = first[:-1] + bytes([first[-1] ^ 1])
    with pytest.raises(ValueError, match="blob 1 fails its checksum"):
        wire_format.decode_tensor([header, flipped, second])
    with pytest.raises(ValueError, match=r"has 1 blobs.*says 2"):
        wire_format.decode_tensor([header, first])
    with pytest.raises(ValueError, match="names no format version"):
        wire_format.decode_tensor([])
    with pytest.raises(ValueError, match="can't be read"):
        wire_format.decode_tensor([b"\xff\xff", first, second])


def test_blob_that_does_not_fit_its_header_is_refused() -> None:
    (_, first, _), header, _ = encoded()
    with pytest.raises(ValueError, match="can't be inflated"):
        wire_format.decode_blob(first[:-9], header)
    with pytest.raises(ValueError, match="can't be inflated"):
        wire_format.decode_blob(b"no gzip", header)
    header.width = 6
    with pytest.raises(ValueError, match="has 60 bytes"):
        wire_format.decode_blob(first, header)


def test_header_that_contradicts_itself_is_refused() -> None:
    _, header, _ = encoded()
    header.channels = 4
    with pytest.raises(ValueError, match="contradicts itself"):
        wire_format.decode_header(header.SerializeToString())


def test_newer_header_is_refused() -> None:
    header = plugin_data_pb2.TensorHeader(format_version=metadata.FORMAT_VERSION + 1)
    with pytest.raises(metadata.UnsupportedFormatError):
        wire_format.decode_header(header.SerializeToString())


def bins_of(*values: float) -> list[int]:
    """The bin of each value."""
    counts = [wire_format.histogram([value]) for value in values]
    assert all(count.sum() == 1 for count in counts)
    return [int(count.argmax()) for count in counts]


def test_subnormal_numbers_count_as_zero() -> None:
    assert bins_of(1e-45, -1e-39, LEAST_NORMAL) == [
        wire_format.BIN_ZERO,
        wire_format.BIN_ZERO,
        wire_format.BIN_POSITIVE_TINY,
    ]


def test_histogram_has_168_bins() -> None:
    assert wire_format.HISTOGRAM_BINS == 168
    assert wire_format.BIN_ZERO == 83
    assert len(wire_format.histogram_edges()) == 166


def test_special_values_have_bins_of_their_own() -> None:
    assert bins_of(-INF, -1e6, -1e-9, -0.0, 0.0, 1e-9, 1e6, INF, NAN) == [
        wire_format.BIN_NEGATIVE_INF,
        wire_format.BIN_NEGATIVE_BEYOND,
        wire_format.BIN_NEGATIVE_TINY,
        wire_format.BIN_ZERO,
        wire_format.BIN_ZERO,
        wire_format.BIN_POSITIVE_TINY,
        wire_format.BIN_POSITIVE_BEYOND,
        wire_format.BIN_POSITIVE_INF,
        wire_format.BIN_NAN,
    ]


def test_bins_are_half_octaves() -> None:
    one = wire_format.BIN_POSITIVE_TINY + 1 + 48
    assert bins_of(1, 1.41, 1.42, 1.99, 2, 4) == [
        one,
        one,
        one + 1,
        one + 1,
        one + 2,
        one + 4,
    ]


def test_empty_input_counts_nothing() -> None:
    assert wire_format.histogram([]).tolist() == [0] * wire_format.HISTOGRAM_BINS


def test_histograms_add() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    whole = wire_format.histogram(values)
    parts = wire_format.histogram(values[:300]) + wire_format.histogram(values[300:])
    np.testing.assert_array_equal(whole, parts)


def test_edges_ascend_about_zero() -> None:
    edges = wire_format.histogram_edges()
    assert edges.dtype == np.float32
    assert (np.diff(edges)[np.isfinite(np.diff(edges))] >= 0).all()
    np.testing.assert_array_equal(edges, -edges[::-1])
    zero = wire_format.BIN_ZERO
    assert (edges[zero - 1], edges[zero]) == (0, 0)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(2.0**-24)
@example(2.0**16)
@example(FLOAT32_MAX)
@example(LEAST_NORMAL)
@example(1e-45)
def test_value_lies_between_the_edges_of_its_bin(value: float) -> None:
    edges = wire_format.histogram_edges()
    (positive,) = bins_of(abs(value))
    (negative,) = bins_of(-abs(value))
    # A bin holds its edge nearer to zero.
    assert edges[positive - 1] <= abs(value)
    assert abs(value) < edges[positive] or abs(value) < LEAST_NORMAL
    assert negative == 2 * wire_format.BIN_ZERO - positive


@pytest.mark.parametrize(
    ("count", "stride"),
    [(0, 1), (1, 1), (65_536, 1), (65_537, 5), (81_920, 5), (81_921, 6)],
)
def test_stride_keeps_the_sample_under_its_cap(count: int, stride: int) -> None:
    assert wire_format.histogram_stride(count, ()) == stride


@pytest.mark.parametrize(
    ("last", "stride"), [(None, 10), (0, 10), (1, 10), (64, 11), (33, 10), (110, 13)]
)
def test_stride_meets_all_entries_of_the_last_axis(last, stride) -> None:
    assert wire_format.histogram_stride(150_000, (None, last)) == stride
