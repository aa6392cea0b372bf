"""The writer's thread: its queue, its files, what it counts, and its budget."""

from __future__ import annotations

import dataclasses
import gc
import logging
import os
import shutil
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.compat.proto import summary_pb2

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import event_file, layout, record_writer, wire_format
from tensorboard_keract.recording.event_file import EventFile
from tensorboard_keract.recording.record import Record, Reduced, StoredTensor
from tensorboard_keract.recording.record_writer import RecordWriter
from tests.reading import Event, model_of, planes_of, read_events, read_records
from tests.storing import stored_tensor

LOST = metadata.RECORD_VALUES.index("lost_records")
MEGABYTE = 1_000_000


def _stored(kind: str, path: str, side: int, seed: int = 0) -> StoredTensor:
    values = np.random.default_rng(seed).random((2, side, side, 3), np.float32)
    plan = layout.plan_tensor(
        kind, path, "float32", ("batch", "height", "width", "channel"), values.shape
    )
    return stored_tensor(plan, values)


def make_record(step: int, side: int = 0, **changes: Any) -> Record:
    """A record of two table rows, and maps `side` pixels wide where that is not 0."""
    maps = (_stored("activation", "conv", side, seed=step),) if side else ()
    reduced = Reduced(
        statistics=tf.fill((2, len(metadata.STATISTICS)), float(step)),
        histograms=tf.zeros((2, wire_format.HISTOGRAM_BINS)),
        maps=maps,
        inputs=(_stored("input", "image", 2),),
    )
    values = np.zeros(len(metadata.RECORD_VALUES), np.float32)
    record = Record(
        step=step,
        epoch=-1,
        wall_time_s=1000.0 + step,
        values=values,
        reduced=reduced,
        restarts=False,
        note=lambda kind, path: "",
        describe_model=lambda: plugin_data_pb2.ModelDescription(
            format_version=metadata.FORMAT_VERSION, name="net"
        ),
    )
    return dataclasses.replace(record, **changes)


class Failures:
    """What a writer says of records that it could not write, and in the log."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.causes: list[BaseException] = []

    def __call__(self, step: int, cause: BaseException) -> None:
        self.steps.append(step)
        self.causes.append(cause)


class Gate:
    """Holds up every write until it is opened, as a slow disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Semaphore(0)
        self.written = 0
        write = EventFile.write

        def gated(file: EventFile, *args: Any) -> None:
            self.entered.release()
            assert self.open.acquire(timeout=30)
            write(file, *args)
            self.written += 1

        monkeypatch.setattr(EventFile, "write", gated)


@pytest.fixture
def failures() -> Failures:
    return Failures()


@pytest.fixture
def run(tmp_path: Path) -> str:
    return f"{tmp_path}/keract"


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, logger="tensorboard_keract"):
        yield


def _lost(records: list[Event]) -> list[int]:
    return [int(record.values["record"][LOST]) for record in records]


def _session_starts(tmp_path: Path) -> list[int]:
    return [event.step for event in read_events(tmp_path) if event.starts_session]


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


def test_an_unknown_policy_is_refused_with_those_there_are(run, failures) -> None:
    with pytest.raises(ValueError, match=r"when_behind is 'block'.*wait.*drop"):
        RecordWriter(run, MEGABYTE, failures, when_behind="block")


