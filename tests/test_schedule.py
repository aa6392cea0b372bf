"""When records are due."""

from __future__ import annotations

from typing import Any

import pytest

from tensorboard_keract.recording.schedule import Schedule


def _due(schedule: Schedule, steps: int) -> list[int]:
    return [step for step in range(steps) if schedule.is_due(step - 1, step)]


@pytest.mark.parametrize(
    ("arguments", "due"),
    [
        (("batch", 0, None, "even"), list(range(40))),
        ((10, 0, None, "even"), [0, 10, 20, 30]),
        ((10, 5, None, "even"), [5, 15, 25, 35]),
        ((10, 0, 20, "even"), [0, 10, 20]),
        (("batch", 0, None, "log"), [*range(16), *range(16, 32, 2), 32, 36]),
        ((2, 1, 24, "log"), [*range(1, 24, 2)]),
    ],
)
def test_steps_that_are_due(arguments: Any, due: list[int]) -> None:
    schedule = Schedule.of(*arguments)
    assert _due(schedule, 40) == due
    assert schedule.planned_records(40, 1) == len(due)


def test_a_call_of_several_steps_has_one_record() -> None:
    schedule = Schedule.of(4, 0, None, "even")
    ends = list(range(0, 21, 5))
    due = [
        end
        for after, end in zip([-1, *ends], ends, strict=False)
        if schedule.is_due(after, end)
    ]
    assert due == [0, 5, 10, 15, 20]
    assert schedule.planned_records(20, 1, per_call=10) == 2


def test_epochs_that_are_due() -> None:
    assert all(Schedule.of("epoch", 0, None, "even").is_epoch_due(e) for e in range(40))
    logarithmic = Schedule.of("epoch", 0, None, "log")
    due = [epoch for epoch in range(40) if logarithmic.is_epoch_due(epoch)]
    assert due == [*range(16), *range(16, 32, 2), 32, 36]
    assert logarithmic.planned_records(None, 40) == len(due)
    assert not Schedule.of("batch", 0, None, "even").is_epoch_due(1)


def test_of_an_unknown_number_of_steps_nothing_is_planned() -> None:
    assert Schedule.of("batch", 0, None, "even").planned_records(None, 3) == 0


def test_steps_outside_of_start_and_stop_are_not_allowed() -> None:
    schedule = Schedule.of("epoch", 3, 5, "even")
    assert [schedule.allows(step) for step in range(2, 7)] == [
        False,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("steps", 0, None, "even"), "update_freq"),
        ((1, -1, None, "even"), "start is -1"),
        ((1, True, None, "even"), "start is True"),
        ((1, 5, 4, "even"), "stop is 4; give a step from `start`, 5"),
        ((1, 0, None, "dense"), "even, log"),
    ],
)
def test_what_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Schedule.of(*arguments)
