"""When a record is due: which steps or epochs, counted from where recording starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# With the schedule "log" so many records in each doubling of the steps, after as many
# at the start: neighbours lie an eighth apart or less.
_RECORDS_PER_OCTAVE: Final = 8
_OCTAVE_BITS: Final = 3

SCHEDULES: Final = ("even", "log")


@dataclass(frozen=True)
class Schedule:
    """When records are due.

    Attributes:
      every: batches; None for epochs.
      start: the first step that may be recorded.
      stop: the last one; None for no end.
      is_logarithmic: whether records get sparser, as 0, 1, 2 … 15, 16, 18, 20 … 30,
        32, 36 … units of `every`.
    """

    every: int | None
    start: int = 0
    stop: int | None = None
    is_logarithmic: bool = False

    @classmethod
    def of(
        cls, update_freq: str | int, start: int, stop: int | None, schedule: str
    ) -> Schedule:
        """From what people give.

        Raises:
          ValueError: for anything else than the documented values.
        """
        if schedule not in SCHEDULES:
            raise ValueError(
                f"schedule is {schedule!r}; use one of: {', '.join(SCHEDULES)}."
            )
        if isinstance(start, bool) or not isinstance(start, int) or start < 0:
            raise ValueError(f"start is {start!r}; give a step from 0.")
        if stop is not None and (not isinstance(stop, int) or stop < start):
            raise ValueError(
                f"stop is {stop!r}; give a step from `start`, {start}, on, or None."
            )
        every = _batches(update_freq)
        return cls(every, start, stop, schedule == "log")

    def allows(self, step: int) -> bool:
        """Whether the step lies between start and stop."""
        return self.start <= step and (self.stop is None or step <= self.stop)

    def is_due(self, after: int, step: int) -> bool:
        """Whether a record is due at a step later than `after`, up to `step`.

        Several steps may be one call: `steps_per_execution`. Only for batches.
        """
        return self.allows(step) and self._records_until(step) > self._records_until(
            after
        )

    def is_epoch_due(self, epoch: int) -> bool:
        """Whether a record is due at the end of so many epochs; only for epochs."""
        return self.every is None and (
            not self.is_logarithmic or _is_logarithmically_due(epoch)
        )

    def planned_records(self, steps: int | None, epochs: int, per_call: int = 1) -> int:
        """Records of a training from 0 that are due before its end; 0 if unknown.

        Args:
          steps: of the whole training; None if unknown.
          epochs: of the training.
          per_call: steps of one call, which has one record at most.
        """
        if self.every is None:
            return sum(self.is_epoch_due(epoch) for epoch in range(epochs))
        if not steps:
            return 0
        last = steps - 1 if self.stop is None else min(steps - 1, self.stop)
        return min(self._records_until(last), -(-steps // per_call))

    def _records_until(self, step: int) -> int:
        if self.every is None or step < self.start:
            return 0
        unit = (step - self.start) // self.every
        if not self.is_logarithmic or unit < _RECORDS_PER_OCTAVE:
            return unit + 1
        octave = unit.bit_length() - 1
        in_octave = (unit - (1 << octave)) >> (octave - _OCTAVE_BITS)
        return _RECORDS_PER_OCTAVE * (1 + octave - _OCTAVE_BITS) + in_octave + 1


def _is_logarithmically_due(unit: int) -> bool:
    octave = max(unit.bit_length() - 1 - _OCTAVE_BITS, 0)
    return unit % (1 << octave) == 0


def _batches(update_freq: str | int) -> int | None:
    if update_freq == "epoch":
        return None
    if update_freq == "batch":
        return 1
    if isinstance(update_freq, int) and update_freq >= 1 and update_freq is not True:
        return update_freq
    raise ValueError(
        f'update_freq is {update_freq!r}; use "epoch", "batch" or a number of batches'
        " from 1."
    )
