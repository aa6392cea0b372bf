"""Full disks, quotas, lost permissions, kills, Ctrl-C, forks: in processes of their own.

The first half of this file are the processes, started by name with the directory that
they write to; the second half starts them and reads what they leave.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import logging
import multiprocessing
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import plugin_event_accumulator

import tensorboard_keract as tk
from tensorboard_keract import metadata
from tensorboard_keract.recording.record_writer import RecordWriter
from tests import models
from tests.reading import read_events, read_records
from tests.test_record_writer import Failures, make_record

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="signals, forks and limits as on Linux"
)

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 120
LOST = metadata.RECORD_VALUES.index("lost_records")
MEGABYTE = 1_000_000

# ---------------------------------------------------------------------------
# What runs in a process of its own.


class Announce(keras.callbacks.Callback):
    """Prints the last step that was recorded, after each batch."""

    def __init__(self, recording: tk.KeractCallback) -> None:
        super().__init__()
        self._recording = recording

    def on_train_batch_end(self, batch, logs=None):
        print(self._recording._recorder.last_step, flush=True)


def _fit(callbacks: Sequence[Any], batches: int) -> keras.Model:
    case = models.classifier()
    x, y = (np.concatenate([part] * batches) for part in case[1:])
    case.model.fit(x, y, batch_size=4, verbose=0, callbacks=[*callbacks])
    return case.model


def _recording(log_dir: Path) -> tk.KeractCallback:
    case = models.classifier()
    return tk.KeractCallback(log_dir, (case.x, case.y), update_freq="batch")


def train_for_long(log_dir: Path) -> None:
    recording = _recording(log_dir)
    _fit([recording, Announce(recording)], batches=20_000)


def write_large_records(log_dir: Path) -> None:
    writer = RecordWriter(f"{log_dir}/keract", 10_000 * MEGABYTE, Failures())
    record = make_record(0)
    statistics = tf.random.normal((200_000, len(metadata.STATISTICS)))
    for step in range(1000):
        reduced = record.reduced if step < 3 else record.reduced.__class__(statistics)
        writer.submit(make_record(step, reduced=reduced))
        print(step, flush=True)


def raise_in_another_callback(log_dir: Path) -> None:
    class Raise(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 7:
                raise ArithmeticError("of another callback")

    recording = _recording(log_dir)
    _fit([recording, Announce(recording), Raise()], batches=20)


def exit_without_close(log_dir: Path) -> None:
    case = models.classifier()
    recorder = tk.Recorder(log_dir, case.model, (case.x, case.y))
    closed = type(recorder._writer)._close_file

    def tell(writer: RecordWriter) -> None:
        if writer._file is not None:
            print("closes", flush=True)
        closed(writer)

    type(recorder._writer)._close_file = tell
    for step in range(8):
        recorder.record(step)
    sys.exit(3)


def fork_while_writing(log_dir: Path) -> None:
    def fork() -> None:
        children = [multiprocessing.get_context("fork").Process(target=len, args=("",))]
        children[0].start()
        child = os.fork()
        if not child:
            # As in a data loader that holds the callback.
            assert recording._recorder.record(10_000) is False
            recording._recorder.flush()
            recording._recorder.close()
            atexit._run_exitfuncs()
            os._exit(7)
        children[0].join(TIMEOUT_S)
        assert children[0].exitcode == 0
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 7

    class Fork(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch % 4 == 0:
                fork()

    recording = _recording(log_dir)
    _fit([recording, Fork()], batches=20)


def fill_the_disk(log_dir: Path) -> None:
    """The disk is full from batch 10 to batch 30 of 40."""
    ballast = log_dir / "ballast"

    class Fill(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            recording._recorder.flush()
            if batch == 10:
                _fill(ballast)
            elif batch == 30:
                ballast.unlink()

    lines = _log_to_list()
    tf.config.experimental.enable_op_determinism()
    weights = []
    recording = _recording(log_dir)
    for callbacks in ([], [recording, Fill()]):
        keras.utils.set_random_seed(1)
        weights.append(_fit(callbacks, batches=40).get_weights())
    same = all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))
    print(json.dumps({"same_weights": same, "lines": lines}))


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(512))
            except OSError as error:
                assert error.errno == errno.ENOSPC
                return


def reach_limits(log_dir: Path) -> None:
    """Quotas and permissions, with records alone."""
    result: dict[str, Any] = {}
    # A file may have 64 kB.
    with _file_size_limit(64_000):
        result["quota"] = _write_records(log_dir / "quota", range(200))
    failures = Failures()
    writer = RecordWriter(f"{log_dir}/tight/keract", MEGABYTE, failures)
    lines = _log_to_list()
    with _file_size_limit(600):
        for step in range(300):
            writer.submit(make_record(step))
        writer.flush()
        left = os.listdir(log_dir / "tight/keract")
    writer.submit(make_record(300))
    writer.close()
    result["tight"] = {"failed": failures.steps, "left": left, "lines": [*lines]}
    with _unprivileged(log_dir):
        result["permission"] = _lose_permission(Path("permission"))
    print(json.dumps(result))


def _write_records(log_dir: Path, steps: Sequence[int]) -> list[int]:
    failures = Failures()
    writer = RecordWriter(f"{log_dir}/keract", MEGABYTE, failures)
    for step in steps:
        writer.submit(make_record(step))
    writer.close()
    return failures.steps


def _lose_permission(log_dir: Path) -> dict[str, Any]:
    failures = Failures()
    run = log_dir / "keract"
    writer = RecordWriter(str(run), MEGABYTE, failures)
    writer.submit(make_record(5))
    writer.flush()
    run.chmod(0)
    writer.submit(make_record(6))
    writer.submit(make_record(4, restarts=True))
    writer.submit(make_record(7))
    writer.flush()
    run.chmod(0o700)
    writer.submit(make_record(8))
    writer.close()
    causes = {type(cause).__name__ for cause in failures.causes}
    return {"failed": failures.steps, "causes": sorted(causes)}


@contextlib.contextmanager
def _file_size_limit(limit_bytes: int) -> Iterator[None]:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@contextlib.contextmanager
def _unprivileged(log_dir: Path) -> Iterator[None]:
    """In `log_dir`; in place of root, who may write anywhere, as somebody else."""
    os.chdir(log_dir)
    if os.geteuid():
        yield
        return
    nobody = 65_534
    os.chown(log_dir, nobody, nobody)
    os.seteuid(nobody)
    yield
    os.seteuid(0)


def _log_to_list() -> list[str]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("tensorboard_keract")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return lines


# ---------------------------------------------------------------------------
# What is expected of them.


class Process:
    """One of the functions above in a Python of its own, with what it prints."""

    def __init__(self, function: Any, log_dir: Path, *before: str) -> None:
        code = (
            "import sys; from pathlib import Path; from tests import test_faults;"
            f" test_faults.{function.__name__}(Path(sys.argv[1]))"
        )
        self.errors = log_dir.with_name(f"{log_dir.name}.stderr")
        log_dir.mkdir(exist_ok=True)
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-c", code, str(log_dir)],
                cwd=ROOT,
                env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.communicate()

    def read_until(self, wanted: str) -> list[str]:
        """Lines up to the first that is the wanted one."""
        lines = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            lines.append(line.strip())
            if lines[-1] == wanted:
                return lines
        raise AssertionError(f"{wanted!r} is not in {lines}: {self.errors.read_text()}")

    def end(self) -> tuple[int, list[str]]:
        """The exit status, and the lines that were not read yet."""
        printed, _ = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, printed.split("\n")[:-1]

    def result(self) -> Any:
        status, lines = self.end()
        assert status == 0, self.errors.read_text()
        return json.loads(lines[-1])


def _steps(log_dir: Path) -> list[int]:
    return [record.step for record in read_records(log_dir)]


def _accumulated_steps(log_dir: Path) -> list[int]:
    """As TensorBoard's Python loader has them: after purges, without what is broken."""
    accumulator = plugin_event_accumulator.EventAccumulator(
        str(log_dir / "keract"), size_guidance={"tensors": 0}
    )
    accumulator.Reload()
    return [event.step for event in accumulator.Tensors("record")]


