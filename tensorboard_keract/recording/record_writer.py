"""Encodes and writes records on a thread of its own, one after the other.

Nothing that happens to a file reaches the training: a record that can't be written is
lost and counted, the cause is told once, and the next record is tried in a new file.
"""

from __future__ import annotations

import atexit
import collections
import dataclasses
import functools
import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto import summary_pb2

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.budget import format_bytes
from tensorboard_keract.recording.event_file import (
    EventFile,
    blob_sequence_value,
    stored_bytes,
    table_value,
)
from tensorboard_keract.recording.heatmaps import StoredHeatmap
from tensorboard_keract.recording.layout import TensorPlan
from tensorboard_keract.recording.record import Record, StoredTensor

logger = logging.getLogger("tensorboard_keract")

# What becomes of a record while too many wait to be written: the training waits, or
# the record is dropped.
WAIT: Final = "wait"
DROP: Final = "drop"
POLICIES: Final = (WAIT, DROP)

# Records that may wait beside the one that is being written, so that memory stays
# bounded when the disk is slower than the training.
_MAX_WAITING_RECORDS: Final = 2

_LOST_RECORDS: Final = metadata.RECORD_VALUES.index("lost_records")

# Standard summaries of a record, for TensorBoard's other dashboards.
Mirror = Callable[[Record], Sequence[summary_pb2.Summary.Value]]


