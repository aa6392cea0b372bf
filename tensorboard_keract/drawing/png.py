"""Pictures as PNG files."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from tensorboard_keract.drawing.colormaps import Pixels


def encode_png(pixels: Pixels) -> bytes:
    """A PNG of uint8 [height, width, RGBA]."""
    height, width, _ = pixels.shape
    # A filter byte before each row; 0 is none.
    rows = np.pad(pixels.reshape(height, width * 4), ((0, 0), (1, 0)))
    # 8 bits a channel, RGBA, and the only methods there are.
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _png_chunk(b"IHDR", header),
            _png_chunk(b"IDAT", zlib.compress(rows.tobytes())),
            _png_chunk(b"IEND", b""),
        ]
    )


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    crc32 = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32)
