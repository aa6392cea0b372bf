"""What the bytes of a recorded tensor mean: codes, planes, histogram bins, blobs.

Written here, read here and in `frontend/src/wire_format.ts`. NumPy only.

A tensor becomes *planes* `[channel, height, width]`, one stack for each sample,
and each plane becomes integer *codes* over its own range of values:

    value = low + code * (high - low) / 252        for codes 0 ... 252
    253 is -Inf, 254 is +Inf, 255 is NaN

so that the worst error of a value is `(high - low) / 504`. With the precision
"float16" or "float32" the values stand in place of the codes. The stack of one
sample, C order and little endian, is one gzip blob.
"""

from __future__ import annotations

import gzip
import importlib
import math
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tensorboard_keract import metadata, plugin_data_pb2

try:
    # ISA-L's level 1 has about zlib's ratio at thirty times its speed.
    _gzip = importlib.import_module("isal.igzip")
except ImportError:
    _gzip = gzip
_COMPRESSION_LEVEL: Final = 1

CODE_MAX: Final = 252
CODE_NEGATIVE_INF: Final = 253
CODE_POSITIVE_INF: Final = 254
CODE_NAN: Final = 255

PRECISIONS: Final = ("uint8", "float16", "float32")
_PRECISION_DTYPES: Final = {"uint8": "u1", "float16": "<f2", "float32": "<f4"}

# Histogram bins: half octaves of |x| from 2^-24 to 2^16, both signs. The same for
# every tensor, step and run, so histograms compare and add exactly.
HISTOGRAM_MIN_EXPONENT: Final = -24
HISTOGRAM_MAX_EXPONENT: Final = 16
HISTOGRAM_BINS_PER_SIGN: Final = 2 * (HISTOGRAM_MAX_EXPONENT - HISTOGRAM_MIN_EXPONENT)

# The layout of the bins, in the order of the number line.
BIN_NEGATIVE_INF: Final = 0
BIN_NEGATIVE_BEYOND: Final = 1  # finite, <= -2^16
BIN_NEGATIVE_TINY: Final = BIN_NEGATIVE_BEYOND + HISTOGRAM_BINS_PER_SIGN + 1
BIN_ZERO: Final = BIN_NEGATIVE_TINY + 1
BIN_POSITIVE_TINY: Final = BIN_ZERO + 1  # > 0, < 2^-24
BIN_POSITIVE_BEYOND: Final = BIN_POSITIVE_TINY + HISTOGRAM_BINS_PER_SIGN + 1
BIN_POSITIVE_INF: Final = BIN_POSITIVE_BEYOND + 1
BIN_NAN: Final = BIN_POSITIVE_INF + 1
HISTOGRAM_BINS: Final = BIN_NAN + 1

# Tensors with more values than the first are counted on an even stride, that keeps the
# second or fewer: the shape of a distribution is plain by then, and counting them is a
# third of what a record of a convolutional net costs.
HISTOGRAM_WHOLE_CAP: Final = 65_536
HISTOGRAM_SAMPLE_CAP: Final = 16_384

# The float32 mantissa bits of the square root of two, where an octave is halved:
# the first float32 that is not below it.
SQRT2_MANTISSA: Final = 0x3504F4


class Planes(NamedTuple):
    """Coded planes of a tensor.

    Attributes:
      codes: [blob, channel, height, width]; uint8 codes, or float16/float32 values.
      low: float32 [blob, channel], least finite value of each plane; 0 where a
        plane has none.
      high: float32 [blob, channel], the greatest.
    """

    codes: npt.NDArray[np.generic]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]


def quantize(values: npt.ArrayLike, precision: str = "uint8") -> Planes:
    """Codes of planes of values, with the range that each plane spans.

    Args:
      values: [blob, channel, height, width], real; computed with as float32.
      precision: one of `PRECISIONS`.

    Returns:
      The planes. NaN and ±Inf keep codes of their own and leave the range alone.
      A plane without a finite value has the range [0, 0]; a constant plane has
      low == high and codes 0. An empty plane is kept, with the range [0, 0].

    Raises:
      ValueError: if the rank is not 4 or the precision is unknown.
    """
    check_precision(precision)
    x = np.asarray(values, np.float32)
    if x.ndim != 4:
        raise ValueError(
            f"Planes are [blob, channel, height, width]; these have shape {x.shape}."
        )
    finite = np.isfinite(x)
    pixels = (2, 3)
    low = np.min(x, axis=pixels, initial=np.inf, where=finite)
    high = np.max(x, axis=pixels, initial=-np.inf, where=finite)
    none_finite = low > high
    low = np.where(none_finite, np.float32(0), low)
    high = np.where(none_finite, np.float32(0), high)
    if precision != "uint8":
        with np.errstate(over="ignore"):
            return Planes(x.astype(_PRECISION_DTYPES[precision]), low, high)
    # Halved, so that high - low can't overflow.
    half_low, half_high = low[..., None, None] / 2, high[..., None, None] / 2
    span = half_high - half_low
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        position = np.where(span > 0, (x / 2 - half_low) / span, np.float32(0))
        rounded = np.round(np.clip(position, 0, 1) * CODE_MAX)
    codes = np.where(finite, rounded, 0).astype(np.uint8)
    codes[np.isneginf(x)] = CODE_NEGATIVE_INF
    codes[np.isposinf(x)] = CODE_POSITIVE_INF
    codes[np.isnan(x)] = CODE_NAN
    return Planes(codes, low, high)


