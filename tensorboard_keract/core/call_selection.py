"""Which calls of a model: layer selectors, applied while a pass is traced."""

from __future__ import annotations

import inspect
import math
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tensorboard_keract.core.layer_selection import (
    LayerSelector,
    UnknownLayerError,
    select_layers,
)
from tensorboard_keract.core.trace import LayerCall


@dataclass(frozen=True)
class CallSelection:
    """Chooses calls by layer selectors, while a pass is traced.

    Layers of the level that is looked at, `nested` or not, are chosen first, and deeper
    ones where none of it fits. Hashable, and without a reference that keeps a model
    alive: layers and functions are held weakly.
    """

    include: tuple[Any, ...] | None
    exclude: tuple[Any, ...]
    nested: bool

    @classmethod
    def of(
        cls,
        include: Iterable[LayerSelector] | None,
        exclude: Iterable[LayerSelector],
        nested: bool,
    ) -> CallSelection:
        """From selectors; None includes all."""
        included = None if include is None else tuple(map(held, include))
        return cls(included, tuple(map(held, exclude)), nested)

    @property
    def is_hashable(self) -> bool:
        """Not if a function among the selectors isn't."""
        try:
            hash(self)
        except TypeError:
            return False
        return True

    def __call__(self, calls: Sequence[LayerCall]) -> list[LayerCall]:
        inside = [call for call in calls if call.parent is not None]
        opened = [call for call in inside if not call.is_container]
        level = opened if self.nested else [c for c in inside if c.parent is calls[-1]]
        chosen = {call.path() for call in level}
        if self.include is not None:
            chosen = self._fitting(self.include, level, inside)
        excluded = self._fitting(self.exclude, level, inside)
        if chosen and chosen <= excluded:
            raise ValueError("No layer is left: all that are chosen are excluded.")
        kept = chosen - excluded
        return [c for c in _in_model_order(calls) if c.path() in kept]

    def _fitting(
        self,
        selectors: Iterable[Any],
        level: Sequence[LayerCall],
        inside: Sequence[LayerCall],
    ) -> set[str]:
        """Paths of the calls that fit; deeper ones where none of the level does."""
        containers = [c for c in inside if c.is_container] if self.nested else []
        found: set[str] = set()
        for selector in map(released, selectors):
            try:
                fitting = select_layers(
                    _entries(level), selector, containers=_entries(containers)
                )
            except UnknownLayerError:
                fitting = select_layers(_entries(inside), selector)
            found.update(fitting)
        return found


def _in_model_order(calls: Sequence[LayerCall]) -> list[LayerCall]:
    """The calls inside the root in the order of computation, but those of a functional
    model in the order of its operations, which is that of `model.layers`.

    The two differ between branches. Layers in a layer come before it. A functional
    model whose `call` adds layers to its graph is in the order of computation.
    """
    ended = {id(call): number for number, call in enumerate(calls)}
    inner: dict[int, set[int]] = {}
    for call in calls:
        inner.setdefault(id(call.parent), set()).add(id(call.operation))
    positions: dict[int, dict[int, int]] = {}  # Of operations in functional models.
    for call in calls:
        operations = getattr(call.operation, "operations", [])
        places = {id(operation): i for i, operation in enumerate(operations)}
        if inner.get(id(call), set()) <= places.keys():
            positions[id(call)] = places

    def place(call: LayerCall) -> tuple[tuple[float, int], ...]:
        if call.parent is None:
            return ()
        position = positions.get(id(call.parent), {}).get(id(call.operation), 0)
        return (*place(call.parent), (position, ended[id(call)]))

    inside = [call for call in calls if call.parent is not None]
    return sorted(inside, key=lambda call: (*place(call), (math.inf, 0)))


def _entries(calls: Iterable[LayerCall]) -> list[tuple[str, Any]]:
    return [(call.path(), call.operation) for call in calls]


def held(selector: Any) -> Any:
    """Something that gives the selector back and, if it can, keeps no model alive."""
    if inspect.ismethod(selector):
        return weakref.WeakMethod(selector)
    if not callable(selector) or isinstance(selector, type):
        return selector
    try:
        return weakref.ref(selector)
    except TypeError:  # Such as a method of a built-in type.
        return [selector]  # Not hashable, so that no pass is kept that would hold it.


def released(held: Any) -> Any:
    if not isinstance(held, weakref.ref):
        return held[0] if isinstance(held, list) else held
    referent = held()
    if referent is None:
        raise ReferenceError("A layer or function that selects layers is gone.")
    return referent
