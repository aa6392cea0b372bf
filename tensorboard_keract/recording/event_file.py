"""Summary values, and the event file that a recorder writes them to.

A record is one event, so that it is whole or absent. The file is written through
`tf.io.TFRecordWriter`, TensorFlow's public writer of the framing that event files
have: it reaches remote file systems, and it raises where it fails.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

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

logger = logging.getLogger("tensorboard_keract")

# TensorBoard takes a file for an event file by this part of its name.
_NAME_PREFIX: Final = "events.out.tfevents."

# What the framing adds to a record: its length (8 bytes), and the checksums of the
# length and of the record (4 each).
_FRAME_BYTES: Final = 16

# Whether a file is still there costs a few microseconds on a local disk, and a round
# trip elsewhere.
_REMOTE_CHECK_INTERVAL_S: Final = 60.0

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


def stored_bytes(directory: str) -> int:
    """Bytes of the event files in a directory.

    A directory that is not there or can't be listed, and a file that can't be looked
    at, count as nothing.
    """
    import tensorflow as tf

    unknown = (tf.errors.OpError, OSError, UnicodeError)
    try:
        names = tf.io.gfile.listdir(directory)
    except unknown:
        return 0
    total = 0
    for name in names:
        if name.startswith(_NAME_PREFIX):
            try:
                total += int(tf.io.gfile.stat(f"{directory}/{name}").length)
            except unknown:
                continue
    return total


class EventFile:
    """One event file of a run, open for appending. Not for several threads at once.

    Attributes:
      path: of the file.
      record_count: events with values that are in the file, whole.
      byte_count: the file's length up to the end of the last of them.
    """

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
            f"{_NAME_PREFIX}{microseconds:020d}.{socket.gethostname()}"
            f".{os.getpid()}.{next(_file_numbers)}.v2"
        )
        self.path = f"{directory}/{name}"
        self.record_count = 0
        self.byte_count = 0
        self._appended_bytes = 0
        self._is_remote = "://" in directory
        self._was_seen = False
        self._next_check_s = time.monotonic() + _REMOTE_CHECK_INTERVAL_S
        tf.io.gfile.makedirs(directory)
        self._writer: tf.io.TFRecordWriter = tf.io.TFRecordWriter(self.path)
        try:
            self._append(
                event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2")
            )
        except tf.errors.OpError:
            self.abandon()
            raise

    def start_session(self, step: int) -> None:
        """Says that what was recorded from `step` on in earlier files is replaced."""
        self._append(
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
          tf.errors.OpError: if the file system refuses. The file may end in half an
            event then: `abandon` it.
        """
        event = event_pb2.Event(wall_time=wall_time_s, step=step)
        event.summary.value.extend(values)  # A message given whole is copied twice.
        self._append(event)
        self._writer.flush()
        self.record_count += 1
        self.byte_count = self._appended_bytes

    def is_gone(self) -> bool:
        """Whether the file was removed, moved or cut short by somebody else.

        On Linux an open file goes on accepting what nobody will ever read. A local
        file is looked at each time, one behind a URL once a minute.
        """
        if self._is_remote:
            return self._is_gone_remotely()
        try:
            return os.stat(self.path).st_size < self.byte_count
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # Not to be told, as without permission to look.
            return False

    def close(self) -> None:
        """Flushes and closes the file."""
        self._writer.close()

    def abandon(self) -> None:
        """Closes the file after a failure, and removes what is not whole.

        That is half an event at the end, where the file system can cut a file, or a
        file without any record, so that a full disk is not littered. Where that fails,
        too, it stays: readers pass over half an event.
        """
        import tensorflow as tf

        try:
            self._writer.close()
        except tf.errors.OpError as error:
            logger.debug("Closing %s failed: %s", self.path, error)
        try:
            if not self.record_count:
                tf.io.gfile.remove(self.path)
            elif not self._is_remote:
                os.truncate(self.path, self.byte_count)
        except (tf.errors.OpError, OSError) as error:
            logger.debug("Clearing up %s failed: %s", self.path, error)

    def _is_gone_remotely(self) -> bool:
        import tensorflow as tf

        now_s = time.monotonic()
        if now_s < self._next_check_s:
            return False
        self._next_check_s = now_s + _REMOTE_CHECK_INTERVAL_S
        try:
            exists = tf.io.gfile.exists(self.path)
        except tf.errors.OpError:
            return False
        # Some stores show a file only once it is closed.
        gone = self._was_seen and not exists
        self._was_seen = self._was_seen or exists
        return gone

    def _append(self, event: event_pb2.Event) -> None:
        record = event.SerializeToString()
        self._writer.write(record)
        self._appended_bytes += len(record) + _FRAME_BYTES
