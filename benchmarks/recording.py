"""What recording costs, beside training that records nothing.

    python -m benchmarks.recording [--models lenet lstm vgg16 resnet50] [--rounds N]
        [--parts record step epoch bytes memory peers] [--batch N] [--steps N]
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import tensorboard_keract as tk
from benchmarks.models import CASES, TITLES, Case, first_samples
from benchmarks.timing import (
    EpochClock,
    Report,
    Row,
    Worker,
    WorkerError,
    describe_machine,
    in_turns,
    medians,
    quartiles,
    timed,
    train_step,
)
from tensorboard_keract.recording.layout import TensorPlan

PROBE_SAMPLES = 8
# The epoch that the budget speaks of. That of a large model is shorter here: what
# recording adds to it is scaled.
STEPS_PER_EPOCH = 100
STEPS = {"lenet": 100, "lstm": 100, "vgg16": 10, "resnet50": 10}
ROUNDS = {"lenet": 15, "lstm": 15, "vgg16": 5, "resnet50": 5}
MEMORY_ROUNDS = 3
# More than is ever written here: the maps of the last round are to be there, too.
NO_LIMIT_BYTES = 2**40
# `tf.summary.histogram` makes a float64 one-hot of 30 columns: 12 GB for so many values.
MOST_HISTOGRAM_VALUES = 50_000_000
HAND_MADE_CHANNELS = 16

T_STEP = "T_step, beside records"
T_STEP_BESIDE_CAPTURED = "T_step, beside recorded steps"
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
EPOCH = f"epoch of {STEPS_PER_EPOCH} steps, nothing recorded"
EPOCH_DEFAULTS = "… callback at its defaults"
EPOCH_TRAINING = '… source="training", once per epoch'
EPOCH_OFTEN = "… update_freq=10"
SHOWN_SMALL = f"bytes of a record, probe of {PROBE_SAMPLES}: of the float32 shown"
DESCRIBED_SMALL = "… of the float32 described"
SHOWN_LARGE = "bytes of a record, probe as large as the batch: of the float32 shown"
DESCRIBED_LARGE = "… of the float32 of it described"
MEMORY = "peak memory, nothing recorded"
MEMORY_DEFAULTS = "… with the callback at its defaults"
MEMORY_TRAINING = '… with source="training"'
PEERS_PLAIN = "beside others: plain epoch"
PEERS_OURS = "once per epoch: KeractCallback at its defaults"
PEERS_OURS_TRAINING = 'once per epoch: KeractCallback, source="training"'
PEERS_TENSORBOARD = "Keras' TensorBoard(histogram_freq=1), weights only"
PEERS_BY_HAND = "tf.summary.histogram and image by hand, activations and weights"
LEGACY_PLAIN = "legacy Keras: plain epoch"
LEGACY = {
    "tf-explain activations": "tf-explain: activations, one layer",
    "tf-explain Grad-CAM": "tf-explain: Grad-CAM, one layer",
    "keract activations": "keract: activations",
    "keract display": "keract: activations of one sample, drawn and saved",
}

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
    Row(EPOCH),
    Row(EPOCH_DEFAULTS, 1.02),
    Row(EPOCH_TRAINING),
    Row(EPOCH_OFTEN),
    Row(SHOWN_SMALL, 0.1, says="1/10"),
    Row(DESCRIBED_SMALL),
    Row(SHOWN_LARGE, 0.1, says="1/10"),
    Row(DESCRIBED_LARGE),
    Row(MEMORY),
    Row(MEMORY_DEFAULTS, 1.1),
    Row(MEMORY_TRAINING, 1.1),
    Row(PEERS_PLAIN),
    Row(PEERS_OURS),
    Row(PEERS_OURS_TRAINING),
    Row(PEERS_TENSORBOARD),
    Row(PEERS_BY_HAND),
    Row(LEGACY_PLAIN),
    *map(Row, LEGACY.values()),
)


@dataclass(frozen=True)
class Setup:
    """What is measured of one model, and where it is told.

    Attributes:
      steps: of an epoch.
      peers: the Python of the peers' environment; None to leave them out.
    """

    name: str
    batch: int | None
    rounds: int
    steps: int
    peers: str | None
    report: Report

    def case(self) -> Case:
        batch = {} if self.batch is None else {"batch": self.batch}
        return CASES[self.name](keras, **batch)

    def add(self, case: Case, what: str, text: str, *value: Any) -> None:
        """Adds a cell; what follows the text is its value and details."""
        title = f"{TITLES[self.name]}, {' × '.join(map(str, case.x.shape))}"
        self.report.add(title, self.name, what, text, *value)

    def scaled(self, ratio: float) -> float:
        """The ratio of an epoch of `STEPS_PER_EPOCH` steps to a plain one.

        Args:
          ratio: of an epoch of `steps` steps with something once per epoch.
        """
        return 1 + (ratio - 1) * self.steps / STEPS_PER_EPOCH

    @property
    def scaling(self) -> str:
        """What to say of a plain epoch that is scaled, and what is beside it with it."""
        return "" if self.steps == STEPS_PER_EPOCH else f" (from {self.steps} steps)"


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


def probe_of(case: Case, samples: int = PROBE_SAMPLES) -> tuple[Any, Any]:
    return first_samples(case.x, samples), first_samples(case.y, samples)


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


def measure_epochs(setup: Setup) -> None:
    """Epochs of `fit` with the callback, beside those without."""
    case = setup.case()
    with _log_directory() as logs:
        found = epochs_in_turns(setup, case, ours(case, logs, often=True))
    middle = medians(found)
    for what, seconds in middle.items():
        spread = quartiles(found[what])
        if what == EPOCH:
            text = f"{seconds * STEPS_PER_EPOCH / setup.steps:.2f} s{setup.scaling}"
            setup.add(case, what, text, None, spread)
            continue
        ratio = seconds / middle[EPOCH]
        if what != EPOCH_OFTEN:  # Every tenth step is so, however long the epoch.
            ratio = setup.scaled(ratio)
        setup.add(case, what, f"{ratio:.3f}", ratio, spread)


def ours(
    case: Case, logs: Path, often: bool = False
) -> dict[str, keras.callbacks.Callback]:
    """The callbacks of this project, by row."""
    probe = probe_of(case)
    callbacks = {
        EPOCH_DEFAULTS: LastingCallback(logs / "defaults", probe),
        EPOCH_TRAINING: LastingCallback(logs / "training", source="training"),
    }
    if often:
        callbacks[EPOCH_OFTEN] = LastingCallback(logs / "often", probe, update_freq=10)
    return callbacks


class LastingCallback(tk.KeractCallback):
    """A `KeractCallback` whose recorder lasts from one `fit` to the next.

    So each of them may be an epoch that stands for one in the middle of a training:
    nothing is compiled in it, and the record before it is written while it runs.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, budget_bytes_per_run=NO_LIMIT_BYTES, **options)

    def on_train_begin(self, logs: Any = None) -> None:
        if self._recorder is None:
            super().on_train_begin(logs)
        self._checked_until = -1  # The model is recorded as this `fit` finds it.

    def on_train_end(self, logs: Any = None) -> None:
        assert self._recorder is not None
        self._recorder.flush()

    def close(self) -> None:
        assert self._recorder is not None
        self._recorder.close()


