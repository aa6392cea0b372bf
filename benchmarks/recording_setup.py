"""What a benchmark of recording is of, and where its figures are told."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from benchmarks.models import CASES, TITLES, Case, first_samples
from benchmarks.timing import Report

PROBE_SAMPLES = 8
# The epoch that the budget speaks of. That of a large model is shorter here: what
# recording adds to it is scaled.
STEPS_PER_EPOCH = 100
# More than is ever written here: the maps of the last round are to be there, too.
NO_LIMIT_BYTES = 2**40


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


def probe_of(case: Case, samples: int = PROBE_SAMPLES) -> tuple[Any, Any]:
    return first_samples(case.x, samples), first_samples(case.y, samples)


@contextmanager
def log_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)
