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


class UnknownLayerError(KeyError):
    """No layer fits a selector. The message lists the layers there are."""

    def __str__(self) -> str:
        return str(self.args[0])


def select_layers(
    layers: Sequence[tuple[str, Any]],
    selectors: LayerSelector | Iterable[LayerSelector] | None,
) -> list[str]:
    """Paths of the layers that fit any of the selectors, in the order of `layers`.

    Args:
      layers: layer path and layer of each call.
      selectors: one or several; None selects all. A name or path without its call
        number selects all calls of the layer: "shared" selects "shared@0" and
        "shared@1".

    Raises:
      UnknownLayerError: if a selector fits no layer.
      TypeError: if a selector is of none of the kinds above.
    """
    if selectors is None:
        return [path for path, _ in layers]
    if isinstance(selectors, str) or not isinstance(selectors, Iterable):
        selectors = [selectors]
    chosen: set[str] = set()
    for selector in selectors:
        fitting = _fitting(layers, selector)
        if not fitting:
            raise UnknownLayerError(
                f"No layer fits {selector!r}. The layers are: "
                + ", ".join(path for path, _ in layers)
            )
        chosen.update(fitting)
    return [path for path, _ in layers if path in chosen]


def _fitting(layers: Sequence[tuple[str, Any]], selector: LayerSelector) -> list[str]:
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
