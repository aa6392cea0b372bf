"""Summary values, and the event file that a recorder writes them to.

A record is one event, so that it is whole or absent. The file is written through
`tf.io.TFRecordWriter`, TensorFlow's public writer of the framing that event files
have: it reaches remote file systems, and it raises where it fails.
"""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto import (
    event_pb2,
    summary_pb2,
    tensor_pb2,
    tensor_shape_pb2,
    types_pb2,
)

if TYPE_CHECKING:
    import tensorflow as tf

_file_numbers = itertools.count()


def blob_sequence_value(
    tag: str, blobs: Sequence[bytes], summary_metadata: summary_pb2.SummaryMetadata
) -> summary_pb2.Summary.Value:
    """A summary value of several byte strings, a rank-1 string tensor."""
    return summary_pb2.Summary.Value(
        tag=tag,
        metadata=summary_metadata,
        tensor=tensor_pb2.TensorProto(
            dtype=types_pb2.DT_STRING,
            tensor_shape=_shape((len(blobs),)),
            string_val=blobs,
        ),
    )


def table_value(
    tag: str,
    table: npt.NDArray[np.float32],
    summary_metadata: summary_pb2.SummaryMetadata,
) -> summary_pb2.Summary.Value:
    """A summary value of a float32 array."""
    return summary_pb2.Summary.Value(
        tag=tag,
        metadata=summary_metadata,
        tensor=tensor_pb2.TensorProto(
            dtype=types_pb2.DT_FLOAT,
            tensor_shape=_shape(table.shape),
            tensor_content=np.ascontiguousarray(table, "<f4").tobytes(),
        ),
    )


def _shape(sizes: Sequence[int]) -> tensor_shape_pb2.TensorShapeProto:
    return tensor_shape_pb2.TensorShapeProto(
        dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in sizes]
    )


def check_writable(directory: str) -> None:
    """Makes a directory and a file in it, and removes the file.

    Raises:
      OSError: if that fails, with the directory and the cause.
    """
    import tensorflow as tf

    trial = f"{directory}/.write_trial_{os.getpid()}_{next(_file_numbers)}"
    try:
        tf.io.gfile.makedirs(directory)
        with tf.io.gfile.GFile(trial, "w") as file:
            file.write("trial")
        tf.io.gfile.remove(trial)
    except (tf.errors.OpError, OSError) as error:
        raise OSError(
            f"The log directory {directory!r} can't be written: {error}. Choose another"
            " log_dir, or make this one writable."
        ) from error


class EventFile:
    """One event file of a run, open for appending. Not for several threads at once."""

    def __init__(self, directory: str) -> None:
        """Creates the file.

        Raises:
          tf.errors.OpError: if it can't be created.
        """
        import tensorflow as tf

        # TensorBoard's Python loader reads a run's files by name and never goes back
        # to an earlier one: the name has to sort by time, to the microsecond.
        microseconds = time.time_ns() // 1000
        name = (
            f"events.out.tfevents.{microseconds:020d}.{socket.gethostname()}"
            f".{os.getpid()}.{next(_file_numbers)}.v2"
        )
        self.path = f"{directory}/{name}"
        tf.io.gfile.makedirs(directory)
        self._writer: tf.io.TFRecordWriter = tf.io.TFRecordWriter(self.path)
        self._write(
            event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2")
        )

    def start_session(self, step: int) -> None:
        """Says that what was recorded from `step` on in earlier files is replaced."""
        self._write(
            event_pb2.Event(
                wall_time=time.time(),
                step=step,
                session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START),
            )
        )

    def write(
        self,
        values: Sequence[summary_pb2.Summary.Value],
        step: int,
        wall_time_s: float,
    ) -> None:
        """Appends one event with all values and flushes it.

        Raises:
          tf.errors.OpError: if the file system refuses.
        """
        summary = summary_pb2.Summary(value=values)
        self._write(event_pb2.Event(wall_time=wall_time_s, step=step, summary=summary))
        self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the file."""
        self._writer.close()

    def _write(self, event: event_pb2.Event) -> None:
        self._writer.write(event.SerializeToString())
