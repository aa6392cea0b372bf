"""Encodes and writes records on a thread of its own, one after the other."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorboard.compat.proto import summary_pb2

from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.budget import format_bytes
from tensorboard_keract.recording.event_file import (
    EventFile,
    blob_sequence_value,
    table_value,
)
from tensorboard_keract.recording.record import Record, StoredTensor

logger = logging.getLogger("tensorboard_keract")

# Records that may wait to be written. With one more the training loop waits, so that
# memory stays bounded when the disk is slower than the training.
_MAX_WAITING_RECORDS: Final = 2


class RecordWriter:
    """Writes the records of one run, in order, on a thread of its own."""

    def __init__(
        self,
        directory: str,
        budget_bytes: int,
        on_failure: Callable[[int, BaseException], None],
    ) -> None:
        """Takes the run; its event file is made with the first record.

        Args:
          directory: of the run.
          budget_bytes: that maps may take in the file; tables go on beyond.
          on_failure: told the step and the cause when a record can't be written.

        A run has one writer: one that this process still has open, such as that of a
        training that was interrupted, is closed.
        """
        self._directory = directory
        self._budget_bytes = budget_bytes
        self._on_failure = on_failure
        self._file: EventFile | None = None
        self._map_bytes = 0
        self._maps_stopped_at: int | None = None
        self._places = threading.BoundedSemaphore(1 + _MAX_WAITING_RECORDS)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keract_writer")
        self.closed = False
        with _open_writers_lock:
            earlier = _open_writers.get(directory)
            _open_writers[directory] = self
        if earlier is not None:
            logger.warning(
                "A new recorder takes over %s; the earlier one is closed. Two models at"
                " once need a log_dir each.",
                directory,
            )
            earlier.close()

    def submit(self, record: Record) -> None:
        """Queues a record; waits while too many are queued."""
        self._places.acquire()
        self._thread.submit(self._write, record)

    def flush(self) -> None:
        """Waits until all queued records are written."""
        if not self.closed:
            self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """Writes what is queued and gives the run free."""
        if self.closed:
            return
        self.closed = True
        self._thread.shutdown(wait=True)
        self._close_file()
        with _open_writers_lock:
            if _open_writers.get(self._directory) is self:
                del _open_writers[self._directory]

    def _write(self, record: Record) -> None:
        try:
            if record.restarts:
                self._close_file()
            is_first = self._file is None
            if self._file is None:
                self._file = EventFile(self._directory)
                self._file.start_session(record.step)
            self._file.write(
                self._summary_values(record, is_first), record.step, record.wall_time_s
            )
        except Exception as error:  # On a thread of its own it would be lost.
            # The file may end in half a record. TensorBoard reads on in the next one.
            self._close_file()
            self._on_failure(record.step, error)
        finally:
            self._places.release()

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except tf.errors.OpError as error:
                logger.debug("Closing %s failed: %s", file.path, error)

    def _summary_values(
        self, record: Record, is_first: bool
    ) -> list[summary_pb2.Summary.Value]:
        reduced = record.reduced
        values = [
            _table(plugin_name, tag, np.asarray(table))
            for plugin_name, tag, table in (
                (metadata.STATISTICS_PLUGIN_NAME, metadata.RECORD_TAG, record.values),
                (
                    metadata.STATISTICS_PLUGIN_NAME,
                    metadata.STATISTICS_TAG,
                    reduced.statistics,
                ),
                (
                    metadata.HISTOGRAMS_PLUGIN_NAME,
                    metadata.HISTOGRAMS_TAG,
                    reduced.histograms,
                ),
            )
            if table is not None
        ]
        maps = [*reduced.inputs] if is_first or record.inputs_change else []
        if self._maps_stopped_at is None:
            maps += reduced.maps
        map_values = [_tensor(record, stored) for stored in maps]
        self._map_bytes += sum(value.ByteSize() for value in map_values)
        spent = self._map_bytes > self._budget_bytes and self._maps_stopped_at is None
        if spent:
            self._maps_stopped_at = record.step
            logger.warning(
                "Keract has written %s of maps to %s, the budget of the run. From here on"
                " only statistics and histograms are recorded; raise"
                " budget_bytes_per_run for more.",
                format_bytes(self._map_bytes),
                self._directory,
            )
        if is_first or spent:
            values.append(self._model(record))
        return values + map_values

    def _model(self, record: Record) -> summary_pb2.Summary.Value:
        description = record.describe_model()
        if self._maps_stopped_at is not None:
            description.notes.append(
                f"Maps end at step {self._maps_stopped_at}: the run's budget of"
                f" {format_bytes(self._budget_bytes)} is spent."
            )
        return blob_sequence_value(
            metadata.MODEL_TAG,
            [description.SerializeToString()],
            metadata.create_summary_metadata(metadata.PLUGIN_NAME, metadata.MODEL_TAG),
        )


def _table(
    plugin_name: str, tag: str, table: npt.NDArray[np.float32]
) -> summary_pb2.Summary.Value:
    return table_value(
        tag, table, metadata.create_summary_metadata(plugin_name, kind=tag)
    )


def _tensor(record: Record, stored: StoredTensor) -> summary_pb2.Summary.Value:
    plan = stored.plan
    header = plan.header()
    header.step = record.step
    header.epoch = record.epoch
    header.wall_time = record.wall_time_s
    header.note = record.note(plan.kind, plan.path)
    planes = wire_format.Planes(
        stored.codes.numpy(), stored.low.numpy(), stored.high.numpy()
    )
    return blob_sequence_value(
        metadata.tensor_tag(plan.kind, plan.path),
        wire_format.encode_tensor(planes, header),
        metadata.create_summary_metadata(metadata.PLUGIN_NAME, plan.kind, plan.path),
    )


_open_writers: weakref.WeakValueDictionary[str, RecordWriter] = (
    weakref.WeakValueDictionary()
)
_open_writers_lock = threading.Lock()
