"""A cache bounded by what its values cost."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class LruCache(Generic[_Key, _Value]):
    """Values up to a total cost; the least recently used go first. Thread-safe."""

    def __init__(self, limit: int, cost: Callable[[_Value], int]) -> None:
        self._limit = limit
        self._cost = cost
        self._entries: OrderedDict[_Key, _Value] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, key: _Key) -> _Value | None:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: _Key, value: _Value) -> None:
        with self._lock:
            self._drop(key)
            self._entries[key] = value
            self._total += self._cost(value)
            while self._total > self._limit:
                self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._total -= self._cost(dropped)