class RecordWriter:
    """Writes the records of one run, in order, on a thread of its own.

    A process that is forked off, such as a data loader, has no part in it: there the
    writer counts as closed, and neither writes nor waits.
    """

    def __init__(
        self,
        directory: str,
        budget_bytes: int,
        on_failure: Callable[[int, BaseException], None],
        when_behind: str = WAIT,
        mirror: Mirror | None = None,
    ) -> None:
        """Takes the run; its event file is made with the first record.

        Args:
          directory: of the run.
          budget_bytes: that the run's event files may take, those of earlier
            processes included. Once it is spent, records hold no maps; tables go on.
          on_failure: told the step and the cause when a record can't be written.
            Called on the writer's thread.
          when_behind: what becomes of a record while three others are not written
            yet: "wait" until one is, or "drop" it.
          mirror: gives further summary values for the event of a record. Called on
            the writer's thread; where it fails, the record is written without them.

        Raises:
          ValueError: for an unknown policy.

        A run has one writer: one that this process still has open, such as that of a
        training that was interrupted, is closed.
        """
        check_policy(when_behind)
        self._directory = directory
        self._budget_bytes = budget_bytes
        self._on_failure = on_failure
        self._when_behind = when_behind
        self._mirror = mirror
        self._process_id = os.getpid()
        self._is_closed = False
        # Of the threads that submit.
        self._submitting = threading.RLock()
        self._unfinished: collections.deque[Future[None]] = collections.deque()
        self._restart_to_submit: int | None = None
        self._has_submitted = False
        self._dropped_count = 0
        # Of the writer's thread.
        self._file: EventFile | None = None
        self._bytes_of_earlier_files = 0
        self._maps_note: str | None = None
        self._restart_step: int | None = None
        self._failed_count = 0
        self._failed_since_success = 0
        self._encoding: dict[tuple[str, str], _TensorEncoding] = {}
        self._said: set[object] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keract_writer")
        with _open_writers_lock:
            earlier = _open_writers.get(directory)
            _open_writers[directory] = self
        if earlier is not None and not earlier.closed:
            logger.warning(
                "A new recorder takes over %s; the earlier one is closed. Two models at"
                " once need a log_dir each.",
                directory,
            )
            earlier.close()

    @property
    def closed(self) -> bool:
        """Whether nothing is written any more; true in a forked process, too."""
        return self._is_closed or os.getpid() != self._process_id

    @property
    def lost_count(self) -> int:
        """Records so far that were dropped or could not be written."""
        return self._dropped_count + self._failed_count

    @property
    def writes_maps(self) -> bool:
        """Whether the run's budget is not spent yet, as far as is known."""
        return self._maps_note is None

    def submit(self, record: Record) -> bool:
        """Queues a record.

        Returns:
          Whether it was queued: False if it was dropped, or the writer is closed.
        """
        if self.closed:
            return False
        with self._submitting:
            self._remember_restart(record)
            unfinished = self._unfinished
            while unfinished and unfinished[0].done():
                unfinished.popleft()
            while len(unfinished) > _MAX_WAITING_RECORDS:
                if self._when_behind == DROP:
                    self._count_dropped(record)
                    return False
                unfinished[0].exception()  # Waits; raises nothing of the record's.
                unfinished.popleft()
            try:
                unfinished.append(
                    self._thread.submit(self._write, record, self._restart_to_submit)
                )
            except RuntimeError:
                if self.closed:  # Another recorder took the run over just now.
                    return False
                raise
            self._restart_to_submit = None
        return True

    def flush(self) -> None:
        """Waits until all queued records are written, or lost."""
        if os.getpid() == self._process_id:
            for future in tuple(self._unfinished):
                future.exception()

    def close(self) -> None:
        """Writes what is queued and gives the run free. Again, it does nothing.

        Called at the exit of the interpreter where nobody did before.
        """
        if os.getpid() != self._process_id:
            return
        self._is_closed = True
        # If Ctrl-C ends the wait, the next call takes it up.
        self._thread.shutdown(wait=True)
        self._close_file()
        with _open_writers_lock:
            if _open_writers.get(self._directory) is self:
                del _open_writers[self._directory]
        if self.lost_count and self._says_first("total"):
            logger.log(
                logging.WARNING if self._dropped_count else logging.INFO,
                "%d records of %s were lost: %d were left out because writing was"
                " behind, %d could not be written.",
                self.lost_count,
                self._directory,
                self._dropped_count,
                self._failed_count,
            )

    def _remember_restart(self, record: Record) -> None:
        # A record that is dropped leaves its restart to the next one.
        if record.restarts or not self._has_submitted:
            self._restart_to_submit = _earlier(self._restart_to_submit, record.step)
        self._has_submitted = True

    def _count_dropped(self, record: Record) -> None:
        self._dropped_count += 1
        if self._says_first("dropped"):
            logger.warning(
                "Writing to %s is behind: the record of step %d is left out, and so are"
                " all to come while %d others wait; the page shows how many. To lose"
                ' none, record less often or less, or let the training wait: "%s".',
                self._directory,
                record.step,
                1 + _MAX_WAITING_RECORDS,
                WAIT,
            )

    def _says_first(self, what: object) -> bool:
        """Whether this is the first time, so that each trouble has one line a run."""
        is_first = what not in self._said
        self._said.add(what)
        return is_first

    def _write(self, record: Record, restart_step: int | None) -> None:
        # One that is lost leaves its restart to the next, too.
        self._restart_step = _earlier(self._restart_step, restart_step)
        gone = self._file if self._file is not None and self._file.is_gone() else None
        try:
            if restart_step is not None or gone is not None:
                self._close_file()
            file = self._file or self._open_file(record.step)
            values = self._summary_values(record, is_first=not file.record_count)
            file.write(values, record.step, record.wall_time_s)
        except Exception as error:  # On a thread of its own it would be lost.
            self._failed_count += 1
            self._failed_since_success += 1
            file_left, self._file = self._file, None
            if file_left is not None:
                # It may end in half a record. TensorBoard reads on in the next one.
                file_left.abandon()
            self._on_failure(record.step, error)
        else:
            self._restart_step = None
            self._say_what_changed(record.step, file, gone)

    def _open_file(self, step: int) -> EventFile:
        self._bytes_of_earlier_files = stored_bytes(self._directory)
        self._maps_note = None
        if self._bytes_of_earlier_files >= self._budget_bytes:
            self._maps_note = (
                f"No maps from step {step} on: the run already holds"
                f" {format_bytes(self._bytes_of_earlier_files)} in {self._directory},"
                f" and its budget is {format_bytes(self._budget_bytes)}. Raise"
                " budget_bytes_per_run, remove that directory, or choose another"
                " log_dir."
            )
        self._file = EventFile(self._directory)
        self._file.start_session(
            step if self._restart_step is None else self._restart_step
        )
        return self._file

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except tf.errors.OpError as error:
                logger.debug("Closing %s failed: %s", file.path, error)

    def _say_what_changed(
        self, step: int, file: EventFile, gone: EventFile | None
    ) -> None:
        if gone is not None and self._says_first("gone"):
            logger.warning(
                "%s was removed, moved or cut short while Keract wrote it. Recording"
                " goes on at step %d in a new file, %s.",
                gone.path,
                step,
                file.path,
            )
        if self._failed_since_success:
            logger.info(
                "Recording to %s goes on at step %d; %d records were lost.",
                self._directory,
                step,
                self._failed_since_success,
            )
            self._failed_since_success = 0
        if self._maps_note is not None and self._says_first("budget"):
            logger.warning(
                "Keract has written %s to %s, and %s is the budget of the run. From here"
                " on only statistics and histograms are recorded. For maps, raise"
                " budget_bytes_per_run, remove that directory or choose another log_dir.",
                format_bytes(self._bytes_of_earlier_files + file.byte_count),
                self._directory,
                format_bytes(self._budget_bytes),
            )

    def _summary_values(
        self, record: Record, is_first: bool
    ) -> list[summary_pb2.Summary.Value]:
        numbers = record.values.copy()
        numbers[_LOST_RECORDS] = self.lost_count
        record = dataclasses.replace(record, values=numbers)
        reduced = record.reduced
        values = [
            table_value(tag, np.asarray(table), _table_metadata(plugin_name, tag))
            for plugin_name, tag, table in (
                (metadata.STATISTICS_PLUGIN_NAME, metadata.RECORD_TAG, numbers),
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
        maps: list[StoredTensor | StoredHeatmap] = []
        if is_first or record.inputs_change:
            maps += reduced.inputs
        has_maps = self.writes_maps
        if has_maps:
            maps += [*reduced.maps, *reduced.heatmaps]
        values += [self._tensor(record, stored) for stored in maps]
        if not has_maps:
            without = dataclasses.replace(reduced, maps=(), inputs=())
            record = dataclasses.replace(record, reduced=without)
        values += self._mirrored(record)
        spent = has_maps and self._spends_budget(values)
        if spent:
            self._maps_note = (
                f"Maps end at step {record.step}: the run's budget of"
                f" {format_bytes(self._budget_bytes)} is spent."
            )
        if is_first or spent:
            values.append(self._model(record))
        return values

    def _spends_budget(self, values: Sequence[summary_pb2.Summary.Value]) -> bool:
        in_this_file = 0 if self._file is None else self._file.byte_count
        in_this_record = sum(int(value.ByteSize()) for value in values)
        written = self._bytes_of_earlier_files + in_this_file + in_this_record
        return written > self._budget_bytes

    def _tensor(
        self, record: Record, stored: StoredTensor | StoredHeatmap
    ) -> summary_pb2.Summary.Value:
        plan = stored.plan
        encoding = self._encoding.get((plan.kind, plan.path))
        if encoding is None or encoding.plan is not plan:
            encoding = self._encoding[plan.kind, plan.path] = _TensorEncoding(
                plan,
                metadata.tensor_tag(plan.kind, plan.path),
                plan.header(),
                metadata.create_summary_metadata(
                    metadata.PLUGIN_NAME, plan.kind, plan.path
                ),
            )
        header = encoding.header
        header.step = record.step
        header.epoch = record.epoch
        header.wall_time = record.wall_time_s
        header.note = record.note(plan.kind, plan.path)
        if isinstance(stored, StoredHeatmap):
            header.explanation.CopyFrom(stored.explanation)
        return blob_sequence_value(
            encoding.tag,
            wire_format.encode_tensor(stored.planes(), header),
            encoding.summary_metadata,
        )

    def _mirrored(self, record: Record) -> list[summary_pb2.Summary.Value]:
        if self._mirror is None:
            return []
        try:
            # As a message at once: what is no value shows here, where it does no harm.
            return [*summary_pb2.Summary(value=self._mirror(record)).value]
        except Exception as error:  # Whatever it is, the record is to be written.
            if self._says_first(("mirror", type(error))):
                logger.warning(
                    "Keract could not make standard summaries of step %d for %s; the"
                    " record is written without them, and they are tried again with the"
                    " next. The cause: %s: %s",
                    record.step,
                    self._directory,
                    type(error).__name__,
                    error,
                )
            return []

    def _model(self, record: Record) -> summary_pb2.Summary.Value:
        description = record.describe_model()
        if self._maps_note is not None:
            description.notes.append(self._maps_note)
        return blob_sequence_value(
            metadata.MODEL_TAG,
            [description.SerializeToString()],
            metadata.create_summary_metadata(metadata.PLUGIN_NAME, metadata.MODEL_TAG),
        )


def check_policy(when_behind: str) -> None:
    """Raises ValueError if `when_behind` is not one of `POLICIES`."""
    if when_behind not in POLICIES:
        raise ValueError(
            f'when_behind is {when_behind!r}; use "{WAIT}", so that the training waits'
            f' while records are being written, or "{DROP}", so that records are left'
            " out and counted."
        )


class _TensorEncoding(NamedTuple):
    """What is the same in every record of a tensor; the header is filled in anew."""

    plan: TensorPlan
    tag: str
    header: plugin_data_pb2.TensorHeader
    summary_metadata: summary_pb2.SummaryMetadata


@functools.cache
def _table_metadata(plugin_name: str, tag: str) -> summary_pb2.SummaryMetadata:
    return metadata.create_summary_metadata(plugin_name, kind=tag)


def _earlier(step: int | None, other: int | None) -> int | None:
    return min((s for s in (step, other) if s is not None), default=None)


_open_writers: weakref.WeakValueDictionary[str, RecordWriter] = (
    weakref.WeakValueDictionary()
)
_open_writers_lock = threading.Lock()


@atexit.register
def _close_open_writers() -> None:
    # By now the executors have written what was queued.
    for writer in tuple(_open_writers.values()):
        writer.close()
