"""A progress bar for work that turns out to be long."""

from __future__ import annotations

import time
from typing import Final

import keras

# Work that takes no longer has no progress bar.
_QUIET_SECONDS: Final = 2.0


class Progress:
    """A progress bar that comes up once the work turns out to be long."""

    def __init__(self, total: int, wanted: bool | None, unit: str = "part") -> None:
        """Prepares it.

        Args:
          total: how much there is to do.
          wanted: whether to show it; None if the work takes more than 2 s.
          unit: of the work.
        """
        self._total = total
        self._wanted = wanted
        self._unit = unit
        self._done = 0
        self._began = time.monotonic()
        self._bar: keras.utils.Progbar | None = None

    def advance(self, count: int = 1) -> None:
        self._done += count
        if self._bar is None and self._is_wanted():
            self._bar = keras.utils.Progbar(self._total, unit_name=self._unit)
        if self._bar is not None:
            self._bar.update(self._done)

    def _is_wanted(self) -> bool:
        if self._wanted is not None:
            return self._wanted
        is_long = time.monotonic() - self._began > _QUIET_SECONDS
        return is_long and self._done < self._total