def dequantize(planes: Planes) -> npt.NDArray[np.float32]:
    """The values of coded planes, float32 [blob, channel, height, width].

    Within (high - low) / 504 of the recorded values for uint8 codes; NaN and ±Inf
    come back as they were.
    """
    if planes.codes.dtype != np.uint8:
        return planes.codes.astype(np.float32)
    low = planes.low.astype(np.float64)[..., None, None]
    high = planes.high.astype(np.float64)[..., None, None]
    codes = planes.codes
    position = np.minimum(codes, CODE_MAX) / CODE_MAX
    values: npt.NDArray[np.float32] = (low + position * (high - low)).astype(np.float32)
    values[codes == CODE_NEGATIVE_INF] = -np.inf
    values[codes == CODE_POSITIVE_INF] = np.inf
    values[codes == CODE_NAN] = np.nan
    return values


def encode_blob(planes: npt.NDArray[np.generic]) -> bytes:
    """The planes of one sample, [channel, height, width], as one gzip blob.

    The same planes give the same bytes: gzip's time stamp is left out.
    """
    little_endian = planes.astype(planes.dtype.newbyteorder("<"), copy=False)
    raw = little_endian.tobytes()
    return bytes(_gzip.compress(raw, _COMPRESSION_LEVEL, mtime=0))


def decode_blob(
    blob: bytes, header: plugin_data_pb2.TensorHeader
) -> npt.NDArray[np.generic]:
    """The codes of one sample, [channel, height, width].

    Raises:
      ValueError: if the blob is damaged or its length is not the header's.
    """
    try:
        raw = gzip.decompress(blob)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"A stored blob can't be inflated: {error}") from error
    check_precision(header.precision)
    dtype = np.dtype(_PRECISION_DTYPES[header.precision])
    shape = (header.channels, header.height, header.width)
    if len(raw) != math.prod(shape) * dtype.itemsize:
        raise ValueError(
            f"A stored blob has {len(raw)} bytes; its header says {shape} of"
            f" {header.precision}."
        )
    return np.frombuffer(raw, dtype).reshape(shape)


def encode_tensor(planes: Planes, header: plugin_data_pb2.TensorHeader) -> list[bytes]:
    """Header and blobs of a tensor's record: what the summary holds, in order.

    Args:
      planes: the coded planes.
      header: what is known of the tensor; completed in place with what follows
        from the planes (counts, precision, ranges, checksums).
    """
    blobs = [encode_blob(sample) for sample in planes.codes]
    header.format_version = metadata.FORMAT_VERSION
    header.blobs, header.channels, header.height, header.width = planes.codes.shape
    header.precision = planes.codes.dtype.name
    header.low[:] = planes.low.ravel().tolist()
    header.high[:] = planes.high.ravel().tolist()
    header.crc32[:] = [zlib.crc32(blob) for blob in blobs]
    return [header.SerializeToString(), *blobs]


def decode_tensor(
    blobs: Sequence[bytes],
) -> tuple[plugin_data_pb2.TensorHeader, Planes]:
    """Header and planes of a whole stored record of a tensor.

    Raises:
      UnsupportedFormatError: if a newer version wrote it.
      ValueError: if it is damaged: a checksum, a length or a count is wrong.
    """
    header = decode_header(blobs[0] if blobs else b"")
    if len(blobs) != header.blobs + 1:
        raise ValueError(
            f"A stored tensor has {len(blobs) - 1} blobs; its header says"
            f" {header.blobs}."
        )
    for index, (blob, crc32) in enumerate(zip(blobs[1:], header.crc32, strict=True)):
        if zlib.crc32(blob) != crc32:
            raise ValueError(f"Stored blob {index + 1} fails its checksum.")
    shape = (header.blobs, header.channels)
    codes = [decode_blob(blob, header) for blob in blobs[1:]]
    empty = np.zeros((0, header.channels, header.height, header.width), np.uint8)
    return header, Planes(
        np.stack(codes) if codes else empty,
        np.asarray(header.low, np.float32).reshape(shape),
        np.asarray(header.high, np.float32).reshape(shape),
    )


