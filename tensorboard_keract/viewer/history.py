"""What the data of a series come to: one history, and tables aligned by step. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tensorboard_keract import metadata

FloatArray = npt.NDArray[np.float32]


class Steps(NamedTuple):
    """Steps in ascending order, and when each was recorded (seconds)."""

    steps: tuple[int, ...]
    wall_times: tuple[float, ...]


class Table(NamedTuple):
    """A tag's tensors, by step: when each was recorded, and its values."""

    wall_times: dict[int, float]
    values: dict[int, npt.NDArray[Any]]

    def block(self, steps: Sequence[int], rows: int, columns: int) -> FloatArray:
        """[step, row, column]; NaN for steps without a table of that shape."""
        block = np.full((len(steps), rows, columns), np.nan, np.float32)
        for index, step in enumerate(steps):
            values = self.values.get(step)
            if values is not None and values.shape == (rows, columns):
                block[index] = values
        return block


def latest(data: Iterable[Any]) -> dict[int, Any]:
    """The history that was written last, by ascending step.

    Of several data at a step the one with the latest wall time counts. A datum older
    than one at an earlier step is left from before a restart, which went back to that
    earlier step: TensorBoard's data server does not purge it.
    """
    at_step: dict[int, Any] = {}
    for datum in data:
        known = at_step.get(datum.step)
        if (
            known is None
            or math.isnan(known.wall_time)
            or datum.wall_time >= known.wall_time
        ):
            at_step[int(datum.step)] = datum
    history: dict[int, Any] = {}
    newest = -math.inf
    for step, datum in sorted(at_step.items()):
        if datum.wall_time < newest:
            continue
        history[step] = datum
        if not math.isnan(datum.wall_time):
            newest = datum.wall_time
    return history


def steps_of(wall_times: Mapping[int, float]) -> Steps:
    """The steps of wall times by step, in order."""
    steps = tuple(sorted(wall_times))
    return Steps(steps, tuple(wall_times[step] for step in steps))


def union_steps(tables: Iterable[Table]) -> Steps:
    """The steps at which any of the tables has an entry."""
    wall_times: dict[int, float] = {}
    for table in tables:
        wall_times |= table.wall_times
    return steps_of(wall_times)


def records_written(tables: Mapping[str, Table]) -> int | None:
    """How many records there were: the running number of the last one, and one."""
    if metadata.RECORD_TAG not in tables:
        return None
    record = tables[metadata.RECORD_TAG]
    place = metadata.RECORD_VALUES.index("record")
    numbers = [
        v[place] for v in record.values.values() if v.ndim == 1 and len(v) > place
    ]
    if not numbers or not math.isfinite(numbers[-1]):
        return None
    return int(numbers[-1]) + 1
