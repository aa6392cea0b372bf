"""How the benchmarks measure and report: in turns, in one process, by medians."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from benchmarks.models import Case


def train_step(case: Case) -> Callable[[], object]:
    """The compiled train step on a batch that is a tensor already."""
    x, y = tf.constant(case.x), tf.constant(case.y)
    iterator = iter(tf.data.Dataset.from_tensors((x, y)).repeat())
    case.model.make_train_function()
    return lambda: float(case.model.train_function(iterator)["loss"])


def interleaved(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each, measured in turns."""
    return medians(in_turns({what: timed(run) for what, run in runs.items()}, rounds))


def in_turns(
    runs: Mapping[str, Callable[[], float]],
    rounds: int,
    settle: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """What each run measures, in turns.

    Args:
      runs: return seconds.
      rounds: how often each takes its turn.
      settle: called after each run, untimed, so that what one leaves to be done in the
        background does not slow the next.
    """
    found: dict[str, list[float]] = {what: [] for what in runs}
    for _ in range(rounds):
        for what, run in runs.items():
            found[what].append(run())
            settle()
    return found


def timed(run: Callable[[], object]) -> Callable[[], float]:
    """The same, but returns the seconds that it took."""

    def seconds() -> float:
        started = time.perf_counter()
        run()
        return time.perf_counter() - started

    return seconds


def medians(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {what: statistics.median(seconds) for what, seconds in found.items()}


class EpochClock(keras.callbacks.Callback):
    """Seconds of an epoch, with what the callbacks before it do at its end.

    What they do at its beginning is not in it. It has no hooks for batches: as long as
    no callback has, Keras lets steps overlap with the host.
    """

    def __init__(self) -> None:
        super().__init__()
        self._started = 0.0
        self.seconds = 0.0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seconds = time.perf_counter() - self._started


class Worker:
    """Another process, which does what a line names and answers with the seconds."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors, path = tempfile.mkstemp()
        os.remove(path)  # It is there until it is closed.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            bufsize=1,
            # It finds the packages of its own Python, not those of this one.
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        )

    def seconds(self, what: str) -> float:
        """How long it took.

        Raises:
          WorkerError: if it failed, with what it says of the cause.
          RuntimeError: if the worker died, with the last that it wrote.
        """
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer:
            last = max(os.fstat(self._errors).st_size - 2000, 0)
            told = os.pread(self._errors, 2000, last).decode(errors="replace")
            raise RuntimeError(f"The worker died: {told}")
        try:
            return float(answer)
        except ValueError:
            raise WorkerError(answer) from None

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)
        os.close(self._errors)


class WorkerError(Exception):
    """What was asked of a worker does not work there."""


@dataclass(frozen=True)
class Row:
    """A row of the report.

    Attributes:
      what: is measured.
      budget: what it may be at most; None for no limit.
      budgets: of single models, where they have others; None for no limit.
      says: the budget in words, where a number would not do.
    """

    what: str
    budget: float | None = None
    budgets: Mapping[str, float | None] = field(default_factory=dict)
    says: str = ""

    @property
    def budget_text(self) -> str:
        if self.says or self.budget is None:
            return self.says
        others = [f"{model} {most:g}" for model, most in self.budgets.items() if most]
        return "; ".join([f"{self.budget:g}", *others])

    def cell(self, model: str, value: float, text: str) -> str:
        """The text; bold where the value is over the budget."""
        most = self.budgets.get(model, self.budget)
        return f"**{text}**" if most is not None and value > most else text


class Report:
    """A Markdown table: a row for each measure, a column for each model.

    What was measured is told at once on the standard error; the table comes last.
    """

    def __init__(self, rows: Iterable[Row], kept: Path | None = None) -> None:
        """Begins an empty table, or goes on with one.

        Args:
          rows: all that there may be, in order.
          kept: a file that holds the table from run to run; None for no file.
        """
        self._rows = {row.what: row for row in rows}
        self._kept = kept
        self._columns: dict[str, dict[str, str]] = {}
        if kept is not None and kept.exists():
            self._columns = json.loads(kept.read_text())

    def add(
        self,
        column: str,
        model: str,
        what: str,
        text: str,
        value: float | None = None,
        details: str = "",
    ) -> None:
        """Adds a cell.

        Args:
          column: its heading.
          model: name of the model, for the budget.
          what: names the row.
          text: of the cell.
          value: that is held against the budget.
          details: for the standard error alone.
        """
        row = self._rows[what]
        cell = text if value is None else row.cell(model, value, text)
        self._columns.setdefault(column, {})[what] = cell
        print(f"{column} | {what} | {cell} {details}", file=sys.stderr, flush=True)
        if self._kept is not None:
            self._kept.write_text(json.dumps(self._columns, indent=1))

    def table(self) -> str:
        """The rows that have cells."""
        lines = [
            ("", "budget", *self._columns),
            ("---",) * (2 + len(self._columns)),
        ]
        for what, row in self._rows.items():
            cells = [column.get(what, "") for column in self._columns.values()]
            if any(cells):
                lines.append((what, row.budget_text, *cells))
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def quartiles(seconds: Sequence[float]) -> str:
    """How far the measurements are apart: "of 15, 31.0 – 35.2 ms"."""
    if len(seconds) < 2:
        return ""
    low, _, high = statistics.quantiles(seconds, n=4)
    return f"(of {len(seconds)}, {low * 1e3:.1f} – {high * 1e3:.1f} ms)"


def describe_machine() -> str:
    """Date, hardware and versions, in one line."""
    devices: list[Any] = tf.config.list_physical_devices("GPU")
    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "a GPU")
        for gpu in devices
    ]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return (
        f"{datetime.date.today()}, {len(os.sched_getaffinity(0))} {platform.machine()}"
        f" cores ({_processor()}) and {memory / 2**30:.0f} GB,"
        f" {', '.join(gpus) or 'no GPU'}; Python {platform.python_version()},"
        f" TensorFlow {tf.__version__}, Keras {keras.__version__}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor() or "unknown"