def test_a_record_is_dropped_where_too_many_wait(
    tmp_path, run, failures, caplog, monkeypatch
) -> None:
    gate = Gate(monkeypatch)
    writer = RecordWriter(run, MEGABYTE, failures, when_behind="drop")
    assert writer.submit(make_record(0))
    assert gate.entered.acquire(timeout=30)
    assert [writer.submit(make_record(step)) for step in range(1, 6)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    for _ in range(4):
        gate.open.release()
    writer.flush()
    last = make_record(6)
    assert writer.submit(last)
    writer.close()
    records = read_records(tmp_path)
    assert [record.step for record in records] == [0, 1, 2, 6]
    assert _lost(records)[0] == 0
    assert _lost(records)[-1] == 3
    assert last.values[LOST] == 0
    dropped, total = _warnings(caplog)
    assert "the record of step 3 is left out" in dropped
    assert "3 records" in total and "3 were left out" in total
    assert not failures.steps


def test_the_training_waits_where_too_many_wait(
    tmp_path, run, failures, monkeypatch
) -> None:
    gate = Gate(monkeypatch)
    writer = RecordWriter(run, MEGABYTE, failures)
    submitted: list[int] = []

    def train() -> None:
        for step in range(6):
            assert writer.submit(make_record(step))
            submitted.append(step)

    training = threading.Thread(target=train)
    training.start()
    for written in range(6):
        assert gate.entered.acquire(timeout=30)
        time.sleep(0.01)
        assert len(submitted) <= written + 3
        gate.open.release()
    training.join()
    writer.close()
    assert [record.step for record in read_records(tmp_path)] == list(range(6))
    assert _lost(read_records(tmp_path)) == [0] * 6


@pytest.mark.parametrize("when_behind", record_writer.POLICIES)
def test_memory_is_bounded_on_a_slow_disk(
    when_behind, run, failures, monkeypatch
) -> None:
    write = EventFile.write

    def slow(file: EventFile, *args: Any) -> None:
        time.sleep(0.005)
        write(file, *args)

    monkeypatch.setattr(EventFile, "write", slow)
    writer = RecordWriter(run, MEGABYTE, failures, when_behind=when_behind)
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most, kept = 0, 0
    for step in range(60):
        record = make_record(step)
        # Arrays, and what holds them, compare by value and can't be hashed.
        alive.add(record.describe_model)
        kept += writer.submit(record)
        del record
        most = max(most, len(alive))
    writer.close()
    # Three in the queue, the one that is to be submitted, one that is being freed.
    assert most <= 5
    assert (kept == 60) == (when_behind == "wait")
    assert writer.lost_count == 60 - kept
    assert failures.steps == []


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_ten_thousand_records_leave_memory_flat(tmp_path, run, failures) -> None:
    def resident_bytes() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    first = make_record(0)
    writer = RecordWriter(run, 1000 * MEGABYTE, failures)
    warm = 0
    for step in range(10_000):
        if step == 1000:
            writer.flush()
            warm = resident_bytes()
        statistics = tf.fill((2, len(metadata.STATISTICS)), float(step))
        reduced = dataclasses.replace(first.reduced, statistics=statistics)
        writer.submit(dataclasses.replace(first, step=step, reduced=reduced))
    writer.close()
    assert resident_bytes() - warm < 30 * MEGABYTE
    assert not failures.causes
    records = read_records(tmp_path)
    assert [record.step for record in records] == list(range(10_000))


def test_records_have_nothing_of_one_another(tmp_path, run, failures) -> None:
    """Headers are filled in anew for each record."""
    writer = RecordWriter(run, MEGABYTE, failures)
    notes = ["a note", ""]
    records = [
        make_record(step, side=4, epoch=step, note=lambda kind, path, n=note: n)
        for step, note in enumerate(notes)
    ]
    for record in records:
        writer.submit(record)
    writer.close()
    for event, record, note in zip(read_records(tmp_path), records, notes, strict=True):
        header = wire_format.decode_header(event.values["activation/conv"][0])
        assert (header.step, header.epoch, header.note) == (
            record.step,
            record.epoch,
            note,
        )
        np.testing.assert_array_equal(
            planes_of(event, "activation/conv"),
            wire_format.dequantize(record.reduced.maps[0].planes()),
        )


def test_a_directory_that_is_removed_is_made_again(
    tmp_path, run, failures, caplog
) -> None:
    """Linux goes on writing into the file that nobody sees any more."""
    writer = RecordWriter(run, MEGABYTE, failures)
    for step in range(6):
        if step in (2, 4):
            writer.flush()
            shutil.rmtree(run)
        writer.submit(make_record(step))
    writer.close()
    records = read_records(tmp_path)
    assert [record.step for record in records] == [4, 5]
    assert ["model" in record.values for record in records] == [True, False]
    assert "input/image" in records[0].values
    assert _session_starts(tmp_path) == [4]
    (message,) = _warnings(caplog)
    assert "removed, moved or cut short" in message and "goes on at step 2" in message
    assert not failures.steps


def test_a_directory_that_is_moved_keeps_what_it_holds(tmp_path, run, failures) -> None:
    writer = RecordWriter(run, MEGABYTE, failures)
    writer.submit(make_record(0))
    writer.flush()
    os.rename(run, tmp_path / "moved")
    writer.submit(make_record(1))
    writer.close()
    assert [record.step for record in read_records(tmp_path, "moved")] == [0]
    assert [record.step for record in read_records(tmp_path)] == [1]


def test_a_file_that_is_emptied_is_left_for_a_new_one(tmp_path, run, failures) -> None:
    writer = RecordWriter(run, MEGABYTE, failures)
    writer.submit(make_record(0))
    writer.flush()
    (path,) = Path(run).iterdir()
    path.write_bytes(b"")
    writer.submit(make_record(1))
    writer.close()
    assert path.stat().st_size == 0
    assert [record.step for record in read_records(tmp_path)] == [1]


def test_recording_resumes_when_a_file_is_out_of_the_way(
    tmp_path, run, failures, caplog
) -> None:
    writer = RecordWriter(run, MEGABYTE, failures)
    writer.submit(make_record(0))
    writer.flush()
    shutil.rmtree(run)
    Path(run).write_text("in the way")
    for step in (1, 2, 3):
        writer.submit(make_record(step))
    writer.flush()
    os.remove(run)
    writer.submit(make_record(4))
    writer.close()
    records = read_records(tmp_path)
    assert [record.step for record in records] == [4]
    assert "model" in records[0].values
    assert _lost(records) == [3]
    assert failures.steps == [1, 2, 3]
    assert {type(cause) for cause in failures.causes} == {
        tf.errors.FailedPreconditionError
    }
    assert [m for m in caplog.messages if "goes on at step 4; 3 records" in m]
    assert not _warnings(caplog)


def test_failed_writes_leave_no_file_and_later_ones_are_whole(
    tmp_path, run, failures, caplog, monkeypatch
) -> None:
    """A remote file system that is away for a while, in the middle of a record."""
    write, away = EventFile.write, True

    def refusing(file: EventFile, *args: Any) -> None:
        if away:
            file._writer.write(b"half a record")
            file._writer.flush()
            raise tf.errors.UnavailableError(None, None, "no route to host")
        write(file, *args)

    monkeypatch.setattr(EventFile, "write", refusing)
    writer = RecordWriter(run, MEGABYTE, failures)
    for step in range(5, 105):
        writer.submit(make_record(step))
    writer.flush()
    assert list(Path(run).iterdir()) == []
    away = False
    writer.submit(make_record(105))
    writer.submit(make_record(106))
    writer.flush()
    away = True
    writer.submit(make_record(107))
    writer.flush()
    away = False
    writer.submit(make_record(108))
    writer.close()
    assert failures.steps == [*range(5, 105), 107]
    records = read_records(tmp_path)
    assert [record.step for record in records] == [105, 106, 108]
    assert _lost(records) == [100, 100, 101]
    # What an earlier process recorded from step 5 on is replaced, nothing before it.
    assert _session_starts(tmp_path) == [5, 108]
    assert len(list(Path(run).iterdir())) == 2
    resumed = [m for m in caplog.messages if "goes on at step" in m]
    assert ["step 105; 100 rec" in resumed[0], "step 108; 1 rec" in resumed[1]] == [
        True,
        True,
    ]


def test_a_restart_that_is_lost_is_made_by_the_next_record(
    tmp_path, run, failures, monkeypatch
) -> None:
    writer = RecordWriter(run, MEGABYTE, failures)
    for step in (0, 10, 20):
        writer.submit(make_record(step))

    def refuse() -> plugin_data_pb2.ModelDescription:
        raise RuntimeError("no description")

    writer.submit(make_record(10, restarts=True, describe_model=refuse))
    writer.submit(make_record(13))
    writer.close()
    assert failures.steps == [10]
    assert _session_starts(tmp_path) == [0, 10]
    assert [record.step for record in read_records(tmp_path)] == [0, 10, 20, 13]


def test_a_restart_that_is_dropped_is_made_by_the_next_record(
    tmp_path, run, failures, monkeypatch
) -> None:
    gate = Gate(monkeypatch)
    writer = RecordWriter(run, MEGABYTE, failures, when_behind="drop")
    for step in (0, 10, 20):
        assert writer.submit(make_record(step))
    assert not writer.submit(make_record(5, restarts=True))
    for _ in range(4):
        gate.open.release()
    writer.flush()
    assert writer.submit(make_record(7))
    writer.close()
    assert _session_starts(tmp_path) == [0, 5]


def test_the_budget_counts_what_earlier_processes_wrote(
    tmp_path, run, failures, caplog
) -> None:
    for steps in (range(4), range(4, 8)):
        writer = RecordWriter(run, 60_000, failures)
        for step in steps:
            writer.submit(make_record(step, side=64))
        writer.close()
    records = read_records(tmp_path)
    with_maps = ["activation/conv" in record.values for record in records]
    assert with_maps == [True] * 3 + [False] * 5
    assert "budget of 60.0 kB is spent" in model_of(records[2]).notes[-1]
    resumed = records[4]
    assert "input/image" in resumed.values
    (note,) = model_of(resumed).notes
    assert "No maps from step 4 on" in note
    assert "budget_bytes_per_run" in note and "log_dir" in note and run in note
    assert len([m for m in _warnings(caplog) if "is the budget of the run" in m]) == 2


def test_a_budget_that_is_not_spent_goes_on_in_the_next_process(
    tmp_path, run, failures
) -> None:
    (tmp_path / "keract").mkdir()
    (tmp_path / "keract" / "notes.txt").write_bytes(bytes(100_000))
    for step in range(2):
        writer = RecordWriter(run, 60_000, failures)
        writer.submit(make_record(step, side=64))
        writer.close()
    records = read_records(tmp_path)
    assert all("activation/conv" in record.values for record in records)
    assert not any(model_of(record).notes for record in records)


def test_a_budget_is_free_again_when_the_run_is_removed(
    tmp_path, run, failures
) -> None:
    writer = RecordWriter(run, 30_000, failures)
    for step in range(4):
        if step == 3:
            writer.flush()
            shutil.rmtree(run)
        writer.submit(make_record(step, side=64))
    writer.close()
    (record,) = read_records(tmp_path)
    assert "activation/conv" in record.values
    assert not model_of(record).notes


def test_stored_bytes_are_those_on_disk(tmp_path, run, failures) -> None:
    assert event_file.stored_bytes(run) == 0
    writer = RecordWriter(run, MEGABYTE, failures)
    writer.submit(make_record(0, side=8))
    writer.flush()
    (path,) = Path(run).iterdir()
    assert writer._file is not None
    assert writer._file.byte_count == path.stat().st_size
    assert event_file.stored_bytes(run) == path.stat().st_size
    writer.close()
    path.with_name("events.out.tfevents.broken").symlink_to(tmp_path / "nowhere")
    assert event_file.stored_bytes(run) == path.stat().st_size
    assert event_file.stored_bytes(str(path)) == 0


def _scalar(record: Record) -> list[summary_pb2.Summary.Value]:
    return [
        summary_pb2.Summary.Value(tag="lost", simple_value=float(record.values[LOST]))
    ]


def test_what_a_mirror_gives_is_in_the_record(tmp_path, run, failures) -> None:
    writer = RecordWriter(run, MEGABYTE, failures, mirror=_scalar)
    writer.submit(make_record(0))
    writer.close()
    (path,) = Path(run).iterdir()
    *_, event = tf.compat.v1.train.summary_iterator(str(path))
    tags = {value.tag: value.simple_value for value in event.summary.value}
    assert tags.keys() >= {"record", "model", "lost"}
    assert (event.step, tags["lost"]) == (0, 0.0)


@pytest.mark.parametrize("gives", [ValueError("no such tag"), ["no value"], None])
def test_a_mirror_that_fails_loses_no_record(
    gives, tmp_path, run, failures, caplog
) -> None:
    def mirror(record: Record) -> Any:
        if isinstance(gives, Exception):
            raise gives
        return gives

    writer = RecordWriter(run, MEGABYTE, failures, mirror=mirror)
    for step in range(3):
        writer.submit(make_record(step))
    writer.close()
    assert [record.step for record in read_records(tmp_path)] == [0, 1, 2]
    assert not failures.steps
    if gives is not None:
        (message,) = _warnings(caplog)
        assert "standard summaries of step 0" in message


def test_a_closed_writer_takes_no_record(tmp_path, run, failures) -> None:
    writer = RecordWriter(run, MEGABYTE, failures)
    assert writer.submit(make_record(0))
    writer.close()
    writer.close()
    writer.flush()
    assert writer.closed
    assert not writer.submit(make_record(1))
    assert [record.step for record in read_records(tmp_path)] == [0]


def test_a_writer_that_is_let_go_ends_its_thread(tmp_path, run, failures) -> None:
    before = threading.active_count()
    writer = RecordWriter(run, MEGABYTE, failures)
    for step in range(3):
        writer.submit(make_record(step))
    gone = weakref.ref(writer)
    del writer
    deadline = time.monotonic() + 10
    while gone() is not None or threading.active_count() > before:
        assert time.monotonic() < deadline
        gc.collect()
        time.sleep(0.01)
    assert [record.step for record in read_records(tmp_path)] == [0, 1, 2]


def test_remote_files_are_looked_for_now_and_then(
    run, failures, caplog, monkeypatch
) -> None:
    """TensorFlow's file system in memory stands for any behind a URL."""
    remote = f"ram://{run}"
    writer = RecordWriter(remote, MEGABYTE, failures)
    looked: list[str] = []
    exists = tf.io.gfile.exists

    def counted(path: str) -> bool:
        looked.append(path)
        return bool(exists(path))

    monkeypatch.setattr(tf.io.gfile, "exists", counted)
    for step in range(3):
        writer.submit(make_record(step))
    writer.flush()
    assert looked == []
    monkeypatch.setattr(event_file, "_REMOTE_CHECK_INTERVAL_S", 0.0)
    writer._file._next_check_s = 0.0
    writer.submit(make_record(3))
    writer.flush()
    assert len(looked) == 1
    tf.io.gfile.remove(looked[0])
    writer.submit(make_record(4))
    writer.close()
    assert len(tf.io.gfile.listdir(remote)) == 1
    assert "goes on at step 4" in _warnings(caplog)[0]
    assert not failures.causes