def test_a_kill_in_mid_training_loses_at_most_what_was_queued(tmp_path: Path) -> None:
    log_dir = tmp_path / "logs"
    with Process(train_for_long, log_dir) as process:
        process.read_until("30")
        process.process.send_signal(signal.SIGKILL)
        status, lines = process.end()
    assert status == -signal.SIGKILL
    last = int(lines[-1]) if lines else 30
    steps = _steps(log_dir)
    assert steps == list(range(len(steps)))
    assert len(steps) >= last - 3
    # A training that goes on from a checkpoint replaces what came after it.
    writer = RecordWriter(f"{log_dir}/keract", MEGABYTE, Failures())
    for step in (20, 21):
        writer.submit(make_record(step))
    writer.close()
    assert _accumulated_steps(log_dir) == list(range(22))


def test_a_kill_in_mid_record_leaves_the_earlier_ones_readable(tmp_path: Path) -> None:
    log_dir = tmp_path / "logs"
    with Process(write_large_records, log_dir) as process:
        process.read_until("8")
        (path,) = (log_dir / "keract").iterdir()
        deadline = time.monotonic() + TIMEOUT_S
        while True:  # Stopped now and then, until that is in the middle of a record.
            assert time.monotonic() < deadline
            process.process.send_signal(signal.SIGSTOP)
            whole, end = _whole_records(path)
            if whole > 6 and path.stat().st_size > end + MEGABYTE:
                break
            process.process.send_signal(signal.SIGCONT)
            time.sleep(0.003)
        process.process.send_signal(signal.SIGKILL)
        process.end()
    # The version and the start of the session are no records of the writer.
    assert _steps(log_dir) == list(range(whole - 2))
    writer = RecordWriter(f"{log_dir}/keract", MEGABYTE, Failures())
    writer.submit(make_record(whole))
    writer.close()
    assert _steps(log_dir) == [*range(whole - 2), whole]


