"""What the data of a series come to: one history, and tables aligned by step. Pure."""

from __future__ import annotations

import bisect
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

    def until(self, step: int) -> Steps:
        """Those that are not after `step`."""
        count = bisect.bisect_right(self.steps, step)
        return Steps(self.steps[:count], self.wall_times[:count])

    def among(self, wanted: Sequence[int]) -> Steps:
        """Those that are wanted."""
        kept = [i for i, step in enumerate(self.steps) if step in wanted]
        return Steps(
            tuple(self.steps[i] for i in kept),
            tuple(self.wall_times[i] for i in kept),
        )


class Table(NamedTuple):
    """A tag's tensors, by step: when each was recorded, and its values."""

    wall_times: dict[int, float]
    values: dict[int, npt.NDArray[Any]]

    def at(self, steps: Steps) -> Table:
        """What there is at some of the steps."""
        wall_times = dict(zip(*steps, strict=True))
        return Table(
            wall_times, {s: v for s, v in self.values.items() if s in wall_times}
        )

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


def up_to_date(history: Steps, records: Steps) -> Steps:
    """The steps of a tag, without what is left from before a restart.

    Tags are recorded at steps of their own, so the history of one does not always show
    that the recorder went back. That of the records does: each has all its tags under
    one wall time, and what is older than a record of an earlier step is replaced.

    Args:
      history: of the tag for itself.
      records: when the recorder wrote what is its last history; empty hides nothing.
    """

    def is_replaced(step: int, wall_time: float) -> bool:
        place = bisect.bisect_right(records.steps, step) - 1
        return place >= 0 and wall_time < records.wall_times[place]

    kept = [one for one in zip(*history, strict=True) if not is_replaced(*one)]
    return Steps(tuple(step for step, _ in kept), tuple(time for _, time in kept))


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


def record_block(record: Table, steps: Sequence[int], columns: int) -> FloatArray:
    """Values of the series `record`, [step, value]; NaN where a step has none.

    Values are only ever added at the end: those that an older recorder did not know
    are NaN, and those that this model description does not name are left out.
    """
    block = np.full((len(steps), columns), np.nan, np.float32)
    for index, step in enumerate(steps):
        values = record.values.get(step)
        if values is not None and values.ndim == 1:
            known = min(columns, len(values))
            block[index, :known] = values[:known]
    return block


def records_written(tables: Mapping[str, Table]) -> int | None:
    """How many records there were: the running number of the last one, and one.

    Records that were lost have a number, too, and are not counted.
    """
    if metadata.RECORD_TAG not in tables:
        return None
    record = tables[metadata.RECORD_TAG]
    steps = steps_of(record.wall_times).steps
    values = record_block(record, steps[-1:], len(metadata.RECORD_VALUES))
    number, lost = (
        values[-1, metadata.RECORD_VALUES.index(name)] if len(values) else np.nan
        for name in ("record", "lost_records")
    )
    if not math.isfinite(number):
        return None
    return int(number) + 1 - (int(lost) if math.isfinite(lost) else 0)