def decode_header(blob: bytes) -> plugin_data_pb2.TensorHeader:
    """The header of a stored tensor, its counts checked against one another.

    Raises:
      UnsupportedFormatError: if a newer version wrote it.
      ValueError: if it is damaged.
    """
    header = metadata.parse_message(plugin_data_pb2.TensorHeader, blob, "tensor header")
    ranges = header.blobs * header.channels
    if (len(header.low), len(header.high), len(header.crc32)) != (
        ranges,
        ranges,
        header.blobs,
    ):
        raise ValueError(
            "A stored tensor header contradicts itself: its ranges or checksums are"
            " not as many as its planes or blobs."
        )
    return header


def histogram(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Counts of values in the fixed signed logarithmic bins, int64 [HISTOGRAM_BINS].

    Bin edges are the float32 numbers 2^k and the first float32 not below
    2^k * sqrt(2), for k from -24 to 15, and 2^16; a bin holds its edge nearer to
    zero. Zero, tiny values (|x| < 2^-24), those beyond the range, NaN and ±Inf have
    bins of their own. Subnormal numbers (|x| < 2^-126), which TensorFlow's kernels
    take for zero, count as zero. Empty input gives zeros.
    """
    index = bin_index(np.asarray(values, np.float32).ravel())
    return np.bincount(index, minlength=HISTOGRAM_BINS).astype(np.int64)


def bin_index(x: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """The bin of each value of `histogram`."""
    bits = x.view(np.int32)
    magnitude = bits & 0x7FFFFFFF
    half_octave = 2 * ((magnitude >> 23) - 127 - HISTOGRAM_MIN_EXPONENT) + (
        (magnitude & 0x7FFFFF) >= SQRT2_MANTISSA
    )
    # 0 is tiny, 1 ... HISTOGRAM_BINS_PER_SIGN the half octaves, then beyond.
    distance = np.clip(half_octave, -1, HISTOGRAM_BINS_PER_SIGN) + 1
    index = np.where(
        bits < 0, BIN_NEGATIVE_TINY - distance, BIN_POSITIVE_TINY + distance
    )
    index = np.where(magnitude < 1 << 23, BIN_ZERO, index)
    index = np.where(np.isneginf(x), BIN_NEGATIVE_INF, index)
    index = np.where(np.isposinf(x), BIN_POSITIVE_INF, index)
    return np.where(np.isnan(x), BIN_NAN, index)


def histogram_edges() -> npt.NDArray[np.float32]:
    """Edges of the bins, float32 [HISTOGRAM_BINS - 2], ascending.

    Bin i, for i from `BIN_NEGATIVE_BEYOND` to `BIN_POSITIVE_BEYOND`, lies between
    edges i - 1 and i; the zero bin lies between 0 and 0. The first edge is -Inf and
    the last +Inf. The bins of -Inf, +Inf and NaN have no width and no edges.
    """
    exponents = np.arange(HISTOGRAM_MIN_EXPONENT, HISTOGRAM_MAX_EXPONENT)
    root = np.array((127 << 23) | SQRT2_MANTISSA, np.int32).view(np.float32)
    octaves = np.ldexp(np.float32(1), exponents)
    half_octaves = np.stack([octaves, octaves * root], axis=1).ravel()
    top = np.ldexp(np.float32(1), HISTOGRAM_MAX_EXPONENT)
    positive = np.concatenate([[0], half_octaves, [top, np.inf]]).astype(np.float32)
    return np.concatenate([-positive[::-1], positive])


def histogram_stride(count: int, shape: Sequence[int | None]) -> int:
    """Every how many values a tensor is counted for its histogram.

    Args:
      count: of its values.
      shape: None for an axis of unknown size.
    """
    if count <= HISTOGRAM_WHOLE_CAP:
        return 1
    return fair_stride(-(-count // HISTOGRAM_SAMPLE_CAP), shape)


def fair_stride(stride: int, shape: Sequence[int | None]) -> int:
    """The least stride from this one on that meets all entries of the last axis alike.

    It has no divisor in common with the axis: every 10th value of rows of 64 channels
    would be of even channels alone.
    """
    last = (shape[-1] if len(shape) > 1 else None) or 1
    while math.gcd(stride, last) > 1:
        stride += 1
    return stride


def check_precision(precision: str) -> None:
    """Raises ValueError if a precision is not one of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise ValueError(
            f"Unknown precision {precision!r}. Use one of: {', '.join(PRECISIONS)}."
        )
