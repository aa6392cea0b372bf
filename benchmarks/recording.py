"""What a record costs, beside a plain train step of the same model.

    python -m benchmarks.recording [--models lenet lstm resnet50] [--rounds 15]

All timings of a model are taken in turns in one process, and medians are compared.
T_step is `model.train_on_batch`'s compiled step, driven through `train_function`.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import tensorboard_keract as tk
from benchmarks.models import CASES, Case
from benchmarks.timing import describe_machine, interleaved, train_step

PROBE_SAMPLES = 8
STEPS_PER_EPOCH = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["lenet", "lstm"])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    print(f"{describe_machine()}\n")
    header = ("model", "what", "median", "ratio")
    print(f"{header[0]:<10}{header[1]:<46}{header[2]:>12}{header[3]:>16}")
    for name in arguments.models:
        measure(name, CASES[name](keras), arguments.rounds)


def measure(name: str, case: Case, rounds: int) -> None:
    """Prints the table of one model."""

    def row(what: str, median: str, ratio: str) -> None:
        print(f"{name:<10}{what:<46}{median:>12}{ratio:>16}")

    with tempfile.TemporaryDirectory() as directory:
        logs = Path(directory)
        step = train_step(case)
        step()
        small = (case.x[:PROBE_SAMPLES], case.y[:PROBE_SAMPLES])
        started = time.perf_counter()
        recorders = {
            "record, probe as large as the batch": tk.Recorder(
                logs / "large", case.model, (case.x, case.y)
            )
        }
        construction = time.perf_counter() - started
        recorders[f"record, probe of {PROBE_SAMPLES}"] = tk.Recorder(
            logs / "small", case.model, small
        )
        numbers = itertools.count()
        runs: dict[str, Callable[[], object]] = {"T_step": step}
        for what, recorder in recorders.items():

            def run(recorder: tk.Recorder = recorder) -> None:
                recorder.record(next(numbers))
                recorder.flush()

            run()
            runs[what] = run
        medians = interleaved(runs, rounds)
        for what, seconds in medians.items():
            row(
                what,
                f"{seconds * 1e3:.1f} ms",
                f"{seconds / medians['T_step']:.2f} T_step",
            )
        row("compiling the pass, once", f"{construction:.1f} s", "")
        for what, recorder in recorders.items():
            recorder.close()
            written = stored_bytes(logs / what_directory(what))
            shown = shown_bytes(recorder)
            row(
                f"bytes, {what}",
                f"{written / 1e6:.2f} MB",
                f"1/{shown / written:.1f} of float32",
            )
        plain, recorded = epochs(case, logs, max(3, rounds // 5))
        row(f"epoch of {STEPS_PER_EPOCH} steps, plain", f"{plain:.2f} s", "")
        row(
            "epoch, callback at its defaults",
            f"{recorded:.2f} s",
            f"{recorded / plain:.3f}",
        )


def what_directory(what: str) -> str:
    return "large" if "batch" in what else "small"


def stored_bytes(log_dir: Path) -> float:
    """Bytes of one record, the first left out, which also describes the model."""
    sizes = []
    for path in (log_dir / "keract").iterdir():
        dataset = tf.data.TFRecordDataset(str(path))
        sizes += [len(event.numpy()) for event in dataset]
    # The version, the session's start and the first record are not like the others.
    return statistics.median(sizes[3:])


def shown_bytes(recorder: tk.Recorder) -> int:
    """Float32 bytes of the tensors whose maps or table rows a record holds."""
    return 4 * sum(int(np.prod(row.shape)) for row in recorder._pass.rows)


def epochs(case: Case, logs: Path, rounds: int) -> tuple[float, float]:
    """Median seconds of an epoch without and with the callback."""
    data = tf.data.Dataset.from_tensors((case.x, case.y)).repeat().prefetch(2)
    small = (case.x[:PROBE_SAMPLES], case.y[:PROBE_SAMPLES])

    class Clock(keras.callbacks.Callback):
        """Seconds from the start of each epoch to the start of the next."""

        def __init__(self) -> None:
            super().__init__()
            self.starts: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.starts.append(time.perf_counter())

    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for found, callbacks in zip(
            seconds, ([], [tk.KeractCallback(logs / "epochs", small)]), strict=True
        ):
            clock = Clock()
            case.model.fit(
                data,
                epochs=4,
                steps_per_epoch=STEPS_PER_EPOCH,
                verbose=0,
                callbacks=[clock, *callbacks],
            )
            # From the start of one epoch to that of the next: the record at the end of
            # the first is in it. The first epoch also warms up.
            found += np.diff(clock.starts)[1:].tolist()
    shutil.rmtree(logs / "epochs")
    return statistics.median(seconds[0]), statistics.median(seconds[1])


if __name__ == "__main__":
    main()