def epochs_in_turns(
    setup: Setup, case: Case, callbacks: dict[str, keras.callbacks.Callback]
) -> dict[str, list[float]]:
    """Seconds of epochs without and with each of the callbacks."""
    data = tf.data.Dataset.from_tensors((case.x, case.y)).repeat().prefetch(2)
    epochs = itertools.count()

    def epoch(of_turn: Sequence[Any], steps: int) -> float:
        clock = EpochClock()
        number = next(epochs)
        case.model.fit(
            data,
            initial_epoch=number,
            epochs=number + 1,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[*of_turn, clock],
        )
        return clock.seconds

    turns: dict[str, list[Any]] = {EPOCH: []}
    turns |= {what: [callback] for what, callback in callbacks.items()}
    for of_turn in turns.values():
        epoch(of_turn, 1)  # Compiles what there is to compile.
    found = in_turns(
        {what: partial(epoch, turn, setup.steps) for what, turn in turns.items()},
        setup.rounds,
    )
    for callback in callbacks.values():
        if isinstance(callback, LastingCallback):
            callback.close()
    return found


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
    with _log_directory() as logs:
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


def measure_peers(setup: Setup) -> None:
    """What others record once per epoch, in percent of the plain epoch."""
    case = setup.case()
    with _log_directory() as logs:
        callbacks = ours(case, logs) | others(case, logs)
        found = epochs_in_turns(setup, case, callbacks)
    names = {EPOCH_DEFAULTS: PEERS_OURS, EPOCH_TRAINING: PEERS_OURS_TRAINING}
    found = {names.get(what, what): seconds for what, seconds in found.items()}
    _add_percent(setup, case, PEERS_PLAIN, {PEERS_PLAIN: found.pop(EPOCH), **found})
    if PEERS_TENSORBOARD not in found:
        setup.add(case, PEERS_TENSORBOARD, "not run: needs 25 GB")
    if setup.peers is not None:
        measure_legacy_peers(setup, case, setup.peers)


