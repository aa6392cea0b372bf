"""Of what TensorBoard's loaders give, the history that was written last."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest

from tensorboard_keract.viewer.history import latest


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
