"""Tensors as a record holds them, from NumPy."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract.recording import layout
from tensorboard_keract.recording.record import CodedPlanes, StoredTensor


def stored_tensor(plan: layout.TensorPlan, values: npt.NDArray[Any]) -> StoredTensor:
    codes, low, high = layout.store(plan, values)
    blobs, channels, height, width = codes.shape
    shapes = ([blobs * channels, height * width], [-1], [-1])
    parts = zip((codes, low, high), shapes, strict=True)
    return StoredTensor(
        plan, CodedPlanes(*(tf.constant(part.reshape(shape)) for part, shape in parts))
    )
