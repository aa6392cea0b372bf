"""One vocabulary for naming layers."""

from __future__ import annotations

import re

import keras
import pytest

from tensorboard_keract.core.layer_selection import UnknownLayerError, select_layers

CONV = keras.layers.Conv2D(2, 3, name="conv")
DENSE = keras.layers.Dense(2, name="fc")
LAYERS = [
    ("encoder/conv", CONV),
    ("decoder/conv", keras.layers.Conv2D(4, 3, name="conv")),
    ("shared@0", DENSE),
    ("shared@1", DENSE),
    ("probs", keras.layers.Dense(3, activation="softmax", name="probs")),
]
ALL = [path for path, _ in LAYERS]


@pytest.mark.parametrize(
    ("selectors", "paths"),
    [
        (None, ALL),
        ("probs", ["probs"]),
        ("encoder/conv", ["encoder/conv"]),
        ("conv", ["encoder/conv", "decoder/conv"]),
        ("*/conv", ["encoder/conv", "decoder/conv"]),
        ("shared", ["shared@0", "shared@1"]),
        ("shared@1", ["shared@1"]),
        (re.compile("^(enc|dec)"), ["encoder/conv", "decoder/conv"]),
        (keras.layers.Dense, ["shared@0", "shared@1", "probs"]),
        (DENSE, ["shared@0", "shared@1"]),
        (-1, ["probs"]),
        (0, ["encoder/conv"]),
        (lambda layer: getattr(layer, "units", 0) == 3, ["probs"]),
        (["probs", "encoder/*"], ["encoder/conv", "probs"]),
        (["probs", "probs"], ["probs"]),
    ],
)
def test_selects_in_the_order_of_the_model(selectors, paths) -> None:
    assert select_layers(LAYERS, selectors) == paths


@pytest.mark.parametrize("selector", ["cnov", 5, -6, "x/*", keras.layers.LSTM])
def test_an_unknown_layer_lists_those_there_are(selector) -> None:
    with pytest.raises(UnknownLayerError, match="No layer fits") as error:
        select_layers(LAYERS, ["probs", selector])
    for path in ALL:
        assert path in str(error.value)


def test_what_is_no_selector_is_named() -> None:
    with pytest.raises(TypeError, match=r"can't be selected by 1\.5"):
        select_layers(LAYERS, [1.5])


BLOCK = keras.Sequential([keras.layers.Dense(2, name="fc")], name="block")
CONTAINERS = [("block@0", BLOCK), ("block@1", BLOCK)]
NESTED = [
    ("block@0/fc", BLOCK.layers[0]),
    ("block@1/fc", BLOCK.layers[0]),
    ("blocked", keras.layers.Flatten(name="blocked")),
]


@pytest.mark.parametrize(
    ("include", "exclude", "paths"),
    [
        (None, "probs", ALL[:-1]),
        (None, keras.layers.Dense, ALL[:2]),
        ("*/conv", re.compile("^dec"), ["encoder/conv"]),
        (["conv", "shared"], ["shared@0", 0], ["decoder/conv", "shared@1"]),
        ("conv", "probs", ALL[:2]),
        (None, [], ALL),
    ],
)
def test_excludes_from_what_is_included(include, exclude, paths) -> None:
    assert select_layers(LAYERS, include, exclude) == paths


@pytest.mark.parametrize(
    "selector", ["block", "block@*", BLOCK, keras.Sequential, ["block@0", "block@1"]]
)
def test_a_container_stands_for_the_layers_in_it(selector) -> None:
    assert select_layers(NESTED, selector, containers=CONTAINERS) == [
        "block@0/fc",
        "block@1/fc",
    ]


def test_one_call_of_a_container_stands_for_its_own_layers() -> None:
    assert select_layers(NESTED, None, "block@0", containers=CONTAINERS) == [
        "block@1/fc",
        "blocked",
    ]


def test_a_function_is_asked_about_layers_alone() -> None:
    """Not about the model: a model that trains may hold layers that don't."""
    asked = []
    select_layers(
        NESTED, lambda layer: asked.append(layer) or True, containers=CONTAINERS
    )
    assert BLOCK not in asked


def test_an_empty_selection_is_refused() -> None:
    with pytest.raises(UnknownLayerError, match=r"list of layers is empty.*probs"):
        select_layers(LAYERS, [])
    with pytest.raises(ValueError, match="excludes all that is included"):
        select_layers(LAYERS, "conv", ["conv", "probs"])


def test_an_unknown_exclusion_is_refused() -> None:
    with pytest.raises(UnknownLayerError, match=r"No layer fits 'cnov'.*block@0"):
        select_layers(NESTED, None, "cnov", containers=CONTAINERS)
