"""Which layers: one vocabulary for every function that takes layers."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import keras

# A layer path ("encoder/conv1"), a layer name ("conv1"), a glob ("encoder/*"), a
# compiled regular expression (searched in the path), a layer, a layer class, a
# position in the order of the calls (-1 is the last), or a function of the layer.
LayerSelector: TypeAlias = (
    str | re.Pattern[str] | keras.layers.Layer | type | int | Callable[[Any], bool]
)

LayerSelectors: TypeAlias = LayerSelector | Iterable[LayerSelector]


class UnknownLayerError(KeyError):
    """No layer fits a selector. The message lists the layers there are."""

    def __str__(self) -> str:
        return str(self.args[0])


def select_layers(
    layers: Sequence[tuple[str, Any]],
    include: LayerSelectors | None = None,
    exclude: LayerSelectors | None = None,
    *,
    containers: Sequence[tuple[str, Any]] = (),
) -> list[str]:
    """Paths of the layers that are included and not excluded, in the order of `layers`.

    Args:
      layers: layer path and layer of each call.
      include: one selector or several, of which one has to fit; None includes all. A
        name or path without its call number selects all calls of the layer: "shared"
        selects "shared@0" and "shared@1".
      exclude: one selector or several, of which none may fit; None excludes nothing.
      containers: path and model of each model that only holds layers. One that is
        selected by name, path, glob or class, or itself, stands for all layers in it.

    Raises:
      UnknownLayerError: if a selector fits no layer, or `include` is empty.
      ValueError: if all that is included is excluded.
      TypeError: if a selector is of none of the kinds above.
    """
    paths = [path for path, _ in layers]
    chosen = set(paths)
    if include is not None:
        selectors = listed(include)
        if not selectors:
            raise UnknownLayerError(
                "No layer is selected: the list of layers is empty. Leave it out for"
                " all. " + _known(layers, containers)
            )
        chosen = _fitting_any(layers, containers, selectors)
    if exclude is not None:
        excluded = _fitting_any(layers, containers, listed(exclude))
        if chosen and chosen <= excluded:
            raise ValueError(
                f"No layer is left: {exclude!r} excludes all that is included. "
                + _known(layers, containers)
            )
        chosen -= excluded
    return [path for path in paths if path in chosen]


def listed(selectors: LayerSelectors) -> list[LayerSelector]:
    """One selector or several as a list."""
    if isinstance(selectors, str) or not isinstance(selectors, Iterable):
        return [selectors]
    return list(selectors)


def _fitting_any(
    layers: Sequence[tuple[str, Any]],
    containers: Sequence[tuple[str, Any]],
    selectors: Iterable[LayerSelector],
) -> set[str]:
    found: set[str] = set()
    for selector in selectors:
        fitting = _fitting(layers, containers, selector)
        if not fitting:
            raise UnknownLayerError(
                f"No layer fits {selector!r}. " + _known(layers, containers)
            )
        found.update(fitting)
    return found


def _fitting(
    layers: Sequence[tuple[str, Any]],
    containers: Sequence[tuple[str, Any]],
    selector: LayerSelector,
) -> set[str]:
    if not isinstance(selector, (str, type, keras.layers.Layer)):
        return set(_fitting_of(layers, selector))
    fitting = set(_fitting_of([*layers, *containers], selector))
    within = tuple(f"{path}/" for path, _ in containers if path in fitting)
    return {path for path, _ in layers if path in fitting or path.startswith(within)}


def _known(
    layers: Sequence[tuple[str, Any]], containers: Sequence[tuple[str, Any]]
) -> str:
    known = "The layers are: " + ", ".join(path for path, _ in layers)
    if not containers:
        return known
    holders = ", ".join(path for path, _ in containers)
    return f"{known}; the models in the model: {holders}"


def _fitting_of(
    layers: Sequence[tuple[str, Any]], selector: LayerSelector
) -> list[str]:
    paths = [path for path, _ in layers]
    if isinstance(selector, str):
        return _fitting_name(paths, selector)
    if isinstance(selector, re.Pattern):
        return [path for path in paths if selector.search(path)]
    if isinstance(selector, bool):
        raise TypeError("A layer can't be selected by a bool; give its name or index.")
    if isinstance(selector, int):
        inside = -len(paths) <= selector < len(paths)
        return [paths[selector]] if inside else []
    if isinstance(selector, type):
        return [path for path, layer in layers if isinstance(layer, selector)]
    if isinstance(selector, keras.layers.Layer):
        return [path for path, layer in layers if layer is selector]
    if callable(selector):
        return [path for path, layer in layers if selector(layer)]
    raise TypeError(
        f"A layer can't be selected by {selector!r}. Give a name, path, glob, compiled"
        " regular expression, layer, layer class, index or function of the layer."
    )


def _fitting_name(paths: Sequence[str], name: str) -> list[str]:
    exact = [path for path in paths if name in (path, _without_call_numbers(path))]
    if exact:
        return exact
    by_name = [
        path
        for path in paths
        if name in (_last(path), _last(_without_call_numbers(path)))
    ]
    return by_name or [path for path in paths if fnmatch.fnmatchcase(path, name)]


def _without_call_numbers(path: str) -> str:
    return re.sub(r"@\d+(?=/|$)", "", path)


def _last(path: str) -> str:
    return path.rpartition("/")[2]