def _whole_records(path: Path) -> tuple[int, int]:
    """How many whole records a file holds, and where the last of them ends."""
    size, count, end = path.stat().st_size, 0, 0
    with path.open("rb") as file:
        while end + 12 <= size:
            file.seek(end)
            (length,) = struct.unpack("<Q", file.read(8))
            if end + length + 16 > size:
                break
            count, end = count + 1, end + length + 16
    return count, end


def test_ctrl_c_loses_no_record(tmp_path: Path) -> None:
    with Process(train_for_long, tmp_path / "logs") as process:
        process.read_until("20")
        process.process.send_signal(signal.SIGINT)
        _, lines = process.end()
    assert "KeyboardInterrupt" in process.errors.read_text()
    last = int(lines[-1]) if lines else 20
    steps = _steps(tmp_path / "logs")
    assert steps == list(range(len(steps)))
    assert len(steps) >= last + 1


def test_an_exception_in_another_callback_loses_no_record(tmp_path: Path) -> None:
    with Process(raise_in_another_callback, tmp_path / "logs") as process:
        status, lines = process.end()
    assert status == 1
    assert "ArithmeticError: of another callback" in process.errors.read_text()
    assert lines[-1] == "8"
    assert _steps(tmp_path / "logs") == list(range(9))


def test_an_exit_without_close_writes_and_closes(tmp_path: Path) -> None:
    with Process(exit_without_close, tmp_path / "logs") as process:
        status, lines = process.end()
    assert (status, lines) == (3, ["closes"])
    assert _steps(tmp_path / "logs") == list(range(8))


def test_forked_processes_neither_write_nor_hang(tmp_path: Path) -> None:
    with Process(fork_while_writing, tmp_path / "logs") as process:
        status, _ = process.end()
    assert status == 0, process.errors.read_text()
    assert _steps(tmp_path / "logs") == list(range(21))
    (path,) = (tmp_path / "logs/keract").iterdir()
    assert _whole_records(path) == (23, path.stat().st_size)


def test_training_goes_on_while_the_disk_is_full(tmp_path: Path) -> None:
    log_dir, mount = tmp_path / "logs", _mount_command(tmp_path)
    keep = tmp_path / "kept"
    script = (
        f'{mount} {log_dir} && "$@"; status=$?; cp -r {log_dir} {keep}; exit $status'
    )
    before = ("unshare", "-rm", "sh", "-c", script, "sh")
    with Process(fill_the_disk, log_dir, *before) as process:
        result = process.result()
    assert result["same_weights"]
    records = read_records(keep)
    steps = [record.step for record in records]
    lost = int(records[-1].values["record"][LOST])
    assert steps[-1] == 40
    assert 15 <= lost == 41 - len(steps)
    first_again = next(step for step in steps if step > 12)
    assert "model" in records[steps.index(first_again)].values
    failed = [line for line in result["lines"] if "could not record" in line]
    assert len(failed) == 1 and "No space left" in failed[0]
    (resumed,) = [line for line in result["lines"] if "records were lost." in line]
    assert f"goes on at step {first_again}; {lost} records" in resumed
    assert len(list((keep / "keract").iterdir())) == 2
    assert next(e.step for e in read_events(keep) if e.starts_session) == 0


def _mount_command(tmp_path: Path) -> str:
    """Mounts a disk of 600 kB in a namespace of its own; skips where that can't be."""
    command = "mount -t tmpfs -o size=600k tmpfs"
    if shutil.which("unshare") is None:
        pytest.skip("no unshare to mount a small disk with")
    trial = tmp_path / "trial"
    trial.mkdir()
    tried = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{command} {trial}"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if tried.returncode:
        pytest.skip(f"no small disk can be mounted here: {tried.stderr.strip()}")
    return command


def test_limits_cost_the_records_beyond_them_and_no_more(tmp_path: Path) -> None:
    log_dir = tmp_path / "logs"
    with Process(reach_limits, log_dir) as process:
        result = process.result()

    lost = result["quota"]
    records = read_records(log_dir / "quota")
    assert len(lost) >= 2
    assert sorted([*lost, *(r.step for r in records)]) == list(range(200))
    assert records[-1].values["record"][LOST] == len([s for s in lost if s < 199])
    assert all("model" in r.values for r in records if r.step - 1 in lost)
    assert len(list((log_dir / "quota/keract").iterdir())) in (len(lost), len(lost) + 1)

    assert result["tight"]["failed"] == list(range(300))
    assert result["tight"]["left"] == []
    (line, total) = result["tight"]["lines"]
    assert "goes on at step 300; 300 records were lost" in line
    assert "300 could not be written" in total
    assert _steps(log_dir / "tight") == [300]

    permission = result["permission"]
    assert permission["causes"] == ["PermissionDeniedError"]
    assert permission["failed"] == [4, 7]
    assert _steps(log_dir / "permission") == [5, 6, 8]
    # The restart at step 4 was lost; the next file makes it.
    starts = [e.step for e in read_events(log_dir / "permission") if e.starts_session]
    assert starts == [5, 4]
    assert _accumulated_steps(log_dir / "permission") == [8]
