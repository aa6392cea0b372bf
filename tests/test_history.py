"""Of what TensorBoard's loaders give, the history that was written last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest

from tensorboard_keract.viewer.history import (
    Steps,
    Table,
    latest,
    record_block,
    records_written,
    up_to_date,
)


class Datum(NamedTuple):
    step: int
    wall_time: float


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ([], []),
        ([(0, 1), (5, 2), (9, 3)], [(0, 1), (5, 2), (9, 3)]),
        # Unsorted, and a step twice.
        ([(9, 3), (5, 2), (5, 2.5), (0, 1)], [(0, 1), (5, 2.5), (9, 3)]),
        ([(5, 2.5), (5, 2)], [(5, 2.5)]),
        # Restarted from step 5: what was recorded beyond is of the past.
        ([(0, 1), (5, 2), (9, 3), (5, 4), (7, 5)], [(0, 1), (5, 4), (7, 5)]),
        # Started anew, and longer than before.
        ([(0, 1), (9, 2), (0, 3), (9, 4), (12, 5)], [(0, 3), (9, 4), (12, 5)]),
        # Recorded in the same instant.
        ([(0, 1), (5, 1)], [(0, 1), (5, 1)]),
    ],
)
def test_later_write_wins(data, kept) -> None:
    found = latest(Datum(*datum) for datum in data)
    assert [tuple(datum) for datum in found.values()] == kept
    assert list(found) == [step for step, _ in kept]


def test_an_unknown_wall_time_hides_nothing() -> None:
    data = [Datum(0, 1), Datum(5, math.nan), Datum(9, 2)]
    assert list(latest(data)) == [0, 5, 9]


@pytest.mark.parametrize(
    ("history", "kept"),
    [
        # Of the same records as those that are the last history.
        ([(0, 1), (20, 11)], [0, 20]),
        # The restart at step 10 did not record this tag: its old data are replaced.
        ([(0, 1), (10, 2), (30, 4)], [0]),
        # Nor did the one record since, but it was recorded before and is of the past.
        ([(20, 3)], []),
        # Single summaries, from before the first record.
        ([(-5, 0), (0, 0.5)], [-5]),
        ([], []),
    ],
)
def test_records_say_what_of_another_tag_is_replaced(
    history: list[tuple[int, float]], kept: list[int]
) -> None:
    records = Steps((0, 10, 20), (1, 10, 11))
    steps = Steps(tuple(s for s, _ in history), tuple(w for _, w in history))
    found = up_to_date(steps, records)
    assert list(found.steps) == kept
    assert dict(zip(*found, strict=True)).items() <= dict(history).items()
    assert up_to_date(steps, Steps((), ())) == steps


def records(*values: Sequence[float]) -> Table:
    at = dict(enumerate(np.asarray(value, np.float32) for value in values))
    return Table({step: float(step) for step in at}, at)


def test_record_values_are_filled_up_and_cut_to_the_columns() -> None:
    found = record_block(records([0, 1], [1, 2, 3, 4], []), [0, 1, 2, 3], 3)
    nan = math.nan
    np.testing.assert_array_equal(found, [[0, 1, nan], [1, 2, 3], [nan] * 3, [nan] * 3])


@pytest.mark.parametrize(
    ("last", "count"),
    [
        ([4, 0, 0, 0, 0, 0], 5),  # An older recorder, which counted no losses.
        ([4, 0, 0, 0, 0, 0, 0, 0], 5),
        ([9, 0, 0, 0, 0, 0, 3, 0], 7),
        ([9, 0, 0, 0, 0, 0, math.nan, 0], 10),
        ([math.nan] * 8, None),
    ],
)
def test_lost_records_were_not_written(last: list[float], count: int | None) -> None:
    tables = {"record": records([0] * 8, last)}
    assert records_written(tables) == count