def others(case: Case, logs: Path) -> dict[str, keras.callbacks.Callback]:
    """What people use on Keras 3, by row."""
    callbacks: dict[str, keras.callbacks.Callback] = {
        PEERS_BY_HAND: SummariesByHand(logs / "by_hand", probe_of(case)[0])
    }
    if not _too_large(case.model):
        callbacks[PEERS_TENSORBOARD] = keras.callbacks.TensorBoard(
            logs / "tensorboard", histogram_freq=1
        )
    return callbacks


def _too_large(model: keras.Model) -> list[str]:
    """The weights that `tf.summary.histogram` has no memory for."""
    return [
        weight.path
        for weight in model.weights
        if math.prod(weight.shape) > MOST_HISTOGRAM_VALUES
    ]


class SummariesByHand(keras.callbacks.Callback):
    """What one writes oneself to see inside of a model: standard summaries.

    After each epoch histograms of all activations and weights, and pictures of the
    first channels of the first sample. Weights that no histogram can be made of in 12
    GB are left out.
    """

    def __init__(self, log_dir: Path, x: Any) -> None:
        super().__init__()
        self._x = tf.constant(x)
        self._writer = tf.summary.create_file_writer(str(log_dir))
        self._activations: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        if self._activations is None:
            layers = self.model.layers
            outputs = {layer.name: layer.output for layer in layers}
            model = keras.Model(self.model.inputs, outputs)
            self._activations = tf.function(partial(model, training=False))
            self._left_out = _too_large(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        with self._writer.as_default(step=epoch):
            for name, activation in self._activations(self._x).items():
                tf.summary.histogram(f"{name}/activation", activation)
                if activation.shape.rank == 4:
                    channels = activation[0, :, :, :HAND_MADE_CHANNELS]
                    self._write_images(f"{name}/maps", channels)
            for weight in self.model.weights:
                if weight.path not in self._left_out:
                    tf.summary.histogram(weight.path, weight.value)
        self._writer.flush()

    @staticmethod
    def _write_images(name: str, channels: tf.Tensor) -> None:
        low, high = tf.reduce_min(channels), tf.reduce_max(channels)
        images = tf.math.divide_no_nan(channels - low, high - low)
        images = tf.transpose(images, [2, 0, 1])[..., None]
        tf.summary.image(name, images, max_outputs=HAND_MADE_CHANNELS)


def measure_legacy_peers(setup: Setup, case: Case, python: str) -> None:
    """The same of those that run on legacy Keras, beside their own plain epoch."""
    script = Path(__file__).with_name("recording_peers.py")
    sizes = (len(case.x), setup.steps, PROBE_SAMPLES)
    worker = Worker([python, str(script), setup.name, *map(str, sizes)])
    runs: dict[str, Callable[[], float]] = {}
    for what, row in {"plain": LEGACY_PLAIN, **LEGACY}.items():
        reason = _why_not(setup.name, what)
        if not reason:
            try:
                worker.seconds(what)
            except WorkerError as error:
                reason = str(error)[:80]
        if reason:
            setup.add(case, row, reason)
        else:
            runs[row] = partial(worker.seconds, what)
    _add_percent(setup, case, LEGACY_PLAIN, in_turns(runs, setup.rounds))
    worker.stop()


def _why_not(name: str, what: str) -> str:
    """Why a peer is not run with a model; empty where it is."""
    if what == "keract display" and name in ("vgg16", "resnet50"):
        return "not run: thousands of plots"
    if what.startswith("tf-explain") and name == "lstm":
        return "not for this model"
    return ""


def _add_percent(
    setup: Setup, case: Case, plain: str, found: dict[str, list[float]]
) -> None:
    """Adds what each adds to the plain epoch, as percent of it."""
    middle = medians(found)
    for what, seconds in middle.items():
        spread = quartiles(found[what])
        if what == plain:
            whole = seconds * STEPS_PER_EPOCH / setup.steps
            setup.add(case, what, f"{whole:.2f} s{setup.scaling}", None, spread)
        else:
            percent = 100 * (setup.scaled(seconds / middle[plain]) - 1)
            left_out = what == PEERS_BY_HAND and _too_large(case.model)
            note = f", without {', '.join(left_out)}" if left_out else ""
            text = f"{percent:+.1f} %{note}"
            setup.add(case, what, text, None, spread)


@contextmanager
def _log_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


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
    "epoch": measure_epochs,
    "bytes": measure_bytes,
    "memory": measure_memory,
    "peers": measure_peers,
}


if __name__ == "__main__":
    main()
