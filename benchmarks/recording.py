"""What recording costs, beside training that records nothing.

    python -m benchmarks.recording [--models lenet lstm vgg16 resnet50] [--rounds N]
        [--parts record step attributions epoch bytes memory peers] [--batch N] [--steps N]
        [--peers PYTHON] [--results FILE]

All timings of a model are taken in turns in one process, and medians are compared.
T_step is the model's compiled train step, called as `fit` calls it. Figures in bold are
over the budget. With `--peers`, the Python of an environment that has keract,
tf-explain and legacy Keras, these take their turns in a process of their own. With
`--results` the table of one run goes on with that of another.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import tensorboard_keract as tk
from benchmarks.models import CASES, Case
from benchmarks.recording_epochs import (
    EPOCH_ROWS,
    PEER_ROWS,
    measure_epochs,
    measure_peers,
)
from benchmarks.recording_setup import (
    NO_LIMIT_BYTES,
    PROBE_SAMPLES,
    Setup,
    log_directory,
    probe_of,
)
from benchmarks.timing import (
    Report,
    Row,
    describe_machine,
    in_turns,
    medians,
    quartiles,
    timed,
    train_step,
)
from tensorboard_keract.recording.layout import TensorPlan

STEPS = {"lenet": 100, "lstm": 100, "vgg16": 10, "resnet50": 10}
ROUNDS = {"lenet": 15, "lstm": 15, "vgg16": 5, "resnet50": 5}
MEMORY_ROUNDS = 3

T_STEP = "T_step, beside records"
T_STEP_BESIDE_CAPTURED = "T_step, beside recorded steps"
T_STEP_BESIDE_ATTRIBUTIONS = "T_step, beside records with attributions"
COMPILE_STEP = "first train step, compiling it"
COMPILE_PASS = "recorder and first record, compiling the pass"
COMPILE_TWIN = "first captured step, compiling the twin"
LARGE = "a record, probe as large as the batch, to disk"
LARGE_ALONE = "a record, probe as large as the batch, not waiting for the disk"
SMALL = f"a record, probe of {PROBE_SAMPLES}, to disk"
SMALL_ALONE = f"a record, probe of {PROBE_SAMPLES}, not waiting for the disk"
TRAINING = 'a recorded step beyond T_step, source="training", to disk'
TRAINING_ALONE = 'a recorded step, source="training", not waiting for the disk'
BOTH = f'a recorded step, source="both", probe of {PROBE_SAMPLES}, to disk'
BOTH_ALONE = 'a recorded step, source="both", not waiting for the disk'
WITHOUT = "a record without attributions, not waiting for the disk"
GRAD_CAM = f"… with Grad-CAM of {PROBE_SAMPLES} samples"
INTEGRATED_GRADIENTS = f"… with integrated gradients of {PROBE_SAMPLES}, 20 steps"
SHOWN_SMALL = f"bytes of a record, probe of {PROBE_SAMPLES}: of the float32 shown"
DESCRIBED_SMALL = "… of the float32 described"
SHOWN_LARGE = "bytes of a record, probe as large as the batch: of the float32 shown"
DESCRIBED_LARGE = "… of the float32 of it described"
MEMORY = "peak memory, nothing recorded"
MEMORY_DEFAULTS = "… with the callback at its defaults"
MEMORY_TRAINING = '… with source="training"'

_BY_BATCH: dict[str, float | None] = dict.fromkeys(("lstm", "vgg16", "resnet50"))
ROWS = (
    Row(COMPILE_STEP),
    Row(COMPILE_PASS),
    Row(COMPILE_TWIN),
    Row(T_STEP),
    Row(LARGE, 1.5),
    Row(LARGE_ALONE),
    Row(SMALL, 0.3, _BY_BATCH, "0.3, batch 128"),
    Row(SMALL_ALONE),
    Row(T_STEP_BESIDE_CAPTURED),
    Row(TRAINING),
    Row(TRAINING_ALONE, 0.25, {"resnet50": 0.5}),
    Row(BOTH),
    Row(BOTH_ALONE),
    Row(T_STEP_BESIDE_ATTRIBUTIONS),
    Row(WITHOUT),
    Row(GRAD_CAM),
    Row(INTEGRATED_GRADIENTS),
    *EPOCH_ROWS,
    Row(SHOWN_SMALL, 0.1, says="1/10"),
    Row(DESCRIBED_SMALL),
    Row(SHOWN_LARGE, 0.1, says="1/10"),
    Row(DESCRIBED_LARGE),
    Row(MEMORY),
    Row(MEMORY_DEFAULTS, 1.1),
    Row(MEMORY_TRAINING, 1.1),
    *PEER_ROWS,
)


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.alone:
        train_alone(_setup(arguments, arguments.models[0], Report(())), arguments.alone)
        return
    report = Report(ROWS, arguments.results)
    try:
        for name in arguments.models:
            for part in arguments.parts:
                PARTS[part](_setup(arguments, name, report))
                keras.backend.clear_session()
                gc.collect()
    finally:
        print(f"\n{describe_machine()}\n\n{report.table()}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--models", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--rounds", type=int, help="how often each takes its turn")
    parser.add_argument("--batch", type=int, help="samples; each model has its own")
    parser.add_argument("--steps", type=int, help="of an epoch; each model has its own")
    parser.add_argument("--peers", help="the Python of an environment with the peers")
    parser.add_argument("--results", type=Path, help="a file to go on with")
    parser.add_argument("--keract", help="for `benchmarks.core`; nothing here")
    parser.add_argument(
        "--alone", choices=list(ALONE), help="print the peak memory of such a training"
    )
    return parser


def _setup(arguments: argparse.Namespace, name: str, report: Report) -> Setup:
    return Setup(
        name,
        arguments.batch,
        arguments.rounds or ROUNDS[name],
        arguments.steps or STEPS[name],
        arguments.peers,
        report,
    )


def measure_records(setup: Setup) -> None:
    """Records of a probe, beside a train step."""
    with _Recorders() as recorders:
        case = setup.case()
        step = train_step(case)
        setup.add(case, COMPILE_STEP, f"{timed(step)():.1f} s")
        numbers = itertools.count()
        started = time.perf_counter()
        large = recorders.make(case.model, (case.x, case.y))
        large.record(next(numbers))
        setup.add(case, COMPILE_PASS, f"{time.perf_counter() - started:.1f} s")
        small = recorders.make(case.model, probe_of(case))
        small.record(next(numbers))

        def record(recorder: tk.Recorder, flushed: bool) -> None:
            recorder.record(next(numbers))
            if flushed:
                recorder.flush()

        runs = {T_STEP: timed(step)}
        for what, recorder, flushed in (
            (LARGE, large, True),
            (LARGE_ALONE, large, False),
            (SMALL, small, True),
            (SMALL_ALONE, small, False),
        ):
            runs[what] = timed(partial(record, recorder, flushed))
        found = in_turns(runs, setup.rounds, recorders.flush)
        _add_beside_step(setup, case, T_STEP, found)


def measure_steps(setup: Setup) -> None:
    """Recorded train steps, beside plain ones."""
    with _Recorders() as recorders:
        case = setup.case()
        step = train_step(case)
        step()
        numbers = itertools.count()
        training = recorders.make(case.model, None, source="training")
        both = recorders.make(case.model, probe_of(case), source="both")

        def captured(recorder: tk.Recorder, flushed: bool) -> None:
            with recorder.capture(next(numbers)):
                step()
            if flushed:
                recorder.flush()

        first = timed(partial(captured, training, False))()
        setup.add(case, COMPILE_TWIN, f"{first:.1f} s")
        captured(both, flushed=True)
        runs = {T_STEP_BESIDE_CAPTURED: timed(step)}
        for what, recorder, flushed in (
            (TRAINING, training, True),
            (TRAINING_ALONE, training, False),
            (BOTH, both, True),
            (BOTH_ALONE, both, False),
        ):
            runs[what] = timed(partial(captured, recorder, flushed))
        recorders.flush()
        found = in_turns(runs, setup.rounds, recorders.flush)
        _add_beside_step(setup, case, T_STEP_BESIDE_CAPTURED, found, steps=1)


def measure_attributions(setup: Setup) -> None:
    """Records with heatmaps, beside records without and a train step."""
    asked: dict[str, Any] = {
        WITHOUT: (),
        GRAD_CAM: "grad_cam",
        INTEGRATED_GRADIENTS: ("integrated_gradients", {"steps": 20}),
    }
    with _Recorders() as recorders:
        case = setup.case()
        step = train_step(case)
        step()
        numbers = itertools.count()
        runs = {T_STEP_BESIDE_ATTRIBUTIONS: timed(step)}
        for what, attributions in asked.items():
            recorder = recorders.make(
                case.model, probe_of(case), attributions=attributions
            )
            recorder.record(next(numbers))
            runs[what] = timed(lambda recorder=recorder: recorder.record(next(numbers)))
        recorders.flush()
        found = in_turns(runs, setup.rounds, recorders.flush)
        _add_beside_step(setup, case, T_STEP_BESIDE_ATTRIBUTIONS, found)


def _add_beside_step(
    setup: Setup,
    case: Case,
    plain: str,
    found: dict[str, list[float]],
    steps: int = 0,
) -> None:
    """Adds the medians, in T_step, less the train steps that are in them."""
    middle = medians(found)
    for what, seconds in middle.items():
        milliseconds = f"{seconds * 1e3:.1f} ms"
        spread = quartiles(found[what])
        if what == plain:
            setup.add(case, what, milliseconds, None, spread)
        else:
            ratio = seconds / middle[plain] - steps
            text = f"{ratio:.2f} ({milliseconds})"
            setup.add(case, what, text, ratio, spread)


def measure_bytes(setup: Setup) -> None:
    """What a record takes, beside what it shows and describes as raw float32."""
    case = setup.case()
    step = train_step(case)
    for samples, of_shown, of_described in (
        (PROBE_SAMPLES, SHOWN_SMALL, DESCRIBED_SMALL),
        (len(case.x), SHOWN_LARGE, DESCRIBED_LARGE),
    ):
        with _Recorders() as recorders:
            recorder = recorders.make(case.model, probe_of(case, samples))
            for number in range(4):
                step()
                recorder.record(number)
            recorder.close()
            written = record_bytes(recorders.logs / "0")
            shown, described = shown_bytes(recorder), described_bytes(recorder)
        of = f"{written / 1e6:.2f} MB of {{:.1f}}".format
        text = f"1/{shown / written:.1f} ({of(shown / 1e6)})"
        setup.add(case, of_shown, text, written / shown)
        text = f"1/{described / written:.0f} ({of(described / 1e6)})"
        setup.add(case, of_described, text)


def record_bytes(log_dir: Path) -> float:
    """Bytes of one record, the first left out, which also describes the model."""
    sizes = []
    for path in (log_dir / "keract").iterdir():
        dataset = tf.data.TFRecordDataset(str(path))
        sizes += [len(event.numpy()) for event in dataset]
    # The version, the session's start and the first record are not like the others.
    return statistics.median(sizes[3:])


def described_bytes(recorder: tk.Recorder) -> int:
    """Float32 bytes of the tensors that have rows in the tables."""
    assert recorder._tables is not None
    shapes = [row.shape for row in recorder._tables.rows]
    return 4 * sum(math.prod(size or 0 for size in shape) for shape in shapes)


def shown_bytes(recorder: tk.Recorder) -> int:
    """Float32 bytes of the tensors with maps, at the samples and channels recorded."""
    assert recorder._maps is not None
    return 4 * sum(map(_shown_values, recorder._maps.plan.tensors))


def _shown_values(plan: TensorPlan) -> int:
    # A map whose pixels are averaged shows the whole area.
    return math.prod(
        axis.size if axis.pooling > 1 else axis.stored for axis in plan.axes
    )


def measure_memory(setup: Setup) -> None:
    """Peak memory of processes that train, with and without the callback."""
    case = setup.case()
    runs = {
        what: partial(peak_memory_mb, setup, alone) for alone, what in ALONE.items()
    }
    middle = medians(in_turns(runs, min(MEMORY_ROUNDS, setup.rounds)))
    for what, megabytes in middle.items():
        ratio = megabytes / middle[MEMORY]
        if what == MEMORY:
            setup.add(case, what, f"{megabytes:.0f} MB")
        else:
            setup.add(case, what, f"{ratio:.2f} ({megabytes:.0f} MB)", ratio)


ALONE = {
    "plain": MEMORY,
    "defaults": MEMORY_DEFAULTS,
    "training": MEMORY_TRAINING,
}


def peak_memory_mb(setup: Setup, alone: str) -> float:
    """Of a process of its own that does nothing else."""
    options = ["--alone", alone, "--models", setup.name, "--steps", str(setup.steps)]
    if setup.batch is not None:
        options += ["--batch", str(setup.batch)]
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.recording", *options],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return float(answer.stdout.split()[-1])


def train_alone(setup: Setup, alone: str) -> None:
    """Trains two epochs and prints the peak memory of the process, in MB."""
    case = setup.case()
    with log_directory() as logs:
        callbacks: dict[str, Callable[[], list[Any]]] = {
            "plain": list,
            "defaults": lambda: [tk.KeractCallback(logs, probe_of(case))],
            "training": lambda: [tk.KeractCallback(logs, source="training")],
        }
        case.model.fit(
            tf.data.Dataset.from_tensors((case.x, case.y)).repeat().prefetch(2),
            epochs=2,
            steps_per_epoch=setup.steps,
            shuffle=False,
            verbose=0,
            callbacks=callbacks[alone](),
        )
    # Not `getrusage`: on Linux its peak is at least what the parent held when it
    # started this process.
    status = Path("/proc/self/status").read_text()
    kibibytes = int(status.partition("VmHWM:")[2].split()[0])
    print(kibibytes * 1024 / 1e6)


class _Recorders:
    """Recorders that are closed, and whose files are removed, at the end.

    Attributes:
      logs: has a directory for each recorder, numbered.
    """

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._recorders: list[tk.Recorder] = []
        self.logs = Path(self._directory.name)

    def make(self, model: keras.Model, probe: Any, **options: Any) -> tk.Recorder:
        recorder = tk.Recorder(
            self.logs / str(len(self._recorders)),
            model,
            probe,
            budget_bytes_per_run=NO_LIMIT_BYTES,
            **options,
        )
        self._recorders.append(recorder)
        return recorder

    def flush(self) -> None:
        for recorder in self._recorders:
            recorder.flush()

    def __enter__(self) -> _Recorders:
        return self

    def __exit__(self, *exception: object) -> None:
        for recorder in self._recorders:
            recorder.close()
        self._directory.cleanup()


PARTS: dict[str, Callable[[Setup], None]] = {
    "record": measure_records,
    "step": measure_steps,
    "attributions": measure_attributions,
    "epoch": measure_epochs,
    "bytes": measure_bytes,
    "memory": measure_memory,
    "peers": measure_peers,
}


if __name__ == "__main__":
    main()
